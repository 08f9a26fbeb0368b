import { createHash, randomBytes } from 'node:crypto'
import { Agent, type IncomingMessage, type OutgoingHttpHeaders, request } from 'node:http'

// A registry client in a process of its own. Argument: an order below; prints {seconds: [...]}, one per transfer.

/** `monolithic`: POST, PUT with the body. `streamed`: POST, one PATCH of unknown length, PUT. `resumed`: parts of 5 MiB, one of them first at a wrong offset. */
type PushOrder = { push: 'monolithic' | 'streamed' | 'resumed'; megabytes: number; times: number }
/** GET of one path, so many at once, `times` times over. */
type PullOrder = { pull: string; parallel: number; times: number }
/** PUT of the same manifest under so many tags at once, or one after the other with `parallel` 1. */
type TagOrder = { tags: readonly string[]; manifest: string; mediaType: string; parallel: number }
type Order = { url: string; repository: string } & (PushOrder | PullOrder | TagOrder)

const partBytes = 5 * 2 ** 20
const order: Order = JSON.parse(process.argv[2] ?? '{}')
const agent = new Agent({ keepAlive: true, maxSockets: 1000, noDelay: true })

type Answer = { status: number; location: string; range: string; bytes: number }

function send(method: string, url: string, headers: OutgoingHttpHeaders = {}, body?: Buffer): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const sent = request(url, { method, headers, agent }, (response) => readAnswer(url, response).then(resolve, reject))
    sent.once('error', reject)
    if (body && headers['transfer-encoding']) writeSlices(sent, body)
    else sent.end(body)
  })
}

/** Slices of 1 MiB, each when the one before has left: what a client does that reads a file. */
function writeSlices(sent: NodeJS.WritableStream, body: Buffer, from = 0): void {
  if (from >= body.length) sent.end()
  else sent.write(body.subarray(from, from + 2 ** 20), () => writeSlices(sent, body, from + 2 ** 20))
}

async function readAnswer(url: string, response: IncomingMessage): Promise<Answer> {
  let bytes = 0
  for await (const piece of response) bytes += (piece as Buffer).length
  const { location = '', range = '' } = response.headers
  return { status: response.statusCode ?? 0, location: new URL(location, url).href, range: String(range), bytes }
}

async function expectStatus(wanted: number, answer: Promise<Answer>): Promise<Answer> {
  const seen = await answer
  if (seen.status === wanted) return seen
  throw new Error(`${JSON.stringify(order).slice(0, 300)}: ${seen.status} instead of ${wanted}`)
}

function withDigest(location: string, body: Buffer): string {
  const digest = `sha256:${createHash('sha256').update(body).digest('hex')}`
  return `${location}${location.includes('?') ? '&' : '?'}digest=${encodeURIComponent(digest)}`
}

async function push(how: PushOrder['push'], body: Buffer, finish: (location: string) => string): Promise<void> {
  const uploads = `${order.url}/v2/${order.repository}/blobs/uploads/`
  const bytes = { 'content-type': 'application/octet-stream' }
  let { location } = await expectStatus(202, send('POST', uploads, { 'content-length': 0 }))
  if (how === 'monolithic') {
    await expectStatus(201, send('PUT', finish(location), { ...bytes, 'content-length': body.length }, body))
    return
  }
  if (how === 'streamed') {
    const patch = send('PATCH', location, { ...bytes, 'transfer-encoding': 'chunked' }, body)
    location = (await expectStatus(202, patch)).location
  } else location = await pushParts(location, body)
  await expectStatus(201, send('PUT', finish(location), { 'content-length': 0 }))
}

/** Half-way one part goes to a wrong offset: 416, then the upload's own word where it stands. */
async function pushParts(begin: string, body: Buffer): Promise<string> {
  let location = begin
  const patch = (at: number, from: number) => {
    const part = body.subarray(from, from + partBytes)
    const range = `${at}-${at + part.length - 1}`
    return send('PATCH', location, { 'content-range': range, 'content-length': part.length }, part)
  }
  const wrongAt = Math.floor(body.length / 2 / partBytes) * partBytes
  for (let from = 0; from < body.length; from += partBytes) {
    if (from === wrongAt && from > 0) {
      await expectStatus(416, patch(from + 1, from))
      const status = await expectStatus(204, send('GET', location))
      if (status.range !== `0-${from - 1}`) throw new Error(`upload stands at ${status.range}, not at 0-${from - 1}`)
      location = status.location
    }
    location = (await expectStatus(202, patch(from, from))).location
  }
  return location
}

async function timed(work: () => Promise<unknown>): Promise<number> {
  const begin = process.hrtime.bigint()
  await work()
  return Number(process.hrtime.bigint() - begin) / 1e9
}

/** Each push is of bytes that the registry has not seen; making and hashing them is not timed. */
async function measurePushes({ push: how, megabytes, times }: PushOrder): Promise<number[]> {
  const seconds: number[] = []
  const body = randomBytes(megabytes * 1e6)
  for (let time = 0; time < times; time += 1) {
    randomBytes(16).copy(body)
    const query = withDigest('x:', body).slice(2)
    const finish = (location: string) => `${location}${location.includes('?') ? '&' : '?'}${query.slice(1)}`
    seconds.push(await timed(() => push(how, body, finish)))
  }
  return seconds
}

async function measurePulls({ pull, parallel, times }: PullOrder): Promise<number[]> {
  const seconds: number[] = []
  const get = () => expectStatus(200, send('GET', `${order.url}${pull}`))
  for (let time = 0; time < times; time += 1) {
    seconds.push(await timed(() => Promise.all(Array.from({ length: parallel }, get))))
  }
  return seconds
}

async function measureTags({ tags, manifest, mediaType, parallel }: TagOrder): Promise<number[]> {
  const seconds: number[] = []
  const body = Buffer.from(manifest)
  const headers = { 'content-type': mediaType, 'content-length': body.length }
  const left = [...tags]
  const work = async () => {
    for (let tag = left.shift(); tag !== undefined; tag = left.shift()) {
      const url = `${order.url}/v2/${order.repository}/manifests/${tag}`
      seconds.push(await timed(() => expectStatus(201, send('PUT', url, headers, body))))
    }
  }
  await Promise.all(Array.from({ length: parallel }, work))
  return seconds
}

function measure(): Promise<number[]> {
  if ('push' in order) return measurePushes(order)
  if ('pull' in order) return measurePulls(order)
  return measureTags(order)
}

process.stdout.write(`${JSON.stringify({ seconds: await measure() })}\n`)
agent.destroy()
