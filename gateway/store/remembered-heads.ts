import type { SignedList } from '../tags/list.ts'
import type { ListLine, TagListStore } from './tag-list-store.ts'

/**
 * Tag lists whose current header is read once and kept until this process writes that line: only for stores that nobody else writes
 * (the Node stores lock their folder). Every lookup asks for it. `maxLines` bounds what is kept; the one kept longest goes first.
 */
export function rememberHeads(lists: TagListStore, maxLines: number): TagListStore {
  const heads = new Map<string, SignedList>()
  let writes = 0
  const forgetAfter = async (line: ListLine, write: Promise<boolean>): Promise<boolean> => {
    try {
      return await write
    } finally {
      writes++
      heads.delete(keyOf(line))
    }
  }
  return {
    ...lists,
    async findHead(line) {
      const key = keyOf(line)
      const known = heads.get(key)
      if (known) return known
      const writesBefore = writes
      const head = await lists.findHead(line)
      // A write that ended meanwhile may have moved it.
      if (head && writes === writesBefore) heads.set(key, head)
      if (heads.size > maxLines) heads.delete(heads.keys().next().value ?? key)
      return head
    },
    commit: (line, ...rest) => forgetAfter(line, lists.commit(line, ...rest)),
    replace: (line, ...rest) => forgetAfter(line, lists.replace(line, ...rest)),
    begin: (line, ...rest) => forgetAfter(line, lists.begin(line, ...rest)),
    putSignatures: (line, ...rest) => forgetAfter(line, lists.putSignatures(line, ...rest)),
    putTimestamp: (line, ...rest) => forgetAfter(line, lists.putTimestamp(line, ...rest)),
  }
}

function keyOf({ chainId, resolver, ensName, owner, epoch }: ListLine): string {
  return `${ensName} ${owner} ${epoch} ${resolver} ${chainId}`
}
