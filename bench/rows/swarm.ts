import { createHash, randomBytes } from 'node:crypto'
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { bytesToHex, type Hex } from 'viem'
import { parseDigest } from '../../gateway/oci/digest.ts'
import { encodeContentIndex, encodeIndexRoot, type IndexRow } from '../../gateway/swarm/content-index.ts'
import { openSwarmHash } from '../../gateway/swarm/node-wasm.ts'
import {
  type Chain,
  cores,
  makeFolder,
  type Running,
  resetPeak,
  residentMegabytes,
  startGateway,
  startScript,
} from '../lab.ts'
import { createRow, median, type Row } from '../row.ts'

type Rates<Ways extends string> = Record<Ways, number[]>
type Node = { beeUrl: string; postageBatchId: Hex; isReal: boolean }
type Gateway = Running<{ gateway: string }>
/** A blob in a gateway's repository and on Swarm, and where the gateway keeps it. */
type Blob = { path: string; beePath: string; file: string }

const repository = 'demo.eth/swarm'

/** Hashing against bee-js, ingest, cold pulls through a gateway against the node itself, and what the content index takes. */
export async function measureSwarm(chain: Chain, quick: boolean): Promise<Row[]> {
  const runs = quick ? 1 : 5
  return [
    ...(await measureHash(quick ? 4 : 64, quick ? 1 : 8, runs)),
    ...(await measureIngest(quick ? 4 : 64, quick ? 1 : 8, runs)),
    ...(await measureColdPulls(chain, quick ? 8 : 100, runs)),
    ...(await measureIndex(10_000, quick ? 2 : 20)),
  ]
}

async function measureHash(megabytes: number, beeJsMegabytes: number, runs: number): Promise<Row[]> {
  const order = { megabytes, beeJsMegabytes, runs }
  const onNode = await runOnce<Rates<'ours' | 'beeJs'>>('./load/swarm-hash.ts', order, cores?.server)
  const inWorkerd = await runOnce<Rates<'ours' | 'beeJs'>>('./load/workerd.ts', order)
  const row = (name: string, { ours, beeJs }: Rates<'ours' | 'beeJs'>) =>
    createRow(name, 'MB/s', runs, median(ours), { 'bee-js': median(beeJs) })
  return [row('Swarm hash on one core', onNode), row('Swarm hash in workerd', inWorkerd)]
}

async function measureIngest(megabytes: number, beeJsMegabytes: number, runs: number): Promise<Row[]> {
  const order = { folder: makeFolder(), megabytes, beeJsMegabytes, runs }
  const rates = await runOnce<Rates<'threads' | 'oneThread' | 'beeJs'>>('./load/swarm-ingest.ts', order)
  const name = 'ingest with sha256 and Swarm hash in one pass'
  const oneThread = median(rates.oneThread)
  const peers = { 'sha256 first, then bee-js': median(rates.beeJs) }
  return [
    createRow(`${name}, one thread`, 'MB/s', runs, oneThread, peers),
    createRow(`${name}, hashed on threads`, 'MB/s', runs, median(rates.threads), { 'one thread': oneThread }),
  ]
}

/** Where `BEE_URL` names no node, a fake one, which the rows say. */
async function measureColdPulls(chain: Chain, megabytes: number, runs: number): Promise<Row[]> {
  const { ready: node, stop } = await startScript<Node>('./peers/bee.ts', {})
  const bee = node.isReal ? 'a real Bee' : 'a fake Bee'
  const dataDir = makeFolder()
  const more = ['--bee', node.beeUrl, '--postage-batch', node.postageBatchId]
  const filling = await startGateway(chain, dataDir, [...more, '--swarm-sync'])
  const blob = await pushBlob(filling.ready.gateway, dataDir, randomBytes(megabytes * 1e6))
  await filling.stop()
  const gateway = await startGateway(chain, dataDir, more)
  const overIdle = await measureMemory(gateway, blob)
  const rates = await measurePulls(gateway, node, blob, megabytes, runs)
  await Promise.all([gateway.stop(), stop()])
  const name = `cold pull of ${megabytes} MB from ${bee}`
  const peers = { [`straight from ${bee}`]: median(rates.straight) }
  return [
    createRow(name, 'MB/s', runs, median(rates.cold), peers),
    createRow(`memory at the highest over idle, ${name}`, 'MB', 1, overIdle),
  ]
}

/** Of a gateway that did nothing before. */
async function measureMemory({ ready, pid }: Gateway, blob: Blob): Promise<number> {
  await fetch(`${ready.gateway}/v2/`).then((response) => response.arrayBuffer())
  const idle = residentMegabytes(pid).now
  resetPeak(pid)
  await pullCold(ready.gateway, blob)
  return residentMegabytes(pid).peak - idle
}

async function measurePulls(
  { ready }: Gateway,
  { beeUrl }: Node,
  blob: Blob,
  megabytes: number,
  runs: number,
): Promise<Rates<'cold' | 'straight'>> {
  const rates: Rates<'cold' | 'straight'> = { cold: [], straight: [] }
  for (let run = 0; run < runs; run += 1) {
    rates.straight.push(megabytes / (await pull(beeUrl, blob.beePath)))
    rates.cold.push(megabytes / (await pullCold(ready.gateway, blob)))
  }
  return rates
}

/** As if the gateway had lost it: the file goes, the ledger still knows where it is. */
function pullCold(gatewayUrl: string, { path, file }: Blob): Promise<number> {
  rmSync(file)
  return pull(gatewayUrl, path)
}

async function pull(url: string, path: string): Promise<number> {
  const order = { url, repository, pull: path, parallel: 1, times: 1 }
  const { seconds } = await runOnce<{ seconds: number[] }>('./load/registry-client.ts', order)
  return median(seconds)
}

/** Acknowledged when it is on Swarm. */
async function pushBlob(gatewayUrl: string, dataDir: string, bytes: Buffer): Promise<Blob> {
  const digest = parseDigest(`sha256:${createHash('sha256').update(bytes).digest('hex')}`)
  const hex = digest.slice('sha256:'.length)
  const begun = await fetch(`${gatewayUrl}/v2/${repository}/blobs/uploads/`, { method: 'POST' })
  const location = new URL(begun.headers.get('location') ?? '', gatewayUrl)
  location.searchParams.set('digest', digest)
  const headers = { 'content-type': 'application/octet-stream' }
  const closed = await fetch(location, { method: 'PUT', body: new Uint8Array(bytes), headers })
  if (closed.status !== 201) throw new Error(`PUT ${location}: ${closed.status} ${await closed.text()}`)
  const hasher = (await openSwarmHash()).createHasher()
  hasher.update(bytes)
  return {
    path: `/v2/${repository}/blobs/${digest}`,
    beePath: `/bytes/${hasher.digest().slice(2)}`,
    file: join(dataDir, 'content', 'sha256', hex.slice(0, 2), hex),
  }
}

/** Bytes of a whole index, and how many of its chunks are new after an image of three blobs: the worst of `images`. */
async function measureIndex(blobs: number, images: number): Promise<Row[]> {
  const rows = Array.from({ length: blobs }, () => randomRow('blob'))
  const before = await encodeIndex(rows)
  const fresh: number[] = []
  for (let image = 0; image < images; image += 1) {
    const added = [randomRow('blob'), randomRow('blob'), randomRow('blob'), randomRow(ociManifest)]
    const { chunks } = await encodeIndex([...rows, ...added])
    fresh.push([...chunks].filter((address) => !before.chunks.has(address)).length)
  }
  const name = `chunks uploaded again, an image of three new blobs beside ${blobs}, the worst of ${images}`
  return [
    createRow(`content index of ${blobs} blobs`, 'kB', 1, before.bytes / 1000),
    createRow(name, 'chunks', 1, Math.max(...fresh)),
  ]
}

const ociManifest = { mediaType: 'application/vnd.oci.image.manifest.v1+json' }

function randomRow(kind: 'blob' | { mediaType: string }): IndexRow {
  const digest = parseDigest(`sha256:${randomBytes(32).toString('hex')}`)
  const row = { digest, swarmReference: bytesToHex(randomBytes(32)), size: randomBytes(4).readUInt32BE() }
  return kind === 'blob' ? row : { ...row, ...kind }
}

async function encodeIndex(rows: readonly IndexRow[]): Promise<{ bytes: number; chunks: ReadonlySet<Hex> }> {
  const hash = await openSwarmHash()
  const chunks = new Set<Hex>()
  const referenceOf = (bytes: Uint8Array): Hex => {
    const hasher = hash.createHasher(({ address }) => chunks.add(bytesToHex(address)))
    hasher.update(bytes)
    return hasher.digest()
  }
  const shards = encodeContentIndex(rows)
  const places = shards.map(({ firstByte, bytes }) => {
    return { firstByte, swarmReference: referenceOf(bytes), size: bytes.byteLength }
  })
  const root = encodeIndexRoot(places)
  referenceOf(root)
  return { bytes: shards.reduce((sum, { bytes }) => sum + bytes.byteLength, root.byteLength), chunks }
}

async function runOnce<Result>(path: string, order: object, core?: number): Promise<Result> {
  const { ready, stop } = await startScript<Result>(path, order, core)
  await stop()
  return ready
}
