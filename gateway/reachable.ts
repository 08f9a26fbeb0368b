import type { Deps } from './deps.ts'
import type { Digest } from './oci/digest.ts'
import { readManifest } from './oci/manifest.ts'
import type { RepositoryKey, StoredManifest } from './store/catalog.ts'
import type { ListLine } from './store/tag-list-store.ts'
import type { SignedList } from './tags/list.ts'

/** What the collector works with. */
export type CollectorDeps = Pick<Deps, 'content' | 'catalog' | 'lists' | 'clock' | 'limits' | 'pause' | 'log'>

/** What one repository needs. It only ever grows: what stopped being needed meanwhile is the next collection's. */
export type Reachable = {
  manifests: ReadonlySet<Digest>
  blobs: ReadonlySet<Digest>
  /**
   * Adds what came to be needed since the last call; the first one finds everything, giving way to requests. Later ones do not: where
   * pushes never rest, what comes while they wait would be more than they find. @throws Error for a manifest that cannot be read
   */
  update(): Promise<void>
}

/** What is asked for: a repository, since when use counts, and which lists are the present owner's. */
export type ReachableQuery = {
  repository: RepositoryKey
  /** Unix seconds: manifests used then or later are needed, whether anything names them or not. */
  usedSince: number
  isPresent: (line: ListLine) => Promise<boolean>
  /** Manifests that are needed whatever lists say, read anew with each update. */
  readRoots?: () => Promise<readonly Digest[]>
}

const pageRows = 1000

/**
 * Follows everything that a repository needs from its roots: what its current lists name, what the retained history names, manifests
 * used lately, and what the query adds; from each of those to its children, blobs and referrers.
 */
export function createReachable(deps: CollectorDeps, query: ReachableQuery): Reachable {
  const manifests = new Set<Digest>()
  const blobs = new Set<Digest>()
  const versions = new Map<string, bigint>()
  let isFirst = true
  const follow = async (root: Digest) => {
    const waiting = [root]
    for (let digest = waiting.pop(); digest !== undefined; digest = waiting.pop()) {
      if (manifests.has(digest)) continue
      manifests.add(digest)
      const manifest = await deps.catalog.findManifest(query.repository, digest)
      const named = manifest ? await readReferences(deps, manifest) : noReferences
      for (const blob of named.blobs) blobs.add(blob)
      waiting.push(...named.children, ...(await readReferrers(deps, query.repository, digest)))
      if (isFirst) await deps.pause()
    }
  }
  return {
    manifests,
    blobs,
    async update() {
      for (const { line, head } of await deps.lists.listLines(query.repository)) {
        const key = `${line.chainId} ${line.resolver} ${line.epoch}`
        for await (const digest of rootsOf(deps, query, line, head, versions.get(key))) await follow(digest)
        versions.set(key, head.list.version)
      }
      for (const digest of (await query.readRoots?.()) ?? []) await follow(digest)
      for await (const page of pagesOf((after) => deps.catalog.listManifests(query.repository, after, pageRows))) {
        for (const { digest, usedAt } of page) if (usedAt >= query.usedSince) await follow(digest)
      }
      isFirst = false
    },
  }
}

/** Rows page by page, each page going on behind the last digest of the one before. */
export async function* pagesOf<Row extends { digest: Digest }>(
  read: (after: string) => Promise<readonly Row[]>,
): AsyncGenerator<readonly Row[]> {
  for (let after = ''; ; ) {
    const page = await read(after)
    const last = page.at(-1)
    if (!last) return
    yield page
    after = last.digest
  }
}

const noReferences = { blobs: [] as Digest[], children: [] as Digest[] }

async function readReferences(deps: CollectorDeps, { digest, size, mediaType }: StoredManifest) {
  // Asked for as a range, so that a collection does not push what pulls read out of the memory for small content.
  const stream = await deps.content.read(digest, { first: 0, last: size - 1 })
  if (!stream) throw new Error(`manifest ${digest} has no content`)
  const bytes = new Uint8Array(await new Response(stream).arrayBuffer())
  const { blobs, children } = await readManifest(bytes, mediaType, deps.limits)
  return { blobs: blobs.map((blob) => blob.digest), children: children.map((child) => child.digest) }
}

async function readReferrers({ catalog }: CollectorDeps, repository: RepositoryKey, subject: Digest) {
  const digests: Digest[] = []
  for await (const page of pagesOf((after) => catalog.listReferrers(repository, subject, after, pageRows))) {
    for (const { digest } of page) digests.push(digest)
  }
  return digests
}

/** What a line's lists name; with `seen` only what versions after that one added. */
async function* rootsOf(
  deps: CollectorDeps,
  query: ReachableQuery,
  line: ListLine,
  head: SignedList,
  seen: bigint | undefined,
): AsyncGenerator<Digest> {
  if (seen !== undefined) return yield* namedSince(deps, line, seen)
  if (isOver(deps, head) && !(await query.isPresent(line))) return
  const readDigests = async (after: string) =>
    (await deps.lists.listDigests(line, after, pageRows)).map((digest) => ({ digest }))
  for await (const page of pagesOf(readDigests)) for (const { digest } of page) yield digest
  yield* namedBefore(deps, line)
}

/** Whether a list has expired, and the time in which it can be gone back to is over too. */
function isOver({ clock, limits }: CollectorDeps, { list }: SignedList): boolean {
  return list.expiresAt + BigInt(limits.historySeconds) <= clock()
}

/** What the retained versions before the current one named and it may not: what each version after the oldest retained one replaced. */
async function* namedBefore({ lists, clock, limits }: CollectorDeps, line: ListLine): AsyncGenerator<Digest> {
  let versions = 1
  for await (const { list, hash } of versionsOf(lists, line)) {
    const wasCurrentLately = list.issuedAt + BigInt(limits.historySeconds) > clock()
    if (versions >= limits.historyVersions && !wasCurrentLately) return
    for await (const { before } of changesOf(lists, line, hash)) if (before) yield before.digest
    versions++
  }
}

async function* namedSince({ lists }: CollectorDeps, line: ListLine, seen: bigint): AsyncGenerator<Digest> {
  for await (const { list, hash } of versionsOf(lists, line)) {
    if (list.version <= seen) return
    for await (const { after } of changesOf(lists, line, hash)) if (after) yield after.digest
  }
}

async function* versionsOf(lists: Deps['lists'], line: ListLine): AsyncGenerator<SignedList> {
  for (let before: SignedList['hash'] | null = null; ; ) {
    const page: readonly SignedList[] = await lists.history(line, before, 100)
    const last = page.at(-1)
    if (!last) return
    yield* page
    before = last.hash
  }
}

async function* changesOf(lists: Deps['lists'], line: ListLine, hash: SignedList['hash']) {
  for (let from = 0; ; ) {
    const page = await lists.readChanges(line, hash, from, pageRows)
    if (page.length === 0) return
    yield* page
    from += page.length
  }
}
