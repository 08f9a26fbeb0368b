import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { createViemChain } from '../../gateway/chain/viem-chain.ts'
import { buildDemoImage, type DemoImage } from '../../gateway/cli/demo/image.ts'
import { pushImage } from '../../gateway/cli/demo/push.ts'
import { type DevChain, startDevChain } from '../../gateway/cli/dev-chain.ts'
import type { Config } from '../../gateway/config.ts'
import { type Gateway, startGateway } from '../../gateway/serve.ts'
import { addressOf, testKeys } from '../fixtures.ts'

const program = fileURLToPath(new URL('../../dist/mooring.js', import.meta.url))

/** The chain of `mooring dev`, and a gateway on it that holds no key: what is pushed waits for a signature. */
export type BrowserWorld = {
  chain: DevChain
  relay: Gateway
  folder: string
  /** What commands need to find this chain. */
  chainFlags: readonly string[]
  close(): Promise<void>
}

/** Starts it. */
export async function startBrowserWorld(names: readonly string[]): Promise<BrowserWorld> {
  const folder = await mkdtemp(join(tmpdir(), 'mooring-browser-'))
  const chain = await startDevChain({ gatewayUrls: [], names, publisher: addressOf(testKeys.owner) })
  const { ensRegistry, universalResolver } = chain.addresses
  const relay = await startOn(chain, join(folder, 'relay'))
  const close = async () => {
    await relay.close()
    await chain.close()
    await rm(folder, { recursive: true, force: true })
  }
  const chainFlags = ['--rpc', chain.rpc, '--ens-registry', ensRegistry, '--universal-resolver', universalResolver]
  return { chain, relay, folder, chainFlags, close }
}

/** Starts a gateway without a key on a chain. */
export function startOn(chain: DevChain, dataDir: string, more: Partial<Config> = {}): Promise<Gateway> {
  const { rpc, chainId } = chain
  const { ensRegistry, resolver } = chain.addresses
  const config: Config = {
    ...{ port: 0, host: '127.0.0.1', dataDir, rpcUrls: [rpc], chainId, ensRegistry, resolver },
    ...{ publisherKeyFile: null, insecureNoAuth: false, ...more },
  }
  // As the chain says at every moment: a gateway may remember it for 15 s, which no test waits for.
  return startGateway(config, {
    log: () => {},
    chain: createViemChain({ rpcUrl: rpc, chainId, ensRegistry, resolver }),
  })
}

/** Pushes an image as docker does: its tags wait at the gateway. */
export async function stage({ relay }: BrowserWorld, ensName: string, ...tags: string[]): Promise<DemoImage> {
  const image = buildDemoImage(`${ensName} ${tags}`)
  await pushImage(`${relay.url}/v2/${ensName}`, image, tags)
  return image
}

/** A command that waits for a person at its signing page. */
export type RunningCommand = {
  child: ChildProcess
  /** Where the page is, once the command has said so. */
  pageUrl: Promise<string>
  /** All that it wrote to stderr so far. */
  said(): string
  /** Waits until stderr has such a line. @throws Error when the command ends without */
  sees(pattern: RegExp): Promise<void>
  ended: Promise<{ code: number | null; out: string; err: string }>
}

const running = new Set<ChildProcess>()
process.once('exit', () => {
  for (const child of running) child.kill('SIGKILL')
})

/** Runs the built command line. */
export function startCommand(home: string, args: readonly string[]): RunningCommand {
  const environment = { PATH: process.env.PATH, HOME: home }
  const child = spawn(process.execPath, [program, ...args], { env: environment, stdio: ['ignore', 'pipe', 'pipe'] })
  running.add(child)
  let [out, err] = ['', '']
  child.stdout.on('data', (bytes: Buffer) => {
    out += bytes
  })
  child.stderr.on('data', (bytes: Buffer) => {
    err += bytes
  })
  const ended = once(child, 'close').then(([code]) => {
    running.delete(child)
    return { code: code as number | null, out, err }
  })
  const sees = async (pattern: RegExp) => {
    let isOver = false
    void ended.then(() => {
      isOver = true
    })
    while (!pattern.test(err)) {
      if (isOver) throw new Error(`it ended and never said ${pattern}:\n${err}${out}`)
      await Promise.race([once(child.stderr, 'data'), ended])
    }
  }
  const pageUrl = sees(/open this page.*\n/).then(() => /open this page.* (http:\S+)\n/.exec(err)?.[1] ?? '')
  pageUrl.catch(() => {})
  return { child, pageUrl, said: () => err, sees, ended }
}

let states = 0
/** `mooring publish NAME --browser` at the gateway, with a memory of its own unless one is named. */
export function startPublish(world: BrowserWorld, ensName: string, flags: readonly string[] = [], state = '') {
  const stateDir = join(world.folder, state || `state-${++states}`)
  const where = ['--gateway', world.relay.url, ...world.chainFlags, '--state', stateDir]
  return startCommand(world.folder, ['publish', ensName, '--browser', '--yes', '--json', ...where, ...flags])
}

/** What a plain pull of a tag gets: its digest, and whether it is published (else it waits, and the answer says so). */
export async function pull({ relay }: BrowserWorld, ensName: string, tag: string) {
  const answer = await fetch(`${relay.url}/v2/${ensName}/manifests/${tag}`, { headers: { accept: '*/*' } })
  await answer.arrayBuffer()
  const isPublished = answer.status === 200 && answer.headers.get('warning') === null
  return { isPublished, digest: answer.headers.get('docker-content-digest') }
}
