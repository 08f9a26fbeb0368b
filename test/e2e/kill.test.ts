import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { type Digest, digestOf } from '../../gateway/oci/digest.ts'
import { command } from '../cli/command.ts'
import { startWorld, type World } from './world.ts'

// Whole processes, each of which loads everything: slow machines may take their time.
vi.setConfig({ testTimeout: 120_000 })

let world: World
let serving: ChildProcess | undefined
beforeAll(async () => {
  world = await startWorld()
})
afterAll(async () => {
  serving?.kill('SIGKILL')
  await world.close()
})

const root = fileURLToPath(new URL('../../', import.meta.url))

/** `mooring serve` as a process of its own over a folder of this test, on a port that the system gives. */
async function startServe(): Promise<{ child: ChildProcess; url: string }> {
  const { config, folder } = world
  const flags = [
    ...['serve', '--json', '--port', '0', '--data', join(folder, 'killed'), '--rpc', config.rpcUrls[0] as string],
    ...['--chain-id', `${config.chainId}`, '--ens-registry', config.ensRegistry, '--resolver', config.resolver],
    ...['--publisher-key-file', config.publisherKeyFile as string, '--gc-interval', '1', '--gc-grace', '20'],
    ...['--gc-history-versions', '1', '--gc-history-days', '0'],
  ]
  const source = ['--import', 'tsx', 'gateway/cli/main.ts', ...flags]
  const child = spawn(process.execPath, source, { cwd: root, stdio: ['ignore', 'pipe', 'inherit'] })
  serving = child
  const [line] = await Promise.race([
    once(child.stdout, 'data'),
    once(child, 'exit').then(() => {
      throw new Error('the gateway did not start')
    }),
  ])
  return { child, url: JSON.parse(String(line)).gateway }
}

const imageType = 'application/vnd.oci.image.manifest.v1+json'
const configType = 'application/vnd.oci.image.config.v1+json'

/** Pushes one image after another until the gateway is gone; `acknowledged` has the tags that were answered 201. */
async function pushUntilKilled(url: string, prefix: string, acknowledged: Map<string, Digest>): Promise<void> {
  const repository = `${url}/v2/acme.eth`
  for (let count = 0; ; count++) {
    const tag = `${prefix}-${count}`
    const config = new TextEncoder().encode(JSON.stringify({ tag }))
    const begun = await fetch(`${repository}/blobs/uploads/`, { method: 'POST' })
    const location = `${url}${begun.headers.get('location')}`
    await fetch(location, { method: 'PATCH', body: config.slice(0, 5) })
    const digest = await digestOf('sha256', config)
    const closed = await fetch(`${location}?digest=${digest}`, { method: 'PUT', body: config.slice(5) })
    expect(closed.status).toBe(201)
    const descriptor = { mediaType: configType, digest, size: config.byteLength }
    const manifest = JSON.stringify({ schemaVersion: 2, mediaType: imageType, config: descriptor, layers: [] })
    const put = { method: 'PUT', headers: { 'content-type': imageType }, body: manifest }
    const pushed = await fetch(`${repository}/manifests/${tag}`, put)
    expect(pushed.status).toBe(201)
    acknowledged.set(tag, pushed.headers.get('docker-content-digest') as Digest)
  }
}

/** The tags of the signed list, each with its digest, after manifest and config were read and hashed. */
async function readBack(url: string): Promise<Map<string, Digest>> {
  const repository = `${url}/v2/acme.eth`
  const { entries } = await (await fetch(`${repository}/_mooring/list`)).json()
  const tags = new Map<string, Digest>()
  for (const { tag, digest } of entries as { tag: string; digest: Digest }[]) {
    const manifest = new Uint8Array(await (await fetch(`${repository}/manifests/${tag}`)).arrayBuffer())
    expect(await digestOf('sha256', manifest)).toBe(digest)
    const { config } = JSON.parse(new TextDecoder().decode(manifest))
    const blob = await (await fetch(`${repository}/blobs/${config.digest}`)).arrayBuffer()
    expect(await digestOf('sha256', new Uint8Array(blob))).toBe(config.digest)
    tags.set(tag, digest)
  }
  return tags
}

test('kill -9 while five clients push: the folder is free at once, and every tag that got its 201 is signed and whole', async () => {
  const acknowledged = new Map<string, Digest>()
  for (let round = 0; round < 2; round++) {
    const { child, url } = await startServe()
    const pushes = Array.from({ length: 5 }, (_, client) => pushUntilKilled(url, `r${round}-c${client}`, acknowledged))
    const ended = Promise.allSettled(pushes)
    const enough = acknowledged.size + 12
    await vi.waitUntil(() => acknowledged.size >= enough, { timeout: 60_000, interval: 1 })
    child.kill('SIGKILL')
    for (const outcome of await ended) {
      expect(outcome).toMatchObject({ status: 'rejected', reason: expect.any(TypeError) })
    }
  }
  const { child, url } = await startServe()
  const tags = await readBack(url)
  expect(acknowledged.size).toBeGreaterThanOrEqual(24)
  for (const [tag, digest] of acknowledged) expect([tag, tags.get(tag)]).toEqual([tag, digest])
  child.kill('SIGTERM')
  expect(await once(child, 'exit')).toEqual([0, null])
  const fsck = await command(['fsck', '--data', join(world.folder, 'killed'), '--json'])
  expect([fsck.code, JSON.parse(fsck.out)]).toEqual([0, { ok: true, problems: [] }])
})
