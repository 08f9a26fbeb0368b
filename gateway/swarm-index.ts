import type { Digest } from './oci/digest.ts'
import { pagesOf } from './reachable.ts'
import type { Catalog, RepositoryKey } from './store/catalog.ts'
import type { ContentStore } from './store/content-store.ts'
import type { SizedContent, SwarmLedger, SwarmRecord } from './store/swarm-ledger.ts'
import type { IndexRow } from './swarm/content-index.ts'

/** Where the content of repositories is listed. `content` are this gateway's own bytes. */
export type IndexDeps = {
  catalog: Catalog
  ledger: SwarmLedger
  content: Pick<ContentStore, 'stat'>
  pause: () => Promise<void>
}

/** What a content index is made of. */
export type IndexContents = {
  rows: readonly IndexRow[]
  /** Contents that are here, and have no reference yet or are not on Swarm yet. */
  waiting: number
}

const pageRows = 500

/**
 * Everything that a repository shows, with its reference: tagged or not, referrers, blobs (protocol 6). Left out is what is neither here nor
 * known to be on Swarm.
 */
export async function gatherIndexRows(deps: IndexDeps, key: RepositoryKey): Promise<IndexContents> {
  const rows = new Map<Digest, IndexRow>()
  let waiting = 0
  const add = async (page: readonly (SizedContent & { mediaType?: string })[]) => {
    const records = await deps.ledger.findMany(page.map(({ digest }) => digest))
    for (const { digest, size, mediaType } of page) {
      const record = records.get(digest)
      if (await isWaiting(deps, digest, record)) waiting += 1
      if (!record?.swarmReference || rows.has(digest)) continue
      const row = { digest, size, swarmReference: record.swarmReference }
      rows.set(digest, mediaType === undefined ? row : { ...row, mediaType })
    }
    await deps.pause()
  }
  for await (const page of pagesOf((after) => deps.catalog.listManifests(key, after, pageRows))) await add(page)
  for await (const page of pagesOf((after) => deps.catalog.listBlobs(key, after, pageRows))) {
    await add(page.map(({ digest, size }) => ({ digest, size })))
  }
  return { rows: [...rows.values()], waiting }
}

async function isWaiting({ content }: IndexDeps, digest: Digest, record: SwarmRecord | undefined): Promise<boolean> {
  if (record?.state === 'queued') return true
  if (record?.swarmReference && record.state !== 'local') return false
  return (await content.stat(digest)) !== undefined
}
