import { createHash, randomBytes } from 'node:crypto'
import { type Chain, cores, makeFolder, residentMegabytes, startGateway, startScript, untilIdle } from '../lab.ts'
import { type Asking, measureRandom, writePaths } from '../load/load.ts'
import { hasReferrers, missingPeers, type Registry, startRegistries } from '../peers/registries.ts'
import { createRow, median, type Row } from '../row.ts'

/** How much is measured: `--quick` shows that it works. */
type Scale = {
  runs: number
  seconds: number
  blobs: readonly number[]
  tags: number
  referrers: number
  parallel: number
  large: number
}

const full: Scale = {
  runs: 5,
  seconds: 2,
  blobs: [0.1, 10, 100],
  tags: 10_000,
  referrers: 1_000,
  parallel: 50,
  large: 1_000,
}
const small: Scale = { runs: 1, seconds: 1, blobs: [0.1, 1], tags: 200, referrers: 50, parallel: 10, large: 5 }

const repository = 'demo.eth/bench'
const manifestType = 'application/vnd.oci.image.manifest.v1+json'
const emptyConfig = Buffer.from('{}')
const ours = 'mooring'

type Values = Map<string, number>
type Stand = { registries: readonly Registry[]; scale: Scale }

/** The registry API beside stock registries, each on the same core with the client on the other, one after the other in every run. */
export async function measureRegistry(chain: Chain, quick: boolean): Promise<Row[]> {
  const missing = missingPeers()
  if (missing.length > 0) process.stderr.write(`  not installed, so not compared: ${missing.join(', ')}\n`)
  const gateway = await startGateway(chain, makeFolder())
  const own: Registry = { name: ours, url: gateway.ready.gateway, pid: gateway.pid, stop: gateway.stop }
  const registries = [own, ...(await startRegistries())]
  const stand: Stand = { registries, scale: quick ? small : full }
  const rows = [
    ...(await measureManifests(stand)),
    ...(await measureTagPages(stand)),
    ...(await measureReferrers(stand)),
    ...(await measureParallelTags(stand)),
    ...(await measurePushes(stand)),
    ...(await measurePulls(stand)),
  ]
  await Promise.all(registries.map(({ stop }) => stop()))
  return [...rows, ...(await measureTransfersInMemory(chain, stand.scale))]
}

async function measureManifests({ registries, scale }: Stand): Promise<Row[]> {
  const manifest = createManifest('manifest')
  for (const registry of registries) await pushManifest(registry, manifest, 'v1')
  const base = `/v2/${repository}/manifests`
  return [
    await compareRates('manifest GET by tag', registries, scale, [`${base}/v1`]),
    await compareRates('manifest GET by digest', registries, scale, [`${base}/${digestOf(manifest)}`]),
    await compareRates('manifest HEAD by tag', registries, scale, [`${base}/v1`], 'HEAD'),
  ]
}

async function measureTagPages({ registries, scale }: Stand): Promise<Row[]> {
  const tags = Array.from({ length: scale.tags }, (_, at) => `t${String(at).padStart(6, '0')}`)
  for (const registry of registries) await putTags(registry, 'many', registry.name === ours ? together(tags) : tags, 8)
  const pages = tags
    .filter((_, at) => at % 100 === 0)
    .map((last) => `/v2/${repository}/many/tags/list?n=100&last=${last}`)
  return [await compareRates(`tags/list, pages of 100 of ${scale.tags} tags`, registries, scale, pages)]
}

/** The same tags in groups, each one request with `?tag=` for every tag: a list signed once, which the peers do not have. */
function together(tags: readonly string[]): string[] {
  const groups = Array.from({ length: Math.ceil(tags.length / 100) }, (_, at) => tags.slice(at * 100, (at + 1) * 100))
  return groups.map((group) => `${digestOf(taggedManifest)}?${group.map((tag) => `tag=${tag}`).join('&')}`)
}

async function measureReferrers({ registries, scale }: Stand): Promise<Row[]> {
  const able = registries.filter(hasReferrers)
  const subject = createManifest('subject')
  const about = { mediaType: manifestType, digest: digestOf(subject), size: subject.length }
  for (const registry of able) {
    await pushManifest(registry, subject, 'subject')
    for (let at = 0; at < scale.referrers; at += 1)
      await pushManifest(registry, createManifest(`referrer ${at}`, about))
  }
  const path = `/v2/${repository}/referrers/${about.digest}`
  return [await compareRates(`referrers, ${scale.referrers} of one subject`, able, scale, [path])]
}

/** Each push is a signed list with us, a file with the others. */
async function measureParallelTags({ registries, scale }: Stand): Promise<Row[]> {
  const worst = new Map<string, number[]>()
  for (let run = 0; run < scale.runs; run += 1) {
    for (const registry of registries) {
      const tags = Array.from({ length: scale.parallel }, (_, at) => `p${run}-${at}`)
      const seconds = await putTags(registry, 'parallel', tags, scale.parallel)
      const p99 = [...seconds].sort((a, b) => a - b)[Math.ceil(seconds.length * 0.99) - 1] ?? 0
      collect(worst, registry, p99 * 1000)
    }
  }
  await expectTags(registries[0] as Registry, scale.parallel * scale.runs)
  return [rowOf(`${scale.parallel} parallel pushes of tags to one repository, p99`, 'ms', scale.runs, worst)]
}

async function expectTags({ url }: Registry, count: number): Promise<void> {
  const response = await fetch(`${url}/v2/${repository}/parallel/tags/list`)
  const { tags } = (await response.json()) as { tags: string[] }
  if (tags.length !== count) throw new Error(`${tags.length} tags after ${count} acknowledged pushes`)
}

async function measurePushes({ registries, scale }: Stand): Promise<Row[]> {
  const rows: Row[] = []
  for (const how of ['monolithic', 'streamed', 'resumed'] as const) {
    for (const megabytes of scale.blobs.map((size) => Math.max(1, size))) {
      if (how === 'resumed' && megabytes < 100 && scale === full) continue
      const name = how === 'resumed' ? 'in parts of 5 MiB, one refused with 416' : how
      const order = { repository, push: how, megabytes, times: 1 }
      rows.push(await compareTransfers(`blob push ${name}, ${megabytes} MB`, registries, scale, megabytes, () => order))
    }
  }
  return rows
}

async function measurePulls({ registries, scale }: Stand): Promise<Row[]> {
  const rows: Row[] = []
  for (const megabytes of scale.blobs) {
    const blob = randomBytes(megabytes * 1e6)
    for (const registry of registries) await pushBlob(registry, blob)
    const order = {
      repository,
      pull: `/v2/${repository}/blobs/${digestOf(blob)}`,
      parallel: 1,
      times: megabytes < 1 ? 50 : 3,
    }
    rows.push(await compareTransfers(`blob GET, ${megabytes} MB`, registries, scale, megabytes, () => order))
  }
  return rows
}

/** Each registry by itself, started for this, so that nothing else it did counts. */
async function measureTransfersInMemory(chain: Chain, scale: Scale): Promise<Row[]> {
  const pull = new Map<string, number[]>()
  const push = new Map<string, number[]>()
  const blob = randomBytes(scale.large * 1e5)
  const gateway = await startGateway(chain, makeFolder())
  const own: Registry = { name: ours, url: gateway.ready.gateway, pid: gateway.pid, stop: gateway.stop }
  for (const registry of [own, ...(await startRegistries())]) {
    await transfer(registry, { repository, push: 'streamed', megabytes: scale.large, times: 1 })
    collect(push, registry, residentMegabytes(registry.pid).peak)
    await pushBlob(registry, blob)
    const path = `/v2/${repository}/blobs/${digestOf(blob)}`
    await transfer(registry, { repository, pull: path, parallel: scale.parallel, times: 1 })
    collect(pull, registry, residentMegabytes(registry.pid).peak)
    await registry.stop()
  }
  return [
    rowOf(`resident memory at the highest, one push of ${scale.large} MB`, 'MB', 1, push),
    rowOf(
      `resident memory at the highest, then ${scale.parallel} pulls of ${scale.large / 10} MB at once`,
      'MB',
      1,
      pull,
    ),
  ]
}

async function compareRates(
  name: string,
  registries: readonly Registry[],
  { runs, seconds }: Scale,
  paths: readonly string[],
  method: Asking['method'] = 'GET',
): Promise<Row> {
  const file = writePaths(paths)
  const rates = new Map<string, number[]>()
  for (let run = 0; run < runs; run += 1) {
    for (const registry of registries) {
      await Promise.all(registries.map(({ pid }) => untilIdle(pid)))
      collect(rates, registry, await measureRandom(registry.url, file, seconds, { method, accept: manifestType }))
    }
  }
  return rowOf(name, 'requests/s', runs, rates)
}

async function compareTransfers(
  name: string,
  registries: readonly Registry[],
  { runs }: Scale,
  megabytes: number,
  order: () => object,
): Promise<Row> {
  const rates = new Map<string, number[]>()
  const unable = new Set<Registry>()
  for (let run = 0; run < runs; run += 1) {
    for (const registry of registries.filter((each) => !unable.has(each))) {
      await Promise.all(registries.map(({ pid }) => untilIdle(pid)))
      const seconds = await transfer(registry, order()).catch((error: Error) => leaveOut(registry, name, error))
      if (seconds) collect(rates, registry, megabytes / median(seconds))
      else unable.add(registry)
    }
  }
  return rowOf(name, 'MB/s', runs, rates)
}

/** A peer that does not do what is measured has no value in that row; we always have. */
function leaveOut({ name }: Registry, row: string, error: Error): undefined {
  if (name === ours) throw error
  process.stderr.write(`  ${row}: ${name} left out: ${error.message.split('\n').slice(1, 8).join(' ').slice(0, 300)}\n`)
}

async function transfer({ url }: Registry, order: object): Promise<number[]> {
  const client = await startScript<{ seconds: number[] }>('./load/registry-client.ts', { url, ...order }, cores?.client)
  await client.stop()
  return client.ready.seconds
}

function collect(all: Map<string, number[]>, { name }: Registry, value: number): void {
  all.set(name, [...(all.get(name) ?? []), value])
}

function rowOf(name: string, unit: string, runs: number, all: ReadonlyMap<string, readonly number[]>): Row {
  process.stderr.write(
    `  ${name}\n${[...all].map(([registry, values]) => `    ${registry} ${Number(median(values).toPrecision(4))} ${unit}\n`).join('')}`,
  )
  const medians: Values = new Map([...all].map(([registry, values]) => [registry, median(values)]))
  const own = medians.get(ours) ?? 0
  medians.delete(ours)
  return createRow(name, unit, runs, own, Object.fromEntries(medians))
}

function digestOf(bytes: Buffer): string {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`
}

function createManifest(comment: string, subject?: object): Buffer {
  const empty = { mediaType: 'application/vnd.oci.empty.v1+json', digest: digestOf(emptyConfig), size: 2 }
  const what = {
    schemaVersion: 2,
    mediaType: manifestType,
    artifactType: 'application/vnd.example',
    config: empty,
    layers: [empty],
  }
  return Buffer.from(JSON.stringify({ ...what, ...(subject && { subject }), annotations: { comment } }))
}

const taggedManifest = createManifest('tagged')

async function pushBlob({ url }: Registry, bytes: Buffer, into = repository): Promise<void> {
  const begun = await fetch(`${url}/v2/${into}/blobs/uploads/`, { method: 'POST' })
  const location = new URL(begun.headers.get('location') ?? '', url)
  location.searchParams.set('digest', digestOf(bytes))
  const headers = { 'content-type': 'application/octet-stream' }
  const { status } = await fetch(location, { method: 'PUT', body: new Uint8Array(bytes), headers })
  if (status !== 201) throw new Error(`PUT ${location}: ${status}`)
}

async function pushManifest(registry: Registry, manifest: Buffer, tag = digestOf(manifest)): Promise<void> {
  await pushBlob(registry, emptyConfig)
  const url = `${registry.url}/v2/${repository}/manifests/${tag}`
  const headers = { 'content-type': manifestType }
  const { status } = await fetch(url, { method: 'PUT', body: new Uint8Array(manifest), headers })
  if (status !== 201) throw new Error(`PUT ${url}: ${status}`)
}

async function putTags(registry: Registry, leaf: string, tags: readonly string[], parallel: number): Promise<number[]> {
  const into = `${repository}/${leaf}`
  await pushBlob(registry, emptyConfig, into)
  const order = { tags, manifest: taggedManifest.toString(), mediaType: manifestType, parallel }
  return transfer(registry, { repository: into, ...order })
}
