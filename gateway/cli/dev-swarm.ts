import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import type { Hex } from 'viem'
import { createBeeControl } from '../bee/control.ts'
import { createFetchBee } from '../bee/fetch-bee.ts'
import { type Config, ConfigError, type Settings } from '../config.ts'
import { createPostage, type KnownBatch } from '../postage.ts'
import { startGateway } from '../serve.ts'
import { readSwarmConfig } from '../swarm-config.ts'
import type { Expected } from './client/content.ts'
import { fetchBounded } from './client/http.ts'
import { pullBack } from './demo/account.ts'
import { recover } from './recover.ts'
import { exitCodes, type VerbContext } from './verb.ts'

/** A node that the demo puts its image on. */
export type DevNode = { beeUrl: string; postageBatchId: Hex; describe: string }

/** A name of the demo, and the configuration of the gateway that has it. */
export type DevSubject = { ensName: string; repository: string; config: Config; universalResolver: string }

/** Enough for any demo. On a development node, where all is for free. */
const order = { depth: 20, plurPerChunk: 1_000_000_000n, isImmutable: true, label: 'mooring dev' }

/**
 * The node that `--bee` names and a batch of it that can pay; a development node without any is given one, for no money. Undefined without
 * `--bee`. @throws ConfigError for flags that do not fit, BeeError for a node that is not ready or has no batch to use
 */
export async function openDevNode(settings: Settings): Promise<DevNode | undefined> {
  const { beeUrls, postageBatchId: wanted } = readSwarmConfig(settings)
  const [beeUrl, ...others] = beeUrls
  if (beeUrl === undefined) return undefined
  if (others.length > 0) throw new ConfigError('--bee', others.join(' '), 'one URL')
  const bee = createFetchBee({ beeUrl })
  const { isReady, version } = await bee.health()
  if (!isReady) throw new Error(`${beeUrl} (Bee ${version}) takes no uploads now: it is not ready`)
  const control = createBeeControl(bee)
  const isDevelopment = (await control.readMode()) === 'dev'
  const usable = (await bee.listPostageBatches()).filter((batch) => batch.isUsable && batch.fullness < 1)
  if (isDevelopment && wanted === null && usable.length === 0) await control.buyPostageBatch(order)
  const postage = createPostage([bee], wanted, () => BigInt(Math.floor(Date.now() / 1000)))
  const postageBatchId = await postage.choose(bee)
  const { depth, remainingSeconds } = postage.find(postageBatchId) as KnownBatch
  const days = Math.floor(remainingSeconds / 86_400)
  const what = isDevelopment ? 'Bee in development mode' : `Bee ${version}`
  return {
    beeUrl,
    postageBatchId,
    describe: `${what} at ${beeUrl}, batch ${postageBatchId.slice(0, 10)}... of depth ${depth} for ${days} days`,
  }
}

/** What `_mooring/status` says, as far as it is looked at here. */
type Status = {
  version: number
  tags: { tag: string; swarm: { local: number; queued: number; uploaded: number; verified: number } }[]
  swarm: {
    version: number | null
    payloadReference: Hex | null
    feed: { position: number | null } | null
    error: string | null
  } | null
  problems: { detail: string }[]
}

const uploadTimeoutMs = 180_000
const pollMs = 250
const maxStatusBytes = 8 * 1024 * 1024

/** How a repository on Swarm is found: by its publisher's feed, or where the node takes no updates by the reference of their payload. */
export type Way = { list: Hex | null }

/**
 * Waits until a repository, its list and its content index are on Swarm and the feed points there, as its gateway says.
 * @throws Error with what keeps it from getting there
 */
export async function waitForUpload(repositoryUrl: string, node: DevNode): Promise<readonly [Way, string]> {
  const url = `${repositoryUrl}/_mooring/status`
  const end = performance.now() + uploadTimeoutMs
  for (;;) {
    const { body } = await fetchBounded({ url, reach: 'given', timeoutMs: 30_000 }, maxStatusBytes)
    const status = JSON.parse(new TextDecoder().decode(body)) as Status
    const way = wayTo(status)
    if (way) return [way, describeUpload(status, way, node)]
    if (performance.now() > end) throw new Error(`not on Swarm yet: ${status.problems[0]?.detail ?? 'nobody says why'}`)
    await setTimeout(pollMs)
  }
}

/** Undefined while something is on its way. */
function wayTo({ version, tags, swarm }: Status): Way | undefined {
  const isThere = tags.every(({ swarm: { local, queued } }) => local + queued === 0)
  if (!isThere || swarm?.version !== version || swarm.payloadReference === null) return undefined
  if (swarm.feed && swarm.feed.position !== null) return { list: null }
  return swarm.feed === null || swarm.error !== null ? { list: swarm.payloadReference } : undefined
}

function describeUpload({ version, tags, swarm }: Status, { list }: Way, { beeUrl }: DevNode): string {
  const contents = Math.max(...tags.map(({ swarm: { uploaded, verified } }) => uploaded + verified))
  const feed = list === null ? `update ${swarm?.feed?.position} of the feed` : `no feed on this node, so --list ${list}`
  const all = `${contents} contents of ${tags.length} tags at ${beeUrl}`
  return `${all}, version ${version} of the list and the content index beside it; ${feed}`
}

/** What a recovered repository is, as `mooring recover --json` tells it. */
type Recovered = { version: number; tags: number; manifests: number; blobs: number; from: string }

/**
 * A second gateway that has nothing but what the chain and Swarm gave it, its blobs still on Swarm: the tag is pulled from it, every byte
 * checked. @throws when a byte is wrong or missing
 */
export async function pullFromSwarm(subject: DevSubject, node: DevNode, way: Way, latest: Expected): Promise<string> {
  return inNewFolder(async (folder) => {
    await runRecover(subject, node, way, folder, ['on-demand'])
    const swarm = { beeUrls: [node.beeUrl], postageBatchId: node.postageBatchId, sync: false }
    const config = { ...subject.config, port: 0, dataDir: dataFolderIn(folder), publisherKeyFile: null, swarm }
    const gateway = await startGateway(config, { log: () => {} })
    try {
      const pulled = await pullBack(`${gateway.url}/v2/${subject.repository}`, latest)
      return `from a second gateway whose store was empty: ${pulled}`
    } finally {
      await gateway.close()
    }
  })
}

/** `mooring recover` into an empty folder. @throws when anything is missing */
export async function recoverFromSwarm(subject: DevSubject, node: DevNode, way: Way): Promise<string> {
  return inNewFolder(async (folder) => {
    const { version, tags, manifests, blobs, from } = await runRecover(subject, node, way, folder, [])
    const found = `found by ${from}`
    return `version ${version} with ${tags} tags, ${manifests} manifests, ${blobs} blobs from chain and Swarm alone, ${found}`
  })
}

async function inNewFolder<Result>(work: (folder: string) => Promise<Result>): Promise<Result> {
  const folder = await mkdtemp(join(tmpdir(), 'mooring-recovered-'))
  try {
    return await work(folder)
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

const dataFolderIn = (folder: string) => join(folder, 'data')

async function runRecover(
  { ensName, config, universalResolver }: DevSubject,
  node: DevNode,
  { list }: Way,
  folder: string,
  switches: readonly string[],
): Promise<Recovered> {
  const values: Readonly<Record<string, string>> = {
    bee: node.beeUrl,
    ...(list !== null && { list }),
    rpc: config.rpcUrls[0] ?? '',
    'ens-registry': config.ensRegistry,
    'universal-resolver': universalResolver,
    data: dataFolderIn(folder),
    state: join(folder, 'state'),
    json: 'true',
  }
  const given = [...Object.entries(values), ...switches.map((name) => [name, 'true'] as const)]
  const settings = new Map(given.map(([name, text]) => [name, [{ from: `--${name}`, text }]]))
  let printed = ''
  const notes: string[] = []
  const context: VerbContext = {
    ...{ positionals: [ensName], settings, environment: {}, waitForStop: async () => {} },
    print: (line) => {
      printed = line
    },
    note: (line) => notes.push(line),
  }
  const code = await recover.run(context)
  if (code !== exitCodes.done) throw new Error(`mooring recover ends with ${code}: ${notes.join('; ')}`)
  return JSON.parse(printed) as Recovered
}
