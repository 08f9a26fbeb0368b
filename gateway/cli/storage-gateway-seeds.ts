import type { CollectionLimits } from '../collection-config.ts'
import { defaultLimits } from '../limits.ts'
import type { Digest } from '../oci/digest.ts'
import { isDigest } from '../oci/digest.ts'
import type { Seed } from '../reseed.ts'
import { isTombstone } from '../tags/entry.ts'
import { checkContent, checkedBytes, type Expected } from './client/content.ts'
import { fetchBounded, type HttpRequest } from './client/http.ts'
import { nextPageUrl } from './client/next-page.ts'
import { readHistory, type Version } from './client/read-history.ts'
import { readWholeList, visibleEntries, type WholeList } from './client/read-list.ts'
import type { Session } from './client/session.ts'

/** A name's content as a gateway shows it, none of it believed: `list` was verified, each content is what its digest says. */
export type GatewaySeeds = { list: WholeList; seeds: readonly Seed[] }

type Found = Map<Digest, Seed>

/**
 * What the current list and the retained history name, with children, blobs and referrers, in the order in which it is found. Manifests
 * are read for it, blobs are not. What the list names and the gateway does not give has an `open` that gives nothing.
 * @throws ListUnverified, ChainUnavailable, Refusal
 */
export async function findSeeds(
  session: Session,
  repository: string,
  limits: Pick<CollectionLimits, 'historyVersions' | 'historySeconds'>,
  note: (line: string) => void,
): Promise<GatewaySeeds> {
  const list = await readWholeList(session, repository)
  const place = { url: `${list.gateway}/v2/${repository}`, reach: session.onChain.reach }
  const found: Found = new Map()
  for (const [, entry] of visibleEntries(list)) {
    await addBelow(place, entry, found).catch((error: Error) => {
      note(`${entry.digest}: ${error.message}`)
      found.set(entry.digest, { digest: entry.digest, size: entry.size, open: async () => undefined })
    })
  }
  const history = await readHistory(session, repository)
  for (const entry of retained(history, limits, session.localTime)) {
    await addBelow(place, entry, found).catch((error: Error) => note(`left out of history: ${error.message}`))
  }
  return { list, seeds: [...found.values()] }
}

/** What versions replaced of which the content is kept: as the collector reckons (protocol 5). */
function* retained(
  history: readonly Version[],
  { historyVersions, historySeconds }: Pick<CollectionLimits, 'historyVersions' | 'historySeconds'>,
  now: bigint,
): Generator<Expected> {
  for (const [position, { signed, changes }] of history.entries()) {
    const wasCurrentLately = signed.list.issuedAt + BigInt(historySeconds) > now
    if (position + 1 >= historyVersions && !wasCurrentLately) return
    for (const { before } of changes) if (before && !isTombstone(before)) yield before
  }
}

/** A repository at a gateway. */
type Place = Pick<HttpRequest, 'url' | 'reach'>

/** A manifest, all that it names, and all that refers to any of its manifests. */
async function addBelow(place: Place, root: Expected, found: Found): Promise<void> {
  if (found.has(root.digest)) return
  const manifests: Digest[] = []
  for await (const { name, expected, skipped } of checkContent(place.url, root, async () => {}, place.reach)) {
    if (!skipped && !found.has(expected.digest)) found.set(expected.digest, seedOf(place, expected, name !== 'blob'))
    if (name !== 'blob') manifests.push(expected.digest)
  }
  for (const subject of manifests) {
    for (const referrer of await readReferrers(place, subject)) await addBelow(place, referrer, found)
  }
}

function seedOf(place: Place, expected: Expected, isManifest: boolean): Seed {
  const { digest, size, mediaType } = expected
  const url = `${place.url}/${isManifest ? 'manifests' : 'blobs'}/${digest}`
  const open = async () => checkedBytes(url, expected, place.reach)
  return isManifest ? { digest, size, mediaType, open } : { digest, size, open }
}

const timeoutMs = 60_000

/** end-12, page by page. What it says is a place to look at: each manifest proves itself by its digest. */
async function readReferrers({ url: repositoryUrl, reach }: Place, subject: Digest): Promise<Expected[]> {
  const found: Expected[] = []
  for (let url = `${repositoryUrl}/referrers/${subject}`; ; ) {
    const { status, headers, body } = await fetchBounded({ url, reach, timeoutMs }, defaultLimits.maxManifestBytes)
    if (status !== 200) return found
    const { manifests } = JSON.parse(new TextDecoder().decode(body)) as { manifests?: unknown }
    const page = Array.isArray(manifests) ? manifests.filter(isDescriptor) : []
    found.push(...page)
    const next = nextPageUrl(headers.get('link'), url)
    if (next === null || page.length === 0) return found
    url = next
  }
}

function isDescriptor(value: unknown): value is Expected {
  const { digest, size, mediaType } = (value ?? {}) as Record<string, unknown>
  return typeof digest === 'string' && isDigest(digest) && Number.isSafeInteger(size) && typeof mediaType === 'string'
}
