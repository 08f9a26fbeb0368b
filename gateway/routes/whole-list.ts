import type { Hex } from 'viem'
import type { Deps } from '../deps.ts'
import { type ListLine, ListMoved, type TagTransition } from '../store/tag-list-store.ts'
import { checkImmutable, decodeTagEntry, decodeTagKey } from '../tags/entry.ts'
import type { SignedList } from '../tags/list.ts'
import { Refusal } from '../tags/refusal.ts'
import type { Slot } from '../tags/tree.ts'

const slotsPerSlice = 512

/**
 * What a whole new list changes against the current one: removals, then updates, then additions. A changed entry carries the new
 * version, an unchanged one keeps its own; immutable entries stay (protocol 2.1). `slots` are well-formed.
 * @throws Refusal InvalidEntry, ImmutableChanged; ListMoved when another list came first
 */
export async function compareLists(
  deps: Deps,
  line: ListLine,
  head: SignedList | undefined,
  slots: readonly Slot[],
  version: bigint,
): Promise<readonly TagTransition[]> {
  const before = await readValues(deps, line, head)
  const updates: TagTransition[] = []
  const additions: TagTransition[] = []
  await eachInSlices(slots.slice(1), deps.pause, ({ key, value }) => {
    const old = before.get(key)
    before.delete(key)
    if (old === value) return
    const transition = transitionOf(key, old, value, version)
    checkUpdated(transition, version)
    if (old === undefined) additions.push(transition)
    else updates.push(transition)
  })
  const removals: TagTransition[] = []
  await eachInSlices(before, deps.pause, ([key, value]) => {
    removals.push(transitionOf(key, value, undefined, version))
  })
  const changes = [...removals, ...updates, ...additions]
  for (const { tag, before, after } of changes) if (before) checkImmutable(tag, before, after ?? undefined)
  return changes
}

async function eachInSlices<Item>(
  items: Iterable<Item>,
  pause: () => Promise<void>,
  visit: (item: Item) => void,
): Promise<void> {
  let visited = 0
  for (const item of items) {
    visit(item)
    if (++visited % slotsPerSlice === 0) await pause()
  }
}

/** The current list's values by key. */
async function readValues(deps: Deps, line: ListLine, head: SignedList | undefined): Promise<Map<Hex, Hex>> {
  const values = new Map<Hex, Hex>()
  if (!head) return values
  for (let from = 1; BigInt(from) < head.list.count; from += slotsPerSlice) {
    const slots = await deps.lists.readSlots(line, head.hash, from, slotsPerSlice)
    if (!slots) throw new ListMoved(head.hash)
    for (const { key, value } of slots) values.set(key, value)
    await deps.pause()
  }
  return values
}

function transitionOf(key: Hex, before: Hex | undefined, after: Hex | undefined, version: bigint): TagTransition {
  const entryOf = (value: Hex | undefined) => (value === undefined ? null : decodeTagEntry(value, version))
  return { tag: decodeTagKey(key), before: entryOf(before), after: entryOf(after) }
}

function checkUpdated({ tag, after }: TagTransition, version: bigint): void {
  if (!after || BigInt(after.updatedVersion) === version) return
  throw new Refusal(
    'InvalidEntry',
    `tag ${tag} changes in version ${version} but has updatedVersion ${after.updatedVersion}`,
  )
}
