import type { Deps } from './deps.ts'
import { keptFor } from './kept.ts'
import type { Digest } from './oci/digest.ts'
import { type CollectorDeps, createReachable, pagesOf, type Reachable } from './reachable.ts'
import { isLive } from './staging.ts'
import type { RepositoryKey } from './store/catalog.ts'
import type { StoredContent } from './store/content-store.ts'
import type { ListLine } from './store/tag-list-store.ts'
import { createTurns } from './turns.ts'

/** What a collection works with: what is staged is needed, too. */
export type GarbageDeps = CollectorDeps & Pick<Deps, 'staged'>

/** One piece of content, or one link to it, that nothing needs any more. `bytes` of a link are those of what it shows. */
export type Garbage = {
  kind: 'manifest' | 'blob' | 'content' | 'upload'
  /** Null for content and uploads, which belong to none. */
  repository: string | null
  /** Null for an upload. */
  digest: Digest | null
  bytes: number
}

/**
 * What a collection removed, or with `dryRun` would remove. `bytes` are those that the store gives back. `skipped` repositories were
 * left whole: a manifest there cannot be read, so nobody can say what it needs, or they changed all the time.
 */
export type Collection = {
  removed: readonly Garbage[]
  bytes: number
  skipped: readonly { repository: string; reason: string }[]
}

/** How to collect. */
export type CollectOptions = {
  dryRun: boolean
  /**
   * Whether a line of lists belongs to the name's present owner. Content of other owners' lists goes once they have expired and their
   * history time is over. Where nobody can be asked, every line counts as present.
   */
  isPresent?: (line: ListLine) => Promise<boolean>
  /** Ends the collection between two steps. */
  signal?: AbortSignal
}

/** One collection at a time for each app's stores. */
const turnsOf = keptFor((_: CollectorDeps['catalog']) => createTurns())
/** Times that a repository may change between reckoning and removal before it is left for the next collection. */
const maxTries = 20
const rowsPerSweep = 5_000
const pageRows = 1_000
/** Bytes that cannot be linked at the same time; each is a file to unlink. */
const contentPerRemoval = 50

/**
 * Mark and sweep. Marked, and so kept: what current lists name, what is staged, what the retained history names (`historyVersions`,
 * `historySeconds`), whatever those refer to (children, configs, layers), the referrers of what is kept, transitively, parts of
 * running uploads, and everything used within `gcGraceSeconds` (a push, a mount, or an answer "it is here" renews that). Links go in one
 * transaction that finds lists, manifests and uses as they were reckoned with; bytes go when no repository shows them and none can begin
 * to meanwhile. Safe while pushes run; a crash leaves content that the next collection finds.
 */
export function collectGarbage(deps: GarbageDeps, options: CollectOptions): Promise<Collection> {
  return turnsOf(deps.catalog)('collect', () => collect(deps, options))
}

/** Ends uploads that nobody touched for their time to live, with their parts. */
export async function expireUploads({ catalog, content, clock }: CollectorDeps): Promise<void> {
  for (const uploadId of await catalog.expireUploads(Number(clock()))) await content.dropUpload(uploadId)
}

async function collect(deps: GarbageDeps, options: CollectOptions): Promise<Collection> {
  const usedSince = Number(deps.clock()) - deps.limits.gcGraceSeconds
  const removed: Garbage[] = await collectUploads(deps, options)
  const skipped: { repository: string; reason: string }[] = []
  /** With `dryRun` nothing goes, so what would stay is remembered instead. */
  const staying = new Set<Digest>()
  for await (const repository of repositoriesOf(deps)) {
    options.signal?.throwIfAborted()
    try {
      await collectRepository(deps, options, { repository, usedSince, staying, gone: removed })
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error)
      deps.log('collector skipped a repository', { repository: repository.ensName, reason })
      skipped.push({ repository: repository.ensName, reason })
      if (options.dryRun) for await (const row of rowsOf(deps, repository)) staying.add(row.digest)
    }
  }
  const content = options.dryRun ? surplusContent(deps, usedSince, staying) : removeContent(deps, options, usedSince)
  for await (const garbage of content) removed.push(garbage)
  const freed = removed.filter(({ kind }) => kind === 'content' || kind === 'upload')
  return { removed, bytes: freed.reduce((sum, { bytes }) => sum + bytes, 0), skipped }
}

async function collectUploads(deps: CollectorDeps, { dryRun }: CollectOptions): Promise<Garbage[]> {
  const now = Number(deps.clock())
  const sizes = new Map<string, number>()
  for (const { uploadId, size, expiresAt } of await deps.catalog.listParts()) {
    if (expiresAt < now) sizes.set(uploadId, (sizes.get(uploadId) ?? 0) + size)
  }
  if (!dryRun) await expireUploads(deps)
  return [...sizes.values()].map((bytes) => ({ kind: 'upload', repository: null, digest: null, bytes }))
}

async function* repositoriesOf({ catalog }: CollectorDeps): AsyncGenerator<RepositoryKey> {
  for (let after: RepositoryKey | null = null; ; ) {
    const page: readonly RepositoryKey[] = await catalog.listRepositories(after, pageRows)
    const last = page.at(-1)
    if (!last) return
    yield* page
    after = last
  }
}

type Row = { kind: 'manifest' | 'blob'; digest: Digest; size: number; usedAt: number }

async function* rowsOf({ catalog }: CollectorDeps, repository: RepositoryKey): AsyncGenerator<Row> {
  for await (const page of pagesOf((after) => catalog.listManifests(repository, after, pageRows))) {
    for (const { digest, size, usedAt } of page) yield { kind: 'manifest', digest, size, usedAt }
  }
  for await (const page of pagesOf((after) => catalog.listBlobs(repository, after, pageRows))) {
    for (const row of page) yield { kind: 'blob', ...row }
  }
}

type RepositoryWork = { repository: RepositoryKey; usedSince: number; staying: Set<Digest>; gone: Garbage[] }

/**
 * The long look comes first. What is left for the moment before the removal is what came since, so that a repository to which somebody
 * pushes all the time is collected too. Adds what goes to `gone`. @throws Error when the repository cannot be collected
 */
async function collectRepository(
  deps: GarbageDeps,
  { dryRun, isPresent = async () => true }: CollectOptions,
  { repository, usedSince, staying, gone }: RepositoryWork,
): Promise<void> {
  const reachable = createReachable(deps, {
    ...{ repository, usedSince, isPresent },
    readRoots: () => stagedDigests(deps, repository),
  })
  await reachable.update()
  let surplus: Row[] = []
  for await (const row of rowsOf(deps, repository)) {
    if (row.usedAt < usedSince && !isReached(reachable, row)) surplus.push(row)
    else if (dryRun) staying.add(row.digest)
  }
  if (dryRun) {
    gone.push(...surplus.map((row) => linkOf(repository, row)))
    return
  }
  for (let tries = 0; surplus.length > 0; tries++) {
    if (tries === maxTries) throw new Error(`it changed ${maxTries} times while it was looked at`)
    const revision = await deps.catalog.readRevision(repository)
    await reachable.update()
    surplus = surplus.filter((row) => !isReached(reachable, row))
    surplus = await sweepRows(deps, repository, { surplus, revision, usedSince, gone })
  }
}

/** Until it is published, withdrawn or too old. */
async function stagedDigests({ staged }: GarbageDeps, repository: RepositoryKey): Promise<Digest[]> {
  const digests: Digest[] = []
  for (const line of await staged.listLines(repository)) {
    const { changes } = await staged.read(line)
    digests.push(...changes.flatMap(({ entry }) => (isLive(entry) ? [entry.digest] : [])))
  }
  return digests
}

function isReached({ manifests, blobs }: Reachable, { kind, digest }: Row): boolean {
  return kind === 'manifest' ? manifests.has(digest) : blobs.has(digest)
}

function linkOf({ ensName }: RepositoryKey, { kind, digest, size }: Row): Garbage {
  return { kind, repository: ensName, digest, bytes: size }
}

type RowSweep = { surplus: readonly Row[]; revision: string; usedSince: number; gone: Garbage[] }

/** Manifests go before the blobs they name. Adds what went to `gone`; when the repository changed, resolves with what must be looked at again. */
async function sweepRows(
  { catalog, pause }: CollectorDeps,
  repository: RepositoryKey,
  { surplus, revision, usedSince, gone }: RowSweep,
): Promise<Row[]> {
  for (let from = 0; from < surplus.length; from += rowsPerSweep) {
    const rows = surplus.slice(from, from + rowsPerSweep)
    const digestsOf = (kind: Row['kind']) => rows.filter((row) => row.kind === kind).map(({ digest }) => digest)
    const sweep = { manifests: digestsOf('manifest'), blobs: digestsOf('blob'), revision, usedSince }
    const swept = await catalog.sweep(repository, sweep)
    if (!swept) return surplus.slice(from)
    const manifests = new Set(swept.manifests)
    const blobs = new Set(swept.blobs)
    const went = rows.filter(({ kind, digest }) => (kind === 'manifest' ? manifests : blobs).has(digest))
    gone.push(...went.map((row) => linkOf(repository, row)))
    await pause()
  }
  return []
}

/** Takes away the bytes that no repository shows, a few at a time: while they go, nobody can begin to show them. */
async function* removeContent(
  deps: CollectorDeps,
  { signal }: CollectOptions,
  usedSince: number,
): AsyncGenerator<Garbage> {
  for await (const page of pagesOf((after) => deps.content.list(after, pageRows))) {
    const old = page.filter(({ storedAt }) => storedAt < usedSince)
    for (let from = 0; from < old.length; from += contentPerRemoval) {
      signal?.throwIfAborted()
      yield* removeUnshown(deps, old.slice(from, from + contentPerRemoval))
    }
  }
}

async function* removeUnshown(
  { catalog, content, clock }: CollectorDeps,
  candidates: readonly StoredContent[],
): AsyncGenerator<Garbage> {
  const sizes = new Map(candidates.map(({ digest, size }) => [digest, size]))
  const removals = await catalog.beginRemovals([...sizes.keys()])
  if (removals.length === 0) return
  try {
    for (const { digest } of removals) {
      const wasThere = await content.remove(digest)
      if (wasThere) yield { kind: 'content', repository: null, digest, bytes: sizes.get(digest) ?? 0 }
    }
  } finally {
    await catalog.endRemovals(removals, Number(clock()))
  }
}

/** What `removeContent` would take away once only `staying` is shown. */
async function* surplusContent(
  { catalog, content }: CollectorDeps,
  usedSince: number,
  staying: ReadonlySet<Digest>,
): AsyncGenerator<Garbage> {
  const parts = new Set((await catalog.listParts()).map(({ sha256 }) => sha256))
  for await (const page of pagesOf((after) => content.list(after, pageRows))) {
    for (const { digest, size, storedAt } of page) {
      if (storedAt >= usedSince || staying.has(digest) || parts.has(digest)) continue
      yield { kind: 'content', repository: null, digest, bytes: size }
    }
  }
}
