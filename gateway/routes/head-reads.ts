import type { Deps } from '../deps.ts'
import type { ListLine } from '../store/tag-list-store.ts'
import type { SignedList } from '../tags/list.ts'

type Read = { line: ListLine; head: Promise<SignedList | undefined> }

/** The last read of each app, until the event loop's turn ends. */
const reads = new WeakMap<Deps, Read>()

/**
 * The current list, read once for all requests of one turn of the event loop. A request that is handled in a turn had arrived before
 * the turn's first read, so none of them can have been sent after a publish that the read did not see.
 */
export function readHead(deps: Deps, line: ListLine): Promise<SignedList | undefined> {
  const known = reads.get(deps)
  if (known && isSameLine(known.line, line)) return known.head
  const read = { line, head: deps.lists.findHead(line) }
  reads.set(deps, read)
  const forget = () => reads.get(deps) === read && reads.delete(deps)
  deps.pause().then(forget, forget)
  return read.head
}

function isSameLine(a: ListLine, b: ListLine): boolean {
  return a === b || (a.ensName === b.ensName && a.owner === b.owner && a.epoch === b.epoch)
}
