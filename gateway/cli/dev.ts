import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { resolve as absolutePath, join } from 'node:path'
import type { Address, Hex } from 'viem'
import { type Config, ConfigError, readSwitch, readText } from '../config.ts'
import { parseNameArgument, repositoryOf } from '../ens/name.ts'
import { startGateway } from '../serve.ts'
import { readSwarmConfig } from '../swarm-config.ts'
import { defaultLookupTimeoutMs } from './client/ccip.ts'
import { type Connection, nameChain } from './client/connect.ts'
import type { Expected } from './client/content.ts'
import { createClientMemory } from './client/memory.ts'
import { openName } from './client/name-on-chain.ts'
import type { Session } from './client/session.ts'
import {
  demoTags,
  keepOldAnswer,
  pullBack,
  refuseLies,
  resolveWithViem,
  shortDigest,
  verifyBothWays,
} from './demo/account.ts'
import { buildDemoImage, type DemoImage } from './demo/image.ts'
import { startLyingGateway } from './demo/liar.ts'
import { pushImage, renewTag } from './demo/push.ts'
import { createStepLog, type StepLog } from './demo/steps.ts'
import { renderNextLines } from './demo/text.ts'
import { choosePort, openPublisherKey } from './demo/world.ts'
import { type DevChain, startDevChain } from './dev-chain.ts'
import { type DevNode, openDevNode, pullFromSwarm, recoverFromSwarm, waitForUpload } from './dev-swarm.ts'
import { exitCodes, jsonFlag, type Verb, type VerbContext } from './verb.ts'

/** `mooring dev` */
export const dev: Verb = {
  name: 'dev',
  usage: '[flags]',
  summary: 'Show all of it on this machine: a chain with ENS, a gateway, a push, a lookup, a pull, and lies refused.',
  notes: [
    'Stays up until SIGINT or SIGTERM. A port that is not asked for by number gives way when it is taken.',
    'A Bee node in development mode that has no postage batch is given one; any other one must have a batch, and nothing is bought there.',
  ],
  flags: [
    { name: 'once', value: null, help: 'end after the account; exit code 0 only if every step held' },
    { name: 'name', value: 'NAME', repeatable: true, help: 'ENS names to register (default demo.eth)' },
    { name: 'port', value: 'N', help: 'port of the gateway (default 5050)' },
    { name: 'rpc-port', value: 'N', help: 'port of the chain (default 8545)' },
    { name: 'data', value: 'DIR', help: 'keep what is pushed, and the key, in DIR (default: a temporary folder)' },
    { name: 'bee', value: 'URL', help: 'API of a Bee node: the image goes to Swarm, and comes back from there alone' },
    {
      name: 'postage-batch',
      value: 'ID',
      help: 'postage batch that pays (default: the usable one of the node that lasts longest)',
    },
    jsonFlag,
  ],
  run: async (context) => {
    const names = readNames(context)
    readSwarmConfig(context.settings)
    const ports = {
      gateway: await choosePort(context.settings, 'port', 5050),
      rpc: await choosePort(context.settings, 'rpc-port', 8545),
    }
    const stopped = context.waitForStop()
    const cleanups: (() => Promise<unknown>)[] = []
    try {
      return await runDemo(context, names, ports, stopped, cleanups)
    } finally {
      for (const cleanup of cleanups.reverse()) await cleanup()
    }
  },
}

/** What the JSON of `mooring dev` tells about the running demo. */
type DemoWorld = {
  gateway: string | null
  rpc: string | null
  chainId: number | null
  ensRegistry: Address | null
  universalResolver: Address | null
  resolver: Address | null
  names: readonly string[]
  publisher: Address | null
  publisherKeyFile: string | null
  dataDir: string | null
  /** With `--bee`. */
  bee: string | null
  postageBatchId: Hex | null
}

type Ports = { gateway: number; rpc: number }
type Cleanups = (() => Promise<unknown>)[]

async function runDemo(
  context: VerbContext,
  names: readonly string[],
  ports: Ports,
  stopped: Promise<void>,
  cleanups: Cleanups,
): Promise<number> {
  const json = readSwitch(context.settings, 'json')
  const say = json ? context.note : context.print
  const nothing = {
    gateway: null,
    rpc: null,
    chainId: null,
    ensRegistry: null,
    universalResolver: null,
    resolver: null,
  }
  const mine = { publisher: null, publisherKeyFile: null, dataDir: null, bee: null, postageBatchId: null }
  const world: DemoWorld = { ...nothing, names, ...mine }
  const log = createStepLog(
    ({ name, ok, ms, detail }) =>
      say(`  ${ok ? 'ok  ' : 'FAIL'} ${`${ms}`.padStart(5)} ms  ${name.padEnd(8)} ${detail}`),
    () => performance.now(),
  )
  say(`Mooring: ${names.join(', ')} as a container repository, on this machine alone\n`)
  const finished = tellAccount(context, log, world, ports, cleanups).then(
    () => 'held' as const,
    (error: unknown) => {
      if (log.steps.every(({ ok }) => ok)) throw error
      return 'failed' as const
    },
  )
  const end = await Promise.race([finished, stopped.then(() => 'stopped' as const)])
  if (end === 'stopped') return exitCodes.failed
  if (json) context.print(JSON.stringify({ ok: end === 'held', steps: log.steps, ...world }))
  if (end === 'failed') return exitCodes.failed
  const once = readSwitch(context.settings, 'once')
  if (!json) context.print(once ? '\nEvery step held.' : renderNextLines(world))
  if (!once) await stopped
  return exitCodes.done
}

async function tellAccount(
  context: VerbContext,
  log: StepLog,
  world: DemoWorld,
  ports: Ports,
  cleanups: Cleanups,
): Promise<void> {
  await openDataDir(context, world, cleanups)
  const chain = await log.run('chain', () => startChain(world, ports))
  cleanups.push(() => chain.close())
  const node =
    readText(context.settings, 'bee') === undefined ? undefined : await log.run('node', () => findNode(context, world))
  const config = gatewayConfig(chain, world, ports.gateway)
  const gateway = await log.run('gateway', async () => {
    // What a node in development mode does not do is told by the step that finds out.
    const started = await startGateway(config, node ? { log: () => {} } : {})
    return [started, `${started.mode} on ${started.url}, key of ${world.publisher}`]
  })
  cleanups.push(() => gateway.close())
  world.gateway = gateway.url
  const image = buildDemoImage('Hello from an image that was found through ENS.')
  for (const ensName of world.names) {
    const latest = await tellName(log, chain, world, ensName, image)
    if (node) await tellSwarm(log, node, { ensName, chain, config, gateway: gateway.url }, latest)
  }
}

async function findNode({ settings }: VerbContext, world: DemoWorld): Promise<readonly [DevNode, string]> {
  const node = (await openDevNode(settings)) as DevNode
  Object.assign(world, { bee: node.beeUrl, postageBatchId: node.postageBatchId })
  return [node, node.describe]
}

/** The same name from Swarm alone: put there, pulled from a gateway that had nothing, recovered. */
async function tellSwarm(
  log: StepLog,
  node: DevNode,
  { ensName, chain, config, gateway }: { ensName: string; chain: DevChain; config: Config; gateway: string },
  latest: Expected,
): Promise<void> {
  const repository = repositoryOf(ensName)
  const subject = { ensName, repository, config, universalResolver: chain.addresses.universalResolver }
  const way = await log.run('upload', () => waitForUpload(`${gateway}/v2/${repository}`, node))
  await log.run('cold', async () => [undefined, await pullFromSwarm(subject, node, way, latest)])
  await log.run('recover', async () => [undefined, await recoverFromSwarm(subject, node, way)])
}

/** One name from push to refusal. The list changes after `latest` was answered once, so that there is an older list to replay. */
async function tellName(
  log: StepLog,
  chain: DevChain,
  world: DemoWorld,
  ensName: string,
  image: DemoImage,
): Promise<Expected> {
  const repository = repositoryOf(ensName)
  const repositoryUrl = `${world.gateway}/v2/${repository}`
  const { digest } = image.imageIndex
  const old = await log.run('push', async () => {
    const [earlier, latest] = demoTags
    await pushImage(repositoryUrl, image, [latest])
    const answer = await keepOldAnswer(await openDemoSession(chain, world, ensName), ensName)
    await renewTag(repositoryUrl, earlier)
    await pushImage(repositoryUrl, image, [earlier])
    return [answer, `${repository} ${latest} and ${earlier}: linux/amd64 and linux/arm64, index ${shortDigest(digest)}`]
  })
  const session = await openDemoSession(chain, world, ensName)
  const found = await log.run('resolve', async () => {
    const text = await resolveWithViem(session, ensName)
    return [text, `viem, through the Universal Resolver: oci-tag[latest] of ${ensName} is ${shortDigest(text)}`]
  })
  const expected = await log.run('verify', async () => {
    const latest = await verifyBothWays(session, ensName, found)
    const agreed = `contract and verifier agree about ${ensName}:latest, and that another tag is absent`
    return [latest, `${agreed}; on Swarm it is ${latest.swarmReference?.slice(0, 10)}...`]
  })
  const tell = (name: string, work: () => Promise<string>) =>
    log.run(name, async () => [undefined, await work()] as const)
  await tell('pull', () => pullBack(repositoryUrl, expected))
  await tell('forgery', async () => {
    const liar = await startLyingGateway()
    return refuseLies(session, ensName, liar, old).finally(() => liar.close())
  })
  return expected
}

async function openDataDir(context: VerbContext, world: DemoWorld, cleanups: Cleanups): Promise<void> {
  const given = readText(context.settings, 'data')
  const dataDir = given === undefined ? await mkdtemp(join(tmpdir(), 'mooring-')) : absolutePath(given)
  if (given === undefined) cleanups.push(() => rm(dataDir, { recursive: true, force: true }))
  const publisher = await openPublisherKey(dataDir)
  world.dataDir = dataDir
  world.publisher = publisher.address
  world.publisherKeyFile = publisher.file
}

async function startChain(world: DemoWorld, ports: Ports): Promise<readonly [DevChain, string]> {
  const { names, publisher } = world
  const gatewayUrls = [`http://127.0.0.1:${ports.gateway}`]
  const chain = await startDevChain({ port: ports.rpc, gatewayUrls, names, publisher: publisher as Address })
  const { ensRegistry, universalResolver, resolver } = chain.addresses
  Object.assign(world, { rpc: chain.rpc, chainId: chain.chainId, ensRegistry, universalResolver, resolver })
  return [chain, `chain ${chain.chainId} on ${chain.rpc}, resolver ${resolver}, ${names.join(', ')} registered`]
}

function gatewayConfig(chain: DevChain, world: DemoWorld, port: number): Config {
  return {
    port,
    host: '127.0.0.1',
    dataDir: world.dataDir as string,
    rpcUrls: [chain.rpc],
    chainId: chain.chainId,
    ensRegistry: chain.addresses.ensRegistry,
    resolver: chain.addresses.resolver,
    publisherKeyFile: world.publisherKeyFile,
    insecureNoAuth: false,
    ...(world.bee !== null && {
      swarm: { beeUrls: [world.bee], postageBatchId: world.postageBatchId, sync: false },
    }),
  }
}

async function openDemoSession(chain: DevChain, world: DemoWorld, ensName: string): Promise<Session> {
  const { ensRegistry, universalResolver } = chain.addresses
  const { chainId, rpc } = chain
  const connection: Connection = {
    ...{ chainId, chainName: await nameChain(chainId, rpc), rpcUrls: [rpc], ensRegistry, universalResolver },
    gateways: null,
    allowsPlainHttp: true,
  }
  const localTime = BigInt(Math.floor(Date.now() / 1000))
  const onChain = await openName(connection, ensName, localTime)
  const memory = createClientMemory(join(world.dataDir as string, 'client-state'), connection.chainName)
  const { node } = await onChain.readAuthority()
  const remembered = await memory.recall(onChain.domain, node)
  return { connection, onChain, memory, remembered, localTime, lookupTimeoutMs: defaultLookupTimeoutMs }
}

function readNames(context: VerbContext): string[] {
  const given = context.settings.get('name') ?? [{ from: '--name', text: 'demo.eth' }]
  if (context.positionals.length > 0) throw new ConfigError('dev', context.positionals.join(' '), 'flags only')
  return given.map(({ from, text }) => {
    try {
      return parseNameArgument(text).ensName
    } catch (error) {
      throw new ConfigError(from, text, `an ENS name such as demo.eth (${(error as Error).message})`)
    }
  })
}
