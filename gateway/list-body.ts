import type { Deps } from './deps.ts'
import { type ListLine, ListMoved } from './store/tag-list-store.ts'
import { decodeTagEntry, decodeTagKey } from './tags/entry.ts'
import { entryToJson, signedListToJson, timestampToJson } from './tags/json.ts'
import type { SignedList } from './tags/list.ts'
import type { Slot } from './tags/tree.ts'

const slotsPerPage = 256

/**
 * The body of `GET _mooring/list` in parts (protocol 5): what is sent, and what is put on Swarm. All of it is of one version.
 * @param sent the current list of `line`, with the signatures and the timestamp that go out
 * @throws ListMoved when another version was published meanwhile
 */
export async function* listBody(
  { lists, pause }: Pick<Deps, 'lists' | 'pause'>,
  line: ListLine,
  sent: SignedList,
): AsyncGenerator<string> {
  const { list, hash } = sent
  const members = { ...signedListToJson(sent), timestamp: timestampToJson(sent.timestamp) }
  yield `${JSON.stringify(members).slice(0, -1)},"entries":[`
  // Slot 0 is the sentinel.
  for (let from = 1; BigInt(from) < list.count; from += slotsPerPage) {
    const slots = await lists.readSlots(line, hash, from, slotsPerPage)
    if (!slots) throw new ListMoved(hash)
    const entries = slots.map((slot) => JSON.stringify(entryOfSlot(slot, list.version)))
    yield `${from === 1 ? '' : ','}${entries.join(',')}`
    await pause()
  }
  yield ']}'
}

function entryOfSlot({ key, value }: Slot, version: bigint) {
  return { tag: decodeTagKey(key), ...entryToJson(decodeTagEntry(value, version)) }
}
