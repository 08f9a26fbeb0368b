import type { Hex } from 'viem'
import { keptFor } from './kept.ts'
import { algorithmOf, type OpenDigester } from './oci/digest.ts'
import { pagesOf } from './reachable.ts'
import type { Catalog, RepositoryKey } from './store/catalog.ts'
import type { ContentStore } from './store/content-store.ts'
import type { SizedContent, SwarmLedger } from './store/swarm-ledger.ts'
import type { SwarmHash } from './swarm/hash.ts'
import { referenceOf } from './swarm/reference.ts'
import { createTurns } from './turns.ts'

/** What references are computed with. `content` are this gateway's own bytes. */
export type ReferenceDeps = {
  content: Pick<ContentStore, 'stat' | 'read'>
  ledger: SwarmLedger
  hash: SwarmHash
  openDigester: OpenDigester
  pause: () => Promise<void>
}

/** Two that want the reference of one content compute it once. */
const turnsOf = keptFor((_: SwarmLedger) => createTurns())

/**
 * Reads stored bytes once, computes their reference and records it; undefined when they are not here (any more).
 * @throws Error when what is stored does not have the digest it is stored under, SwarmReferenceConflict
 */
export function proveReference(deps: ReferenceDeps, content: SizedContent): Promise<Hex | undefined> {
  return turnsOf(deps.ledger)(content.digest, () => computeReference(deps, content))
}

async function computeReference(deps: ReferenceDeps, { digest, size }: SizedContent): Promise<Hex | undefined> {
  const known = await deps.ledger.find(digest)
  if (known?.isProven && known.swarmReference !== null) return known.swarmReference
  const body = await deps.content.read(digest)
  if (!body) return undefined
  const digester = deps.openDigester(algorithmOf(digest))
  const digested = async function* () {
    for await (const piece of body as unknown as AsyncIterable<Uint8Array>) {
      await deps.pause()
      await digester.update(piece)
      yield piece
    }
  }
  const swarmReference = await referenceOf(deps.hash, digested(), deps.pause)
  const actual = await digester.digest()
  if (actual !== digest) throw new Error(`what is stored as ${digest} has the digest ${actual}`)
  await deps.ledger.recordReference(digest, size, swarmReference)
  return swarmReference
}

const pageRows = 500

/** Everything that repositories show, in pages; what several of them show comes several times. */
export async function* shownContent(catalog: Catalog): AsyncGenerator<readonly SizedContent[]> {
  for (let last: RepositoryKey | null = null; ; ) {
    const repositories: readonly RepositoryKey[] = await catalog.listRepositories(last, pageRows)
    for (const repository of repositories) {
      yield* sizesOf((after) => catalog.listManifests(repository, after, pageRows))
      yield* sizesOf((after) => catalog.listBlobs(repository, after, pageRows))
    }
    last = repositories.at(-1) ?? null
    if (last === null) return
  }
}

async function* sizesOf(read: (after: string) => Promise<readonly SizedContent[]>) {
  for await (const page of pagesOf(read)) yield page.map(({ digest, size }): SizedContent => ({ digest, size }))
}
