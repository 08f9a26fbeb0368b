import { request as httpRequest } from 'node:http'
import { join } from 'node:path'
import { runCommandLine } from '../../gateway/cli/run.ts'
import type { World } from './world.ts'

/** `mooring proxy` in this process. */
export type RunningProxy = { url: string; notes: string[]; stop(): Promise<number> }

/** Starts it on a free port, asking these gateways, with its memory in a folder of the world's. */
export async function startMooringProxy(
  world: Pick<World, 'chainFlags' | 'folder'>,
  gateways: readonly string[],
  state: string,
  more: readonly string[] = [],
): Promise<RunningProxy> {
  const notes: string[] = []
  let stop = () => {}
  const stopped = new Promise<void>((resolve) => {
    stop = resolve
  })
  const flags = [...world.chainFlags.slice(0, -2), '--state', join(world.folder, state)]
  const asked = gateways.flatMap((url) => ['--gateway', url])
  return new Promise((ready, failed) => {
    const end = () => {
      stop()
      return ended
    }
    const ended = runCommandLine(['proxy', '--port', '0', '--json', ...flags, ...asked, ...more], {
      environment: {},
      print: (line) => {
        const { ready: isReady, proxy } = JSON.parse(line) as { ready?: boolean; proxy: string }
        if (isReady) ready({ url: proxy, notes, stop: end })
        else failed(new Error(line))
      },
      note: (line) => notes.push(line),
      waitForStop: () => stopped,
    })
    ended.then((code) => failed(new Error(`ended with ${code}: ${notes.join('\n')}`)))
  })
}

/** An answer of the proxy with its error, where it is one. `bytes` null: the connection broke before its end. */
export type Pulled = {
  status: number
  headers: Headers
  bytes: Uint8Array | null
  error: { code: string; message: string; detail?: { reason?: string } } | undefined
}

/** Asks for a path below `/v2/`. */
export async function pull(url: string, path: string, init: RequestInit = {}): Promise<Pulled> {
  const response = await fetch(`${url}/v2/${path}`, init)
  const bytes = await response.bytes().catch(() => null)
  const isError = response.status >= 400 && bytes !== null && bytes.length > 0
  const error = isError ? JSON.parse(Buffer.from(bytes).toString()).errors[0] : undefined
  return { status: response.status, headers: response.headers, bytes, error }
}

/** A request with a Host header or a method of one's own, which fetch does not let one choose. */
export function statusWithHost(url: string, host: string, method = 'GET'): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    httpRequest(`${url}/v2/`, { method, headers: { host } }, (response) => {
      response.resume()
      resolve(response.statusCode)
    })
      .on('error', reject)
      .end()
  })
}
