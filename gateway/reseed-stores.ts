import type { Hex } from 'viem'
import type { Digest } from './oci/digest.ts'
import { readManifest } from './oci/manifest.ts'
import { type CollectorDeps, createReachable, pagesOf } from './reachable.ts'
import type { Seed, SeedRecord } from './reseed.ts'
import type { RepositoryKey, StoredManifest } from './store/catalog.ts'
import { ContentUnavailable } from './store/content-store.ts'
import type { SwarmLedger } from './store/swarm-ledger.ts'
import type { ListLine } from './store/tag-list-store.ts'
import type { SignedList } from './tags/list.ts'

/** A list in the stores, and everything that it and the history kept with it need. */
export type StoredSeeds = { repository: RepositoryKey; line: ListLine; head: SignedList; seeds: readonly Seed[] }

const pageRows = 500

/**
 * What a name's list and its retained history name, with children, blobs and referrers: manifests first. Of several owners' lists the one
 * that was signed last counts. What history alone needs and is not here any more was collected, and is left out; what the list needs and
 * is nowhere has an `open` that gives nothing. Undefined without a list of this name.
 */
export async function collectSeeds(deps: CollectorDeps, ensName: string): Promise<StoredSeeds | undefined> {
  const found = await findNewestList(deps, ensName)
  if (!found) return undefined
  const { repository, line } = found
  const readable = await createReadable(deps, repository)
  const reachable = createReachable(
    { ...deps, catalog: { ...deps.catalog, findManifest: (_key, digest) => readable(digest) } },
    { repository, usedSince: Number.POSITIVE_INFINITY, isPresent: async (other) => other.epoch === line.epoch },
  )
  await reachable.update()
  const wanted = await digestsOf(deps, line)
  const manifests: Seed[] = []
  const blobs = new Map<Digest, Seed>()
  for (const digest of [...reachable.manifests].sort()) {
    const manifest = await readable(digest)
    if (manifest) manifests.push(seedOf(deps, manifest))
    else if (wanted.has(digest)) manifests.push({ digest, size: 0, open: async () => undefined })
    for (const blob of manifest ? await blobsOf(deps, manifest) : []) blobs.set(blob.digest, seedOf(deps, blob))
  }
  return { ...found, seeds: [...manifests, ...[...blobs.values()].sort(byDigest)] }
}

function byDigest(one: Seed, other: Seed): number {
  return one.digest < other.digest ? -1 : 1
}

async function findNewestList({ catalog, lists }: CollectorDeps, ensName: string) {
  let newest: { repository: RepositoryKey; line: ListLine; head: SignedList } | undefined
  for (let last: RepositoryKey | null = null; ; ) {
    const page: readonly RepositoryKey[] = await catalog.listRepositories(last, pageRows)
    for (const repository of page.filter((each) => each.ensName === ensName)) {
      for (const { line, head } of await lists.listLines(repository)) {
        if (!newest || head.list.issuedAt > newest.head.list.issuedAt) newest = { repository, line, head }
      }
    }
    last = page.at(-1) ?? null
    if (last === null) return newest
  }
}

async function digestsOf({ lists }: CollectorDeps, line: ListLine): Promise<ReadonlySet<string>> {
  const digests = new Set<string>()
  const read = async (after: string) =>
    (await lists.listDigests(line, after, pageRows)).map((digest) => ({ digest: digest as Digest }))
  for await (const page of pagesOf(read)) for (const { digest } of page) digests.add(digest)
  return digests
}

/** Manifests that the repository shows and whose bytes can be had; each is looked for once. */
async function createReadable({ catalog, content, log }: CollectorDeps, repository: RepositoryKey) {
  const known = new Map<Digest, StoredManifest | undefined>()
  return async (digest: Digest): Promise<StoredManifest | undefined> => {
    if (known.has(digest)) return known.get(digest)
    const manifest = await catalog.findManifest(repository, digest)
    const body = manifest && (await content.read(digest).catch(noneIfUnavailable))
    if (manifest && !body) log('a manifest cannot be had', { digest })
    await body?.cancel()
    known.set(digest, body && manifest)
    return known.get(digest)
  }
}

function noneIfUnavailable(error: unknown): undefined {
  if (!(error instanceof ContentUnavailable)) throw error
  return undefined
}

async function blobsOf({ content, limits }: CollectorDeps, { digest, mediaType }: StoredManifest) {
  const bytes = new Uint8Array(await new Response((await content.read(digest)) ?? null).arrayBuffer())
  const { blobs } = await readManifest(bytes, mediaType, limits)
  return blobs.filter(({ external }) => !external).map((blob) => ({ digest: blob.digest, size: blob.size }))
}

function seedOf({ content }: CollectorDeps, seed: { digest: Digest; size: number; mediaType?: string }): Seed {
  const { digest, size, mediaType } = seed
  const open = async () => {
    const body = await content.read(digest).catch(noneIfUnavailable)
    return body as unknown as AsyncIterable<Uint8Array> | undefined
  }
  return mediaType === undefined ? { digest, size, open } : { digest, size, mediaType, open }
}

/** The ledger as a record of what a batch has stamped; a gateway over it then reads the content back by itself. */
export function recordInLedger(ledger: SwarmLedger, postageBatchId: Hex, clock: () => bigint): SeedRecord {
  return {
    async find(digest) {
      const row = await ledger.find(digest)
      const isThere = row?.state === 'uploaded' || row?.state === 'verified'
      return isThere && row.postageBatchId === postageBatchId ? (row.swarmReference ?? undefined) : undefined
    },
    async note({ digest, size }, swarmReference) {
      await ledger.recordReference(digest, size, swarmReference)
      await ledger.enqueue([{ digest, size }], true)
      await ledger.markUploaded(digest, postageBatchId, Number(clock()))
    },
  }
}
