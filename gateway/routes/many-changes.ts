import type { Deps } from '../deps.ts'
import { type ListLine, ListMoved } from '../store/tag-list-store.ts'
import type { SignedList } from '../tags/list.ts'
import { SENTINEL, type Slot, type TreeDelta } from '../tags/tree.ts'
import { verifyWholeList } from '../tags/verify.ts'
import { runInSlices } from './slices.ts'

const slotsPerRead = 512

/**
 * Commits a planned publish that touches more slots than one commit takes: the whole list that it leads to is written beside the
 * current one, in slices, and then takes its place. False as `TagListStore.replace`. @throws ListMoved when another list came first
 */
export async function replaceByDelta(
  deps: Deps,
  line: ListLine,
  head: SignedList | undefined,
  signed: SignedList,
  delta: TreeDelta,
): Promise<boolean> {
  const slots = await slotsAfter(deps, line, head, delta)
  const { levels } = await runInSlices(verifyWholeList(signed.list, slots), deps.pause)
  return deps.lists.replace(line, signed, { slots, levels, changes: delta.changes })
}

/** The current slots with those of the delta written over them. */
async function slotsAfter(deps: Deps, line: ListLine, head: SignedList | undefined, delta: TreeDelta): Promise<Slot[]> {
  const slots = head ? await readAllSlots(deps, line, head) : [SENTINEL]
  for (const [position, slot] of delta.slots) if (slot) slots[position] = slot
  slots.length = delta.count
  return slots
}

async function readAllSlots(deps: Deps, line: ListLine, head: SignedList): Promise<Slot[]> {
  const all: Slot[] = []
  while (BigInt(all.length) < head.list.count) {
    const slots = await deps.lists.readSlots(line, head.hash, all.length, slotsPerRead)
    if (!slots) throw new ListMoved(head.hash)
    all.push(...slots)
    await deps.pause()
  }
  return all
}
