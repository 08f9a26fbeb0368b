import type { Deps } from '../deps.ts'
import { keptFor } from '../kept.ts'
import { rawPathOf } from '../oci/path.ts'
import { createAnswerCache } from './answer-cache.ts'
import type { ShownContent } from './content.ts'
import type { OpenRepository } from './repository.ts'
import type { RouteContext } from './route.ts'
import { readStanding, type StandingList } from './standing-list.ts'

/** A manifest as it was answered, ready to be sent again, and what that rests on: the list for a tag, the catalog for a digest. */
type KnownManifest = {
  repository: OpenRepository
  listed: { standing: StandingList; tag: string } | null
  content: ShownContent
  headers: Readonly<Record<string, string>>
  body: string
  /** Unix seconds: from then on the route answers, and tells the collector again that somebody uses it. */
  keptUntil: bigint
}

const maxKeepSeconds = 60
/** Larger ones are read from the store each time. */
const maxBodyBytes = 64 * 1024
const maxAnswers = 4096
const maxChars = 32 * 1024 * 1024

/** One cache per app, since answers belong to its stores and its chain. */
const cacheOf = keptFor((_: Deps) => createAnswerCache<KnownManifest>(maxAnswers, maxChars))

/**
 * The answer to GET and HEAD of a manifest that was answered before at this request target, if all it rests on still holds: every pull
 * asks for the same few, and this one look at the cache spares them the router and the database. Undefined for everything else.
 */
export async function answerKnownManifest(deps: Deps, request: Request, target: string): Promise<Response | undefined> {
  const known = cacheOf(deps).get(target)
  if (!known || request.headers.has('if-none-match')) return undefined
  if (await mayBeStaged(deps, request, known)) return undefined
  if (!(await stillHolds(deps, known).catch(() => false))) return undefined
  return new Response(request.method === 'HEAD' ? null : known.body, { headers: known.headers })
}

async function stillHolds(deps: Deps, { repository, listed, content, keptUntil }: KnownManifest): Promise<boolean> {
  if (deps.clock() >= keptUntil) return false
  const { line, key } = repository
  const authority = await deps.chain.readAuthority(line.ensName)
  if (authority.owner !== line.owner || authority.epoch !== line.epoch || !authority.reachable) return false
  if (listed === null) {
    const record = await deps.catalog.findManifest(key, content.digest)
    return record?.mediaType === content.mediaType
  }
  const head = await deps.lists.findHead(line)
  return head?.hash === listed.standing.head.hash && (await readStanding(deps, authority, head)).head.hash === head.hash
}

/** Whether something is staged for the tag, which a caller who may push is to see: the route looks who it is. Who sends no token is nobody. */
async function mayBeStaged(deps: Deps, request: Request, { listed, repository }: KnownManifest): Promise<boolean> {
  if (!listed || (deps.access !== null && !request.headers.has('authorization'))) return false
  return (await deps.staged.find(repository.line, listed.tag)) !== undefined
}

/** Keeps what the route is about to answer, and hands that back. `listed` is the tag and the list it was read from; null by digest. */
export async function keepManifest(
  { deps, request }: RouteContext,
  known: Pick<KnownManifest, 'repository' | 'listed' | 'content'>,
  answer: Response,
): Promise<Response> {
  const { content } = known
  if (answer.status !== 200 || content.size > maxBodyBytes || request.url.includes('?')) return answer
  const stream = await deps.content.read(content.digest)
  const body = stream && (await textOf(stream))
  if (body === undefined) return answer
  const headers = { ...Object.fromEntries(answer.headers), 'docker-distribution-api-version': 'registry/2.0' }
  cacheOf(deps).set(rawPathOf(request.url), { ...known, headers, body, keptUntil: deps.clock() + keepSeconds(deps) })
  return answer
}

/** With what `noteUse` leaves unsaid, half of the grace time at most passes unnoticed. */
function keepSeconds({ limits }: Deps): bigint {
  return BigInt(Math.min(maxKeepSeconds, Math.floor(limits.gcGraceSeconds / 4)))
}

/** The same bytes as text, which Node writes in one piece with the headers; undefined when they are not UTF-8. */
async function textOf(stream: ReadableStream<Uint8Array>): Promise<string | undefined> {
  const bytes = await new Response(stream).arrayBuffer()
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch {
    return undefined
  }
}
