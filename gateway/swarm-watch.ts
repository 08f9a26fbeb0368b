import type { Catalog } from './store/catalog.ts'
import type { TagListStore } from './store/tag-list-store.ts'

/** Stores as the app sees them: after what changes a name's list or what its content index has, `note` is called with the name. */
export function watchStores<Stores extends { lists: TagListStore; catalog: Catalog }>(
  stores: Stores,
  note: (ensName: string) => void,
): Stores {
  const { lists, catalog } = stores
  const noteIf = async (ensName: string, write: Promise<boolean>): Promise<boolean> => {
    const isDone = await write
    if (isDone) note(ensName)
    return isDone
  }
  return {
    ...stores,
    lists: {
      ...lists,
      commit: (line, ...rest) => noteIf(line.ensName, lists.commit(line, ...rest)),
      replace: (line, ...rest) => noteIf(line.ensName, lists.replace(line, ...rest)),
      begin: (line, ...rest) => noteIf(line.ensName, lists.begin(line, ...rest)),
      putSignatures: (line, ...rest) => noteIf(line.ensName, lists.putSignatures(line, ...rest)),
      putTimestamp: (line, ...rest) => noteIf(line.ensName, lists.putTimestamp(line, ...rest)),
    },
    // A referrer is pushed by digest, and no list changes with it.
    catalog: { ...catalog, putManifest: (key, ...rest) => noteIf(key.ensName, catalog.putManifest(key, ...rest)) },
  }
}
