import { createHash } from 'node:crypto'
import { ConfigError } from '../config.ts'
import { defaultLimits } from '../limits.ts'
import { algorithmOf, type Digest, hexOf, isDigest } from '../oci/digest.ts'
import { visible } from '../oci/visible.ts'
import type { RefusalName } from '../tags/refusal.ts'
import { connectionFlags } from './client/connect.ts'
import { fetchBounded, type HttpAnswer, HttpFailure, type HttpRequest } from './client/http.ts'
import { ListUnverified, readWholeList, visibleEntries, type WholeList } from './client/read-list.ts'
import { openSession, parseSubject, type Session, type Subject, wantsJson } from './client/session.ts'
import { withLogins } from './logins/carry-logins.ts'
import { failureOf, type ReadingFailure } from './reading.ts'
import { exitCodes, jsonFlag, type Verb, type VerbContext } from './verb.ts'

/** `mooring tag NAME:TAG DIGEST` */
export const tag: Verb = {
  name: 'tag',
  usage: 'NAME:TAG DIGEST [flags]',
  summary: 'Point a tag to a manifest that the gateway holds already: a new version, or back to an old one.',
  notes: [
    'The gateway must be a publishing one: it signs the new version. Which digests a tag had: mooring history NAME --tag TAG.',
    'The list is verified before and after, and the manifest against its digest.',
  ],
  flags: [...connectionFlags, jsonFlag],
  run: (context) => withLogins(context, () => runTag(context)),
}

async function runTag(context: VerbContext): Promise<number> {
  const { subject, digest } = parseArguments(context)
  const outcome: Outcome = { ...nothing, name: subject.ensName, tag: subject.tag, digest }
  try {
    await moveTag(await openSession(context, subject), subject, digest, outcome)
    context.print(wantsJson(context) ? JSON.stringify(outcome) : describe(outcome))
    return exitCodes.done
  } catch (error) {
    const { error: name, message, code } = tagFailureOf(error)
    context.note(`mooring: ${name}: ${message}`)
    if (wantsJson(context)) context.print(JSON.stringify({ ...outcome, error: name }))
    return code
  }
}

/** The JSON of `mooring tag`; `before` is null for a tag that was absent, or whose list could not be verified. */
type Outcome = {
  name: string
  tag: string
  before: string | null
  digest: string
  published: boolean
  version: number | null
  listHash: string | null
  error: string | null
}

const nothing = { before: null, published: false, version: null, listHash: null, error: null }

/** The gateway does not do what was asked; its own words. */
class GatewayRefused extends Error {
  override readonly name = 'GatewayRefused'
  constructor(
    readonly code: string,
    message: string,
  ) {
    super(message)
  }
}

function parseArguments(context: VerbContext): { subject: Subject; digest: Digest } {
  const [name, digest, ...more] = context.positionals
  if (name !== undefined && !name.includes(':')) throw new ConfigError('NAME:TAG', name, 'a name with a tag')
  const subject = parseSubject({ ...context, positionals: name === undefined ? [] : [name] }, 'NAME[:TAG]')
  if (digest === undefined || !isDigest(digest)) {
    throw new ConfigError('DIGEST', digest ?? null, 'sha256: and 64, or sha512: and 128 hex digits in lower case')
  }
  if (more.length > 0) throw new ConfigError('DIGEST', context.positionals.slice(1).join(' '), 'one digest')
  return { subject, digest }
}

async function moveTag(session: Session, subject: Subject, digest: Digest, outcome: Outcome): Promise<void> {
  const before = await readListBefore(session, subject)
  outcome.before = (before && digestOfTag(before, subject.tag)) ?? null
  const gateway = before?.gateway ?? session.onChain.gateways[0]
  if (gateway === undefined) throw new ListUnverified('GatewayUnavailable', 'the chain names no gateway for this name')
  const manifests = `${gateway}/v2/${subject.repository}/manifests`
  const { reach } = session.onChain
  if (outcome.before !== digest) {
    const manifest = await fetchManifest({ url: `${manifests}/${digest}`, reach }, digest)
    const isStaged = await putManifest({ url: `${manifests}/${subject.tag}`, reach }, manifest)
    if (isStaged)
      throw new GatewayRefused(
        'Staged',
        `${gateway} holds no key and stages the tag: mooring publish ${subject.ensName}`,
      )
    outcome.published = true
  }
  const after = outcome.published || !before ? await readWholeList(session, subject.repository) : before
  outcome.version = Number(after.signed.list.version)
  outcome.listHash = after.signed.hash
  const now = digestOfTag(after, subject.tag)
  if (now === digest) return
  const said = now ?? 'no such tag'
  throw new GatewayRefused('TagNotMoved', `${gateway} took the manifest, and the list that it shows says ${said}`)
}

/** Why there may be no list to compare with: nothing was published yet, or it lapsed, which this publish repairs. */
const repairable: ReadonlySet<RefusalName | 'GatewayUnavailable'> = new Set([
  'GatewayUnavailable',
  'Expired',
  'StaleTimestamp',
])

async function readListBefore(session: Session, { repository }: Subject): Promise<WholeList | null> {
  try {
    return await readWholeList(session, repository)
  } catch (error) {
    if (error instanceof ListUnverified && repairable.has(error.reason)) return null
    throw error
  }
}

function digestOfTag(list: WholeList, wanted: string): string | undefined {
  return visibleEntries(list).find(([name]) => name === wanted)?.[1].digest
}

type Place = Pick<HttpRequest, 'url' | 'reach'>
type FetchedManifest = { mediaType: string; body: Uint8Array }

const timeoutMs = 60_000
const maxAnswerBytes = 64 * 1024

async function fetchManifest({ url, reach }: Place, digest: Digest): Promise<FetchedManifest> {
  const headers = { accept: '*/*' }
  const answer = await ask(fetchBounded({ url, reach, headers, timeoutMs }, defaultLimits.maxManifestBytes))
  if (answer.status !== 200) throw refusedBy(answer, url)
  const { body } = answer
  const actual = createHash(algorithmOf(digest)).update(body).digest('hex')
  if (actual !== hexOf(digest)) {
    throw new ListUnverified('DigestMismatch', `${url} sends bytes of digest ${algorithmOf(digest)}:${actual}`)
  }
  return { mediaType: answer.headers.get('content-type') ?? '', body }
}

/** Resolves with whether the tag waits for a publisher's signature (protocol 5, relay gateway). */
async function putManifest({ url, reach }: Place, { mediaType, body }: FetchedManifest): Promise<boolean> {
  const headers = { 'content-type': mediaType }
  const answer = await ask(fetchBounded({ url, reach, method: 'PUT', headers, body, timeoutMs }, maxAnswerBytes))
  if (answer.status !== 201) throw refusedBy(answer, url)
  return answer.headers.get('warning')?.includes('staged') === true
}

function ask(answer: Promise<HttpAnswer>): Promise<HttpAnswer> {
  return answer.catch((error: unknown) => {
    if (error instanceof HttpFailure) throw new ListUnverified('GatewayUnavailable', error.message)
    throw error
  })
}

/** The first code and message of a registry's error body. */
function refusedBy({ status, body }: HttpAnswer, url: string): GatewayRefused {
  const said = /"code":"([A-Z_]{1,40})","message":("(?:[^"\\]|\\.)*")/.exec(new TextDecoder().decode(body))
  if (!said) return new GatewayRefused(`HTTP ${status}`, `${url} answers ${status}`)
  const message = visible(String(JSON.parse(said[2] ?? '""')))
  return new GatewayRefused(said[1] ?? '', message)
}

function tagFailureOf(error: unknown): ReadingFailure {
  if (error instanceof GatewayRefused) {
    return { error: error.code, message: error.message, code: exitCodes.failed }
  }
  return failureOf(error)
}

function describe({ name, tag: text, before, digest, published, version }: Outcome): string {
  if (!published) return `${name}:${text}  is ${digest} already, version ${version}`
  return `${name}:${text}  ${digest}\n  before   ${before ?? 'absent'}\n  list     version ${version}, signed and verified`
}
