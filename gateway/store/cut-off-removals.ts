import type { Catalog } from './catalog.ts'
import type { ContentStore } from './content-store.ts'

/**
 * Takes away what a collection began to take away when it was cut off: nobody could link it since. Only while no collection runs, which
 * might end with it in between. `now` in unix seconds.
 */
export async function endCutOffRemovals(catalog: Catalog, content: ContentStore, now: number): Promise<void> {
  const removals = await catalog.listRemovals()
  if (removals.length === 0) return
  for (const { digest } of removals) await content.remove(digest)
  await catalog.endRemovals(removals, now)
}
