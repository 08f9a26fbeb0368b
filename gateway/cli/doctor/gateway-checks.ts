import { request as requestHttp } from 'node:http'
import { request as requestHttps } from 'node:https'
import { isLoopbackHost } from '../../config.ts'
import { gatewayUrlTemplates } from '../../ens/lookup.ts'
import type { HttpAnswer } from '../client/http.ts'
import { STATIC_MARKER } from '../static-folder.ts'
import { Ailment, ask, checkOrigin, examine, objectIn, type Patient, skip } from './check.ts'

/** A gateway with the registry API, or one that is files on a host without a program. */
export type GatewayKind = 'full' | 'static'

/** A response's Date beside the local clock: unix seconds. */
export type ServerTime = { server: number; local: number }

const zeroAddress = `0x${'00'.repeat(20)}` as const
/** What row 5 of protocol 3.1 allows is 300 s; a clock that is far off already goes on drifting. */
const MAX_CLOCK_SECONDS = 60
/** callData that still goes by GET (protocol 4). */
const LONGEST_GET_BYTES = 900
const PART_BYTES = 90_000_000
const PROBE_MS = 1_000

const staticReason = 'this is a static gateway: it answers lookups by GET and nothing else'

/** What needs no name. Null when there is nothing to go on with. */
export async function checkGateway(patient: Patient): Promise<{ kind: GatewayKind; time: ServerTime | null } | null> {
  const { url } = patient
  let base: HttpAnswer | undefined
  const isReachable = await examine(patient, 'reachable', `see that a gateway listens at ${url}`, async () => {
    base = await ask({ url: `${url}/v2/` })
    return `${url} answers`
  })
  if (!isReachable || base === undefined) return null
  const time = timeOf(base)
  await examine(patient, 'tls', 'put TLS in front of it', async () => checkTransport(url))
  const kind = await findKind(patient, base)
  if (kind === null) return null
  await checkErrors(patient, kind)
  await checkPreflight(patient, kind)
  await checkLimits(patient, kind)
  return { kind, time }
}

function timeOf({ headers }: HttpAnswer): ServerTime | null {
  const server = Date.parse(headers.get('date') ?? '')
  return Number.isNaN(server) ? null : { server: Math.floor(server / 1000), local: Math.floor(Date.now() / 1000) }
}

function checkTransport(url: string): string {
  const { protocol, hostname } = new URL(url)
  if (protocol === 'https:') return 'over TLS'
  if (isLoopbackHost(hostname)) return 'plain http on this machine'
  const fix =
    'put TLS in front of it: clients ask gateways that the chain names over https alone, and docker pushes nothing over http'
  throw new Ailment('plain http beyond this machine', fix)
}

async function findKind(patient: Patient, base: HttpAnswer): Promise<GatewayKind | null> {
  const { url } = patient
  let kind: GatewayKind | null = null
  await examine(patient, 'registry', 'see that it answers', async () => {
    const isRegistry = base.headers.get('docker-distribution-api-version') === 'registry/2.0'
    if (isRegistry && (base.status === 200 || base.status === 401)) {
      kind = 'full'
      return base.status === 200 ? '/v2/ answers 200' : '/v2/ asks for a token'
    }
    const marker = objectIn(await ask({ url: `${url}/${STATIC_MARKER}` }))
    if (marker?.gateway !== 'static') {
      const fix =
        'give the base URL of a gateway; for a static one upload all that mooring export NAME --ccip DIR wrote'
      throw new Ailment(`/v2/ answers ${base.status}, not as a registry, and there is no ${STATIC_MARKER}`, fix)
    }
    kind = 'static'
    return `skipped: ${staticReason}`
  })
  return kind
}

/** Clients print the message of an error and act on its status (protocol 4 and 5). */
async function checkErrors(patient: Patient, kind: GatewayKind): Promise<void> {
  const { url } = patient
  const fix = 'see that no proxy in front answers in place of the gateway'
  const { get } = gatewayUrlTemplates(url, 0, zeroAddress)
  const unserved = get.replace('{sender}', zeroAddress).replace('{data}', '0x00')
  if (kind === 'static') {
    skip(patient, 'errors-registry', staticReason)
    await examine(
      patient,
      'errors-lookup',
      'let the host answer 404 for paths that are not there, and no page',
      async () => {
        const { status } = await ask({ url: unserved })
        if (status === 404) return 'what is not there is 404'
        throw new Ailment(
          `a lookup that is not there is ${status}, not 404`,
          'let the host answer 404 for paths that are not there, and no page',
        )
      },
    )
    return
  }
  await examine(patient, 'errors-registry', fix, async () => {
    const answer = await ask({ url: `${url}/v2/No_Name/tags/list` })
    const [first] = (objectIn(answer)?.errors ?? []) as { code?: unknown; message?: unknown }[]
    if (answer.status === 400 && first?.code === 'NAME_INVALID') return 'a bad name is 400 {"errors":[{code,message}]}'
    throw new Ailment(`a bad name is ${answer.status}, not 400 with NAME_INVALID`, fix)
  })
  await examine(patient, 'errors-lookup', fix, async () => {
    const answer = await ask({ url: unserved })
    checkOrigin(answer, 'an error')
    if (answer.status === 404 && typeof objectIn(answer)?.message === 'string')
      return 'an unknown chain is 404 {"message"}'
    throw new Ailment(`a chain that is not served is ${answer.status}, not 404 with {"message"}`, fix)
  })
}

/** Browsers ask before a POST with a JSON body. */
async function checkPreflight(patient: Patient, kind: GatewayKind): Promise<void> {
  if (kind === 'static') return skip(patient, 'cors-preflight', 'browsers send a GET without asking first')
  const fix = 'answer OPTIONS below /ccip/ as the gateway does; see whether a proxy in front answers it'
  const url = gatewayUrlTemplates(patient.url, 0, zeroAddress).post.replace('{sender}', zeroAddress)
  await examine(patient, 'cors-preflight', fix, async () => {
    const asking = {
      origin: 'https://wallet.example',
      'access-control-request-method': 'POST',
      'access-control-request-headers': 'content-type',
    }
    const answer = await ask({ url, method: 'OPTIONS', headers: asking })
    checkOrigin(answer, 'OPTIONS')
    const methods = answer.headers.get('access-control-allow-methods') ?? ''
    const headers = answer.headers.get('access-control-allow-headers') ?? ''
    const isAllowed = answer.status < 300 && /\bPOST\b/.test(methods) && /content-type|\*/i.test(headers)
    if (isAllowed) return 'browsers may GET and POST'
    throw new Ailment(
      `OPTIONS answers ${answer.status} and allows ${methods || 'no method'}, ${headers || 'no header'}`,
      fix,
    )
  })
}

async function checkLimits(patient: Patient, kind: GatewayKind): Promise<void> {
  const { url } = patient
  const path = `/ccip/0/${zeroAddress}/${zeroAddress}/0x${'00'.repeat(LONGEST_GET_BYTES)}.json`
  const fix = 'let the host and any proxy take request lines of 2,100 characters: lookups are that long'
  await examine(patient, 'limits-path', fix, async () => {
    const { status } = await ask({ url: `${url}${path}` })
    if (status === 404) return `a path of ${path.length} characters arrives`
    throw new Ailment(`a lookup of ${LONGEST_GET_BYTES} bytes, ${path.length} characters, is ${status}`, fix)
  })
  if (kind === 'static') return skip(patient, 'limits-body', staticReason)
  await examine(patient, 'limits-body', 'see that it answers', async () => {
    const status = await probeBody(`${url}/v2/`, PART_BYTES)
    if (status !== 413) return `nobody refuses a body of ${PART_BYTES} bytes by its length alone`
    return `a body of ${PART_BYTES} bytes is 413: layers above that go by mooring push IMAGE NAME:TAG --gateway ${url} --part-size MB`
  })
}

/** The status that a body's length alone brings; null when the server waits for the body, of which none is sent. */
function probeBody(url: string, contentLength: number): Promise<number | null> {
  const open = url.startsWith('https:') ? requestHttps : requestHttp
  return new Promise((resolve) => {
    const request = open(url, { method: 'POST', headers: { 'content-length': String(contentLength) } })
    const end = (status: number | null) => {
      clearTimeout(patience)
      request.destroy()
      resolve(status)
    }
    const patience = setTimeout(() => end(null), PROBE_MS)
    request.on('response', ({ statusCode }) => end(statusCode ?? null))
    request.on('error', () => end(null))
    request.flushHeaders()
  })
}

/** The gateway's clock by its Date header, against ours and the chain's newest block where one was read. */
export async function checkClock(patient: Patient, time: ServerTime | null, blockTime: bigint | null): Promise<void> {
  if (time === null) return skip(patient, 'clock', 'it sends no Date')
  const fix = 'set its clock by NTP: a gateway that signs lists puts its time into them'
  await examine(patient, 'clock', fix, async () => {
    const { server, local } = time
    const block = blockTime === null ? null : Number(blockTime)
    const behindBlock = block === null ? 0 : block - server
    const said = `${Math.abs(server - local)} s ${server < local ? 'behind' : 'ahead of'} this machine`
    const seen = block === null ? said : `${said}, newest block ${server - block} s before it`
    if (behindBlock > MAX_CLOCK_SECONDS) throw new Ailment(`${seen}: it is behind the chain`, fix)
    if (Math.abs(server - local) <= MAX_CLOCK_SECONDS) return seen
    const isOurs = block !== null && Math.abs(local - block) > Math.abs(server - block)
    throw new Ailment(seen, isOurs ? 'the chain agrees with the gateway: set the clock of this machine' : fix)
  })
}
