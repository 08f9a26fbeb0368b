import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { buildDemoImage, type DemoImage } from '../../gateway/cli/demo/image.ts'
import { pushImage } from '../../gateway/cli/demo/push.ts'
import { type DevChain, startDevChain } from '../../gateway/cli/dev-chain.ts'
import type { Config } from '../../gateway/config.ts'
import type { Deps } from '../../gateway/deps.ts'
import { type Gateway, startGateway } from '../../gateway/serve.ts'
import { command } from '../cli/command.ts'
import { addressOf, testKeys } from '../fixtures.ts'

/** A chain with `acme.eth`, a publishing gateway that the chain names, and a folder for everything on disk. */
export type World = {
  chain: DevChain
  gateway: Gateway
  config: Config
  folder: string
  /** What every reading command needs to find this chain, with a memory of this world's own. */
  chainFlags: readonly string[]
  close(): Promise<void>
}

/** Starts it on ports that the system gives. */
export async function startWorld(overrides: Partial<Deps> = {}): Promise<World> {
  const folder = await mkdtemp(join(tmpdir(), 'mooring-e2e-'))
  const keyFile = join(folder, 'publisher.key')
  await writeFile(keyFile, testKeys.owner, { mode: 0o600 })
  const port = await freePort()
  const chain = await startDevChain({
    gatewayUrls: [`http://127.0.0.1:${port}`],
    names: ['acme.eth', { name: 'bob.eth', owner: addressOf(testKeys.other) }],
    publisher: addressOf(testKeys.owner),
  })
  const { ensRegistry, resolver, universalResolver } = chain.addresses
  const config: Config = {
    ...{ port, host: '127.0.0.1', dataDir: join(folder, 'data'), rpcUrls: [chain.rpc], chainId: chain.chainId },
    ...{ ensRegistry, resolver, publisherKeyFile: keyFile, insecureNoAuth: false },
  }
  const gateway = await startGateway(config, { log: () => {}, ...overrides })
  const found = ['--rpc', chain.rpc, '--ens-registry', ensRegistry, '--universal-resolver', universalResolver]
  const close = async () => {
    await gateway.close()
    await chain.close()
    await rm(folder, { recursive: true })
  }
  return { chain, gateway, config, folder, chainFlags: [...found, '--state', join(folder, 'state')], close }
}

/** Pushes the demo's image to `acme.eth` under these tags. */
export async function pushTags(world: World, ...tags: string[]): Promise<DemoImage> {
  const image = buildDemoImage('Hello.')
  await pushImage(`${world.gateway.url}/v2/acme.eth`, image, tags)
  return image
}

/** Runs a reading command against a world; `json` is what it printed. */
export async function read(world: World, ...args: string[]) {
  const { code, out, err } = await command([...args, '--json', ...world.chainFlags])
  return { code, err, json: JSON.parse(out) as Record<string, unknown> }
}

/** A port that was free a moment ago. */
export async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening))
  const { port } = server.address() as AddressInfo
  await new Promise((closed) => server.close(closed))
  return port
}

/** What a dishonest server sends in place of the answer it got. */
export type Answer = { status: number; headers: Record<string, string>; body: Uint8Array }

/** A gateway that asks the honest one and sends what `alter` makes of the answer. */
export async function startProxy(target: string, alter: (answer: Answer, path: string) => Answer) {
  const server = createServer(async (request, response) => {
    const path = request.url ?? '/'
    const honest = await fetch(target + path, { headers: { accept: request.headers.accept ?? '*/*' } })
    const body = new Uint8Array(await honest.arrayBuffer())
    const type = honest.headers.get('content-type') ?? 'application/octet-stream'
    const altered = alter({ status: honest.status, headers: { 'content-type': type }, body }, path)
    response.writeHead(altered.status, altered.headers).end(altered.body)
  })
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening))
  const { port } = server.address() as AddressInfo
  const close = () => new Promise<void>((closed) => server.close(() => closed()).closeAllConnections())
  return { url: `http://127.0.0.1:${port}`, close }
}
