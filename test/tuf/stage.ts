import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Abi, createClient, encodeFunctionData, type Hex, http } from 'viem'
import type { Patience } from '../../gateway/cli/client/patience.ts'
import { openClient, openSessionWith, type Session } from '../../gateway/cli/client/session.ts'
import { type DevChain, startDevChain } from '../../gateway/cli/dev-chain.ts'
import { parseCommandLine } from '../../gateway/cli/flags.ts'
import { createNameReader } from '../../gateway/cli/proxy/served-names.ts'
import { createStanding } from '../../gateway/cli/proxy/standing.ts'
import { proxy as proxyVerb } from '../../gateway/cli/proxy.ts'
import { mooringResolverAbi } from '../../gateway/ens/abi.ts'
import { encodeDnsName } from '../../gateway/ens/name.ts'
import { createStorageState, type VerifyTagOptions, verifyTag } from '../../gateway/library/index.ts'
import { createProxyApp } from '../../gateway/proxy/app.ts'
import type { ListDomain } from '../../gateway/tags/list.ts'
import { createNameDesk } from '../cli/owner/names.ts'
import { addressOf, testKeys } from '../fixtures.ts'

/** Who signs, by the well-known test keys. */
export type Who = keyof typeof testKeys

/** A chain with ENS and the resolver, where every test has a name of its own. */
export type Stage = {
  chain: DevChain
  domain: ListDomain
  folder: string
  chainFlags: readonly string[]
  /** A name that nobody had before, the owner's. */
  openName(): Promise<string>
  /** A call of the resolver's by somebody: `name` goes first. */
  call(who: Who, functionName: string, ensName: string, ...args: readonly unknown[]): Promise<void>
  desk: ReturnType<typeof createNameDesk>
  /** A client that has seen nothing yet; both of its faces remember from one question to the next. */
  openClient(gateways: readonly string[], options?: ClientOptions): TufClient
  close(): Promise<void>
}

/** What a client is started with, where it is not the usual. */
export type ClientOptions = { rpcUrls?: readonly string[]; patience?: Patience }

/** What was asked twice: through the proxy and through the library. */
export type TufClient = {
  /** `200 <digest>`, or the status with the error name. */
  proxy(
    repositoryPath: string,
  ): Promise<{ status: number; reason: string | undefined; headers: Headers; bytes: Uint8Array | null }>
  library(ensName: string, tag: string, more?: Partial<VerifyTagOptions>): Promise<string>
  /** Both, as `[proxy, library]`: `present`, `absent`, or the error name. */
  ask(ensName: string, tag: string): Promise<[string, string]>
  /** As a command that publishes opens it, with the same memory. */
  session(ensName: string): Promise<Session>
  stateDir: string
}

let opened = 0

/** Starts a stage on ports that the system gives. */
export async function startStage(): Promise<Stage> {
  const folder = await mkdtemp(join(tmpdir(), 'mooring-tuf-'))
  const chain = await startDevChain({
    gatewayUrls: [],
    names: [
      'first.eth',
      { name: 'other.eth', owner: addressOf(testKeys.other) },
      { name: 'third.eth', owner: addressOf(testKeys.third) },
    ],
    publisher: addressOf(testKeys.owner),
  })
  const { ensRegistry, resolver, universalResolver } = chain.addresses
  const chainFlags = ['--ens-registry', ensRegistry, '--universal-resolver', universalResolver]
  const desk = createNameDesk(chain)
  const stage: Stage = {
    ...{ chain, folder, chainFlags, desk, domain: { chainId: chain.chainId, resolver } },
    async openName() {
      const label = `staged${opened++}`
      await desk.register(label, addressOf(testKeys.owner), resolver)
      return `${label}.eth`
    },
    call: (who, functionName, ensName, ...args) => {
      const abi: Abi = mooringResolverAbi
      const data = encodeFunctionData({ abi, functionName, args: [encodeDnsName(ensName), ...args] })
      return chain.send({ from: addressOf(testKeys[who]), to: resolver, data })
    },
    openClient: (gateways, options = {}) => createTufClient(stage, gateways, options),
    async close() {
      await chain.close()
      await rm(folder, { recursive: true })
    },
  }
  return stage
}

const usualPatience: Patience = { firstByteMs: 2_000, windowMs: 2_000, leastBytes: 1 }

function createTufClient(stage: Stage, gateways: readonly string[], options: ClientOptions): TufClient {
  const { rpcUrls = [stage.chain.rpc], patience = usualPatience } = options
  const stateDir = join(stage.folder, `state-${opened++}`)
  const stored = new Map<string, string>()
  const state = createStorageState({
    getItem: (key) => stored.get(key) ?? null,
    setItem: (key, text) => void stored.set(key, text),
  })
  const args = [
    ...rpcUrls.flatMap((url) => ['--rpc', url]),
    ...gateways.flatMap((url) => ['--gateway', url]),
    ...stage.chainFlags,
    ...['--state', stateDir, '--timeout-ms', `${patience.firstByteMs}`],
  ]
  const open = () => {
    const { settings, positionals } = parseCommandLine(proxyVerb.flags, args, {})
    const quiet = { print: () => {}, note: () => {}, environment: {}, waitForStop: async () => {} }
    return openClient({ ...quiet, settings, positionals }, patience.firstByteMs)
  }
  /** A proxy of its own for each question: what it keeps for a few seconds is not what these tests are about. */
  const openProxy = async () => {
    const standing = createStanding(Date.now)
    const reader = createNameReader({ client: await open(), patience, standing, more: () => [] })
    return createProxyApp({ reader, clock: Date.now, log: () => {} })
  }
  const proxy: TufClient['proxy'] = async (path) => {
    const app = await openProxy()
    const response = await app.fetch(new Request(`http://localhost:5055/v2/${path}`))
    const bytes = await response.arrayBuffer().then(
      (body) => new Uint8Array(body),
      () => null,
    )
    const isError = response.status >= 400 && bytes !== null
    const error = isError ? JSON.parse(Buffer.from(bytes).toString()).errors[0] : undefined
    return { status: response.status, headers: response.headers, bytes, reason: error?.detail?.reason ?? error?.code }
  }
  const library: TufClient['library'] = async (name, tag, more = {}) => {
    const [first, ...others] = rpcUrls.map((url) => createClient({ transport: http(url) }))
    const client = [first as NonNullable<typeof first>, ...others] as const
    const { ensRegistry } = stage.chain.addresses
    try {
      return (
        await verifyTag({ client, name, tag, ensRegistry, gateways, state, timeoutMs: patience.firstByteMs, ...more })
      ).status
    } catch (error) {
      return (error as { reason?: string }).reason ?? (error as Error).name
    }
  }
  return {
    ...{ proxy, library, stateDir },
    session: async (ensName) => openSessionWith(await open(), ensName),
    async ask(ensName, tag) {
      const { status, reason } = await proxy(`${ensName}/manifests/${tag}`)
      const said = status === 200 ? 'present' : status === 404 ? 'absent' : `${status} ${reason}`
      return [said, await library(ensName, tag)]
    },
  }
}

/** What both faces say of a tag that is there. */
export const accepted = ['present', 'present']

/** What both faces say of a lie: the proxy in its status, too. */
export function refused(reason: string): [string, string] {
  return [`403 ${reason}`, reason]
}

/** The time of a chain's latest block, unix seconds. */
export async function chainTime(stage: Stage): Promise<bigint> {
  const body = JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'eth_getBlockByNumber', params: ['latest', false] })
  const headers = { 'content-type': 'application/json' }
  const answer = await (await fetch(stage.chain.rpc, { method: 'POST', headers, body })).json()
  return BigInt((answer as { result: { timestamp: Hex } }).result.timestamp)
}
