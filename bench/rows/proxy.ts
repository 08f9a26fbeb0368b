import { createHash, randomBytes } from 'node:crypto'
import { type Chain, makeFolder, resetPeak, residentMegabytes, startGateway, startProxy, untilIdle } from '../lab.ts'
import { pullImage } from '../load/pull-image.ts'
import { createRow, median, type Row } from '../row.ts'

const repository = 'demo.eth/proxied'
const tag = 'v1'
const direct = 'direct from the gateway'
const layerCount = 4

/** Everything under test: a gateway with one image, which the proxies are told to ask. */
type Stand = { chain: Chain; gatewayUrl: string; runs: number; megabytes: number }

/**
 * What the verifying proxy adds to the pull of an image, by turns through it and straight from the gateway that it asks: warm, when it
 * asked about the tag a moment ago; cold, by a proxy that was just started and remembers nothing. And what memory that takes.
 */
export async function measureProxy(chain: Chain, quick: boolean): Promise<Row[]> {
  const gateway = await startGateway(chain, makeFolder())
  const gatewayUrl = gateway.ready.gateway
  const stand: Stand = { chain, gatewayUrl, runs: quick ? 3 : 21, megabytes: quick ? 5 : 50 }
  await pushImage(gatewayUrl, stand.megabytes)
  await pullImage(gatewayUrl, repository, tag)
  const rows = [...(await measureWarm(stand)), await measureCold(stand)]
  await gateway.stop()
  return rows
}

async function measureWarm({ chain, gatewayUrl, runs, megabytes }: Stand): Promise<Row[]> {
  const proxy = await startProxy(chain, gatewayUrl, makeFolder())
  await untilIdle(proxy.pid)
  const idle = residentMegabytes(proxy.pid).now
  const seconds: Seconds = { proxied: [], direct: [] }
  await pullImage(proxy.ready.proxy, repository, tag)
  resetPeak(proxy.pid)
  for (let run = 0; run < runs; run += 1) await pullBothWays(proxy.ready.proxy, gatewayUrl, run, seconds)
  const { peak } = residentMegabytes(proxy.pid)
  await proxy.stop()
  const [ours, peer] = [median(seconds.proxied) * 1000, median(seconds.direct) * 1000]
  return [
    createRow(`warm pull of ${megabytes} MB through the proxy`, 'ms', runs, ours, { [direct]: peer }),
    createRow('memory of the proxy while it is pulled from, at the highest', 'MB', 1, peak, { idle }),
    createRow('memory of the proxy over idle', 'MB', 1, peak - idle),
  ]
}

async function measureCold({ chain, gatewayUrl, runs, megabytes }: Stand): Promise<Row> {
  const seconds: Seconds = { proxied: [], direct: [] }
  for (let run = 0; run < runs; run += 1) {
    const proxy = await startProxy(chain, gatewayUrl, makeFolder())
    await untilIdle(proxy.pid)
    await pullBothWays(proxy.ready.proxy, gatewayUrl, run, seconds)
    await proxy.stop()
  }
  const [ours, peer] = [median(seconds.proxied) * 1000, median(seconds.direct) * 1000]
  return createRow(`first pull of ${megabytes} MB through a cold proxy`, 'ms', runs, ours, { [direct]: peer })
}

type Seconds = Record<'proxied' | 'direct', number[]>

/** By turns in either order: whoever comes first finds a machine that was idle, and is the slower for it. */
async function pullBothWays(proxyUrl: string, gatewayUrl: string, run: number, seconds: Seconds): Promise<void> {
  const ways = [['proxied', proxyUrl] as const, ['direct', gatewayUrl] as const]
  for (const [way, url] of run % 2 === 0 ? ways : ways.reverse()) {
    seconds[way].push(await pullImage(url, repository, tag))
  }
}

/** An image whose layers nobody can compress. */
async function pushImage(gatewayUrl: string, megabytes: number): Promise<void> {
  const base = `${gatewayUrl}/v2/${repository}`
  const layers = Array.from({ length: layerCount }, () => randomBytes(Math.floor((megabytes * 1e6) / layerCount)))
  const [config, ...rest] = await Promise.all([Buffer.from('{}'), ...layers].map((bytes) => pushBlob(base, bytes)))
  const mediaType = 'application/vnd.oci.image.manifest.v1+json'
  const body = JSON.stringify({ schemaVersion: 2, mediaType, config, layers: rest })
  await put(`${base}/manifests/${tag}`, mediaType, body)
}

async function pushBlob(base: string, bytes: Buffer<ArrayBuffer>) {
  const digest = `sha256:${createHash('sha256').update(bytes).digest('hex')}`
  const begun = await fetch(`${base}/blobs/uploads/`, { method: 'POST' })
  const location = new URL(begun.headers.get('location') ?? '', base)
  location.searchParams.set('digest', digest)
  await put(location.href, 'application/octet-stream', bytes)
  return { mediaType: 'application/octet-stream', digest, size: bytes.length }
}

async function put(url: string, type: string, body: string | Uint8Array<ArrayBuffer>): Promise<void> {
  const answer = await fetch(url, { method: 'PUT', headers: { 'content-type': type }, body })
  if (answer.status !== 201) throw new Error(`PUT ${url} answers ${answer.status}: ${await answer.text()}`)
}
