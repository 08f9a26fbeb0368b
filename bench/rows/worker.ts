import { createHash, randomBytes } from 'node:crypto'
import { gzipSync } from 'node:zlib'
import { encodeTagLookup, gatewayUrlTemplates } from '../../gateway/ens/lookup.ts'
import { repositoryOf } from '../../gateway/ens/name.ts'
import { ZERO_REFERENCE } from '../../gateway/tags/entry.ts'
import { bundleWorker } from '../../test/interop/workerd.ts'
import { type Chain, cores, cpuMilliseconds, makeFolder, type Running, startScript, untilIdle } from '../lab.ts'
import { publishEntries, publishList } from '../lists.ts'
import { measureOnce, writePaths } from '../load/load.ts'
import { createRow, median, type Row } from '../row.ts'
import { tagAt } from '../tags.ts'

const goal = 'the goal'

type RunningWorker = Running<{ url: string; workerdPid: number }>

/** The vars of a Worker for this chain. */
function varsOf({ rpc, chainId, ensRegistry, resolver }: Chain): Record<string, string> {
  return {
    MOORING_RPC: rpc,
    MOORING_CHAIN_ID: String(chainId),
    MOORING_ENS_REGISTRY: ensRegistry,
    MOORING_RESOLVER: resolver,
    MOORING_RATE_LIMIT: '0',
  }
}

function startWorker(chain: Chain, name: string): Promise<RunningWorker> {
  const order = { entry: `bench/peers/${name}.mjs`, vars: varsOf(chain) }
  return startScript('./peers/worker.ts', order, cores?.server)
}

/** What `wrangler deploy` sends, all modules together. */
export async function measureBundle(): Promise<Row[]> {
  const { modules } = await bundleWorker(makeFolder())
  const sum = (bytesOf: (bytes: Buffer) => number) =>
    modules.reduce((total, { bytes }) => total + bytesOf(bytes), 0) / 1000
  return [
    createRow(
      'Worker bundle, minified',
      'kB',
      1,
      sum((bytes) => bytes.length),
      { [goal]: 400 },
    ),
    createRow(
      'Worker bundle, gzipped',
      'kB',
      1,
      sum((bytes) => gzipSync(bytes, { level: 9 }).length),
      { [goal]: 130 },
    ),
  ]
}

type Starts = Record<'ms' | 'cpuMs', number[]>

/** From starting workerd to the first answer, with the same bindings in both; on the clock, and of CPU, which other work does not change. */
export async function measureColdStart(chain: Chain, runs: number): Promise<Row[]> {
  const order = { runs, vars: varsOf(chain) }
  const { ready, stop } = await startScript<Record<'ours' | 'empty', Starts>>('./load/cold-start.ts', order)
  await stop()
  const rowsOf = (of: keyof Starts, name: string, peers: Record<string, number>) => {
    const [ours, empty] = [median(ready.ours[of]), median(ready.empty[of])]
    return [
      createRow(name, 'ms', runs, ours, { 'an empty Worker': empty }),
      createRow(`${name}, over an empty one`, 'ms', runs, ours - empty, peers),
    ]
  }
  const name = 'Worker, start to first answer'
  return [...rowsOf('ms', name, { [goal]: 50 }), ...rowsOf('cpuMs', `${name}, CPU of workerd`, {})]
}

const tags = 10_000
/** Fits the answers that a Worker keeps. */
const warmTags = 3_000

/**
 * CPU of the whole workerd process for each lookup, HTTP and the simulated database included, which on Cloudflare are not the Worker's;
 * beside it what an empty Worker and one question to that database take in the same way. And round trips, counted at the binding.
 */
export async function measureWorkerLookups(chain: Chain, runs: number): Promise<Row[]> {
  const ensName = 'lookups.demo.eth'
  const [worker, empty] = [await startWorker(chain, 'counted-worker'), await startWorker(chain, 'empty-worker')]
  await publishList(worker.ready.url, chain, ensName, tags)
  const paths = Array.from({ length: tags }, (_, at) => lookupPath(chain, ensName, tagAt(at)))
  const first = await cpuOfEach(worker, paths)
  const warmPaths = paths.slice(-warmTags)
  await cpuOfEach(worker, warmPaths)
  const before = await countsOf(worker)
  const cpu = { warm: [] as number[], nothing: [] as number[], question: [] as number[] }
  for (let run = 0; run < runs; run += 1) {
    cpu.warm.push(await cpuOfEach(worker, warmPaths))
    cpu.nothing.push(await cpuOfEach(empty, warmPaths))
    cpu.question.push(
      await cpuOfEach(
        empty,
        warmPaths.map((path) => `/database${path}`),
      ),
    )
  }
  const roundTrips = ((await countsOf(worker)).roundTrips - before.roundTrips) / (runs * warmTags)
  await Promise.all([worker.stop(), empty.stop()])
  const peers = {
    [goal]: 2,
    'an empty Worker': median(cpu.nothing),
    'a Worker that asks D1 once': median(cpu.question),
  }
  const name = `CPU of workerd for a lookup in ${tags} tags`
  return [
    createRow(`${name}, first time`, 'ms', 1, first, peers),
    createRow(`${name}, warm`, 'ms', runs, median(cpu.warm), peers),
    createRow('D1 round trips of a warm lookup', 'round trips', runs * warmTags, roundTrips, { [goal]: 1 }),
  ]
}

function lookupPath({ chainId, resolver }: Chain, ensName: string, tag: string): string {
  const { get } = gatewayUrlTemplates('', chainId, resolver)
  return get.replace('{sender}', resolver).replace('{data}', encodeTagLookup(ensName, tag, 'text'))
}

async function cpuOfEach({ ready }: RunningWorker, paths: readonly string[]): Promise<number> {
  await untilIdle(ready.workerdPid)
  const before = cpuMilliseconds(ready.workerdPid)
  await measureOnce(ready.url, writePaths(paths))
  await untilIdle(ready.workerdPid)
  return (cpuMilliseconds(ready.workerdPid) - before) / paths.length
}

type Counts = { roundTrips: number; rowsWritten: number; mostHeldBytes: number }

async function countsOf({ ready }: RunningWorker): Promise<Counts> {
  return (await ask('GET', `${ready.url}/bench/counts`, 200)).json() as Promise<Counts>
}

async function ask(method: string, url: string, status: number, init: RequestInit = {}): Promise<Response> {
  const response = await fetch(url, { method, ...init })
  if (response.status === status) return response
  throw new Error(`${method} ${url}: ${response.status} ${(await response.text()).slice(0, 500)}`)
}

/** Rows written by publishes of one tag, as D1 counts and bills them: indexes too. */
export async function measureWorkerPublish(chain: Chain, size: number): Promise<Row[]> {
  const worker = await startWorker(chain, 'counted-worker')
  const { chainId, resolver, publisherKey } = chain
  const body = JSON.stringify({ ensName: 'demo.eth', tags: size, publisherKey, domain: { chainId, resolver } })
  const url = `${worker.ready.url}/bench/publish/v2/demo.eth/_mooring/list`
  const taken = (await (await ask('POST', url, 200, { body })).json()) as Counts[]
  await worker.stop()
  const kinds = ['adds a tag to', 'moves a tag of', 'removes a tag of'].map((kind) => `${kind} ${size}`)
  return kinds.flatMap((kind, at) => [
    createRow(`rows written by a publish that ${kind}`, 'rows', 1, taken[at]?.rowsWritten ?? 0, { [goal]: 60 }),
    createRow(`D1 round trips of a publish that ${kind}`, 'round trips', 1, taken[at]?.roundTrips ?? 0),
  ])
}

const repository = 'demo.eth/streams'
const ociIndex = 'application/vnd.oci.image.index.v1+json'

/** What our streams hold of a PATCH and of a GET, as they count it. */
export async function measureWorkerStreams(chain: Chain, patchMegabytes: number, getMegabytes: number): Promise<Row[]> {
  const worker = await startWorker(chain, 'counted-worker')
  const { url } = worker.ready
  const bytes = randomBytes(getMegabytes * 1e6)
  const digest = `sha256:${createHash('sha256').update(bytes).digest('hex')}`
  let location = (await ask('POST', `${url}/v2/${repository}/blobs/uploads/`, 202)).headers.get('location')
  const cut = patchMegabytes * 1e6
  for (const body of [bytes.subarray(0, cut), bytes.subarray(cut)]) {
    location = (await ask('PATCH', new URL(location ?? '', url).href, 202, { body: new Uint8Array(body) })).headers.get(
      'location',
    )
  }
  await ask('PUT', `${new URL(location ?? '', url).href}?digest=${digest}`, 201)
  const { mostHeldBytes } = await countsOf(worker)
  const pulled = await (await ask('GET', `${url}/bench/pull/v2/${repository}/blobs/${digest}`, 200)).json()
  const {
    status,
    bytes: received,
    mostHeldBytes: held,
  } = pulled as { status: number; bytes: number; mostHeldBytes: number }
  if (status !== 200 || received !== bytes.byteLength) throw new Error(`GET: ${status}, ${received} bytes`)
  await worker.stop()
  return [
    createRow(`held at a time of a PATCH of ${patchMegabytes} MB`, 'MB', 1, mostHeldBytes / 1e6, { [goal]: 24 }),
    createRow(`held at a time of a GET of ${getMegabytes} MB from R2`, 'MB', 1, held / 1e6, { [goal]: 8 }),
  ]
}

/** Round trips to D1 of a manifest that was pushed and published: by tag and by digest, each for the first time and again. */
export async function measureWorkerManifest(chain: Chain): Promise<Row[]> {
  const worker = await startWorker(chain, 'counted-worker')
  const ensName = 'manifest.demo.eth'
  const manifests = `${worker.ready.url}/v2/${repositoryOf(ensName)}/manifests`
  const text = JSON.stringify({ schemaVersion: 2, mediaType: ociIndex, manifests: [] })
  const digest = `sha256:${createHash('sha256').update(text).digest('hex')}` as const
  const headers = { 'content-type': ociIndex }
  await ask('PUT', `${manifests}/${digest}`, 201, { headers, body: text })
  const described = { digest, size: text.length, mediaType: ociIndex, swarmReference: ZERO_REFERENCE }
  const entry = { ...described, updatedVersion: 1, flags: 0 }
  await publishEntries(worker.ready.url, chain, ensName, [{ tag: 'latest', entry }])
  const rows: Row[] = []
  for (const [what, name] of [
    ['by tag', 'latest'],
    ['by digest', digest],
  ]) {
    for (const when of ['first time', 'warm']) {
      const before = await countsOf(worker)
      await (await ask('GET', `${manifests}/${name}`, 200)).arrayBuffer()
      const roundTrips = (await countsOf(worker)).roundTrips - before.roundTrips
      const title = `D1 round trips of a manifest GET ${what}, ${when}`
      rows.push(createRow(title, 'round trips', 1, roundTrips, { [goal]: 2 }))
    }
  }
  await worker.stop()
  return rows
}
