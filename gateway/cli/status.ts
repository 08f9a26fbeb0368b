import { ConfigError, readUrls } from '../config.ts'
import { parseStrictJson } from '../oci/strict-json.ts'
import { visible } from '../oci/visible.ts'
import { GatewayUnavailable } from './client/ccip.ts'
import { connect, connectionFlags } from './client/connect.ts'
import { HttpFailure, type Reach } from './client/http.ts'
import { openName } from './client/name-on-chain.ts'
import { fetchMooring } from './client/read-list.ts'
import { parseSubject, type Subject, wantsJson } from './client/session.ts'
import { withLogins } from './logins/carry-logins.ts'
import { failureOf, type ReadingFailure, reportFailure } from './reading.ts'
import { exitCodes, jsonFlag, type Verb, type VerbContext } from './verb.ts'

/** `mooring status NAME` */
export const status: Verb = {
  name: 'status',
  usage: 'NAME [--gateway URL] [flags]',
  summary: 'Show what a gateway has of each tag: stored, on its way to Swarm, there, and for how long that is paid.',
  notes: ['It is the gateway that says so, and nothing of it is proven. Exit code 1 when something needs a person.'],
  flags: [...connectionFlags, jsonFlag],
  run: (context) => withLogins(context, () => runStatus(context)),
}

async function runStatus(context: VerbContext): Promise<number> {
  const subject = parseSubject(context, 'NAME')
  try {
    const chosen = await chooseGateway(context, subject)
    const value = { gateway: chosen.gateway, ...(await readStatus(chosen, subject)) }
    context.print(wantsJson(context) ? JSON.stringify(value) : describe(value))
    return value.ok ? exitCodes.done : exitCodes.failed
  } catch (error) {
    return reportFailure(context, { ok: false, name: subject.ensName }, statusFailureOf(error))
  }
}

/** One page of the endpoint, as far as it is read. */
type StatusPage = {
  ok: boolean
  name: string
  /** Null where nothing is published yet, and something is staged. */
  version: number | null
  listHash: string | null
  tags: readonly StatusRow[]
  /** Of the list itself; null for a gateway without nodes, or of an earlier version. */
  swarm: SwarmPart | null
  problems: readonly { reason: string; tag: string | null; detail: string }[]
}

type SwarmPart = {
  version: number | null
  payloadReference: string | null
  feed: { owner: string; position: number | null } | null
  error: string | null
}

type StatusRow = {
  tag: string
  digest: string
  /** Whether the list has the tag, and what is staged for it; absent at a gateway of an earlier version. */
  published?: boolean
  staged?: 'create' | 'update' | 'delete' | null
  stored: boolean
  missing: number
  failing: number
  swarm: Readonly<Record<'local' | 'queued' | 'uploaded' | 'verified', number>>
  postage: readonly { postageBatchId: string; remainingSeconds: number | null }[]
}

const maxPageBytes = 16 * 1024 * 1024
const tagsPerPage = 100

type ChosenGateway = { gateway: string; reach: Reach }

/** A gateway that is named is asked without the chain. */
async function chooseGateway(context: VerbContext, { ensName }: Subject): Promise<ChosenGateway> {
  const [named] = readUrls(context.settings, 'gateway')
  if (named !== undefined) return { gateway: named, reach: 'given' }
  const connection = await connect(context.settings, context.note)
  const { gateways, reach } = await openName(connection, ensName, BigInt(Math.floor(Date.now() / 1000)))
  const [first] = gateways
  if (first === undefined) throw new ConfigError('--gateway', null, `a URL: the chain names no gateway for ${ensName}`)
  return { gateway: first, reach }
}

/** All pages as one. @throws GatewayUnavailable, HttpFailure */
async function readStatus({ gateway, reach }: ChosenGateway, { repository }: Subject): Promise<StatusPage> {
  const tags: StatusRow[] = []
  const problems: StatusPage['problems'][number][] = []
  for (;;) {
    const last = encodeURIComponent(tags.at(-1)?.tag ?? '')
    const endpoint = `status?n=${tagsPerPage}&last=${last}`
    const { url, body } = await fetchMooring(gateway, repository, endpoint, maxPageBytes, reach)
    const page = parsePage(url, body)
    const [first] = page.tags
    if (first && first.tag <= (tags.at(-1)?.tag ?? ''))
      throw new GatewayUnavailable(`${url} sends tags that it sent before`)
    tags.push(...page.tags)
    problems.push(...page.problems)
    if (page.tags.length === tagsPerPage) continue
    const { name, version, listHash, swarm } = page
    return { ok: problems.length === 0, name, version, listHash, swarm, tags, problems: uniqueOf(problems) }
  }
}

/** What is of the list itself stands on every page. */
function uniqueOf(problems: StatusPage['problems']): StatusPage['problems'] {
  return [...new Map(problems.map((problem) => [JSON.stringify(problem), problem])).values()]
}

function parsePage(url: string, body: Uint8Array): StatusPage {
  const page = parseJson(url, body) as Partial<StatusPage> | null
  const isWhole = typeof page?.ok === 'boolean' && isNumber(page.version) && isSwarmPart(page.swarm ?? null)
  if (isWhole && isListOf(page.tags, isRow) && isListOf(page.problems, isProblem))
    return { ...page, swarm: page.swarm ?? null } as StatusPage
  throw new GatewayUnavailable(`${url} sends what is no status`)
}

function parseJson(url: string, body: Uint8Array): unknown {
  try {
    return parseStrictJson(body, { maxDepth: 8 })
  } catch (error) {
    throw new GatewayUnavailable(`${url} sends what is no status: ${(error as Error).message}`)
  }
}

function isListOf(value: unknown, isItem: (item: Record<string, unknown>) => boolean): boolean {
  return Array.isArray(value) && value.every((item) => typeof item === 'object' && item !== null && isItem(item))
}

function isRow({ tag, digest, stored, missing, swarm, postage, staged }: Record<string, unknown>): boolean {
  const isText = typeof tag === 'string' && typeof digest === 'string'
  const isCount = typeof missing === 'number' && typeof swarm === 'object' && swarm !== null
  const isPaid = isListOf(postage, ({ postageBatchId }) => typeof postageBatchId === 'string')
  const isKnown = [undefined, null, 'create', 'update', 'delete'].some((known) => known === staged)
  return isText && isCount && isPaid && isKnown && typeof stored === 'boolean'
}

function isProblem({ reason, tag, detail }: Record<string, unknown>): boolean {
  return [reason, tag ?? '', detail].every((text) => typeof text === 'string')
}

function isSwarmPart(value: unknown): boolean {
  if (value === null) return true
  if (typeof value !== 'object') return false
  const { version, payloadReference, feed, error } = value as Record<string, unknown>
  const isFeed =
    feed === null || isListOf([feed], ({ owner, position }) => typeof owner === 'string' && isNumber(position))
  return isFeed && isNumber(version) && [payloadReference ?? '', error ?? ''].every((text) => typeof text === 'string')
}

function isNumber(value: unknown): boolean {
  return value === null || typeof value === 'number'
}

function statusFailureOf(error: unknown): ReadingFailure {
  if (error instanceof GatewayUnavailable || error instanceof HttpFailure) {
    return { error: 'GatewayUnavailable', message: error.message, code: exitCodes.failed }
  }
  return { ...failureOf(error), code: exitCodes.failed }
}

/** What a gateway wrote is shown as visible ASCII. */
function describe(page: StatusPage & { gateway: string }): string {
  const { name, version, gateway, tags, problems, swarm } = page
  const width = tags.reduce((most, { tag }) => Math.max(most, tag.length), 0)
  const lines = [
    `${name}  ${version === null ? 'nothing published' : `version ${version}`}, ${tags.length} ${tags.length === 1 ? 'tag' : 'tags'}, by ${gateway}`,
    ...tags.map((row) => `  ${row.tag.padEnd(width)}  ${row.digest.slice(0, 19)}...  ${describeRow(row)}`),
    ...(swarm && version !== null ? describeSwarm(swarm, version) : []),
    ...problems.map(({ reason, tag, detail }) => `  ! ${reason}${tag === null ? '' : ` (${tag})`}: ${detail}`),
  ]
  return lines.map(visible).join('\n')
}

function describeSwarm({ version, payloadReference, feed, error }: SwarmPart, current: number): string[] {
  const is = version === current ? 'on Swarm' : `not on Swarm yet, version ${version ?? 0} is`
  const where = payloadReference === null ? 'nothing is there' : `recover --list ${payloadReference}`
  const update = feed?.position === null ? 'no update points to it yet' : `update ${feed?.position} of ${feed?.owner}`
  const lines = [`  list  ${is}: ${where}`, `  feed  ${feed ? update : "none: this gateway holds no publisher's key"}`]
  return error === null ? lines : [...lines, `  not announced: ${error}`]
}

function describeRow({ stored, missing, swarm, postage, staged }: StatusRow): string {
  const here = stored ? 'stored' : missing > 0 ? `${missing} missing` : 'partly stored'
  const counts = (['local', 'queued', 'uploaded', 'verified'] as const)
    .filter((state) => swarm[state] > 0)
    .map((state) => `${swarm[state]} ${state}`)
  const paid = postage.map(({ postageBatchId, remainingSeconds }) => {
    const days = remainingSeconds === null ? 'unknown time' : `${Math.floor(remainingSeconds / 86_400)} days`
    return `batch ${postageBatchId.slice(0, 10)}... for ${days}`
  })
  const waiting = staged ? [`staged to ${staged}, not published until signed`] : []
  return [here, ...counts, ...paid, ...waiting].join(', ')
}
