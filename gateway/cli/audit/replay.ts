import type { Hex } from 'viem'
import { checkImmutable, decodeTagEntry, encodeTagEntry, encodeTagKey } from '../../tags/entry.ts'
import { ZERO_HASH } from '../../tags/list.ts'
import { Refusal } from '../../tags/refusal.ts'
import { planChanges, type TreeReader } from '../../tags/tree.ts'
import type { Change, Version } from '../client/read-history.ts'
import { createGrowingTree, type GrowingTree } from './growing-tree.ts'

/** An immutable tag that a version moved, removed or made mutable (protocol 2.1). `isProven`: the signed roots say so, too. */
export type ImmutableMove = Change & { version: bigint; message: string; isProven: boolean }

/** What a history says once its changes are made one after the other. */
export type Replay = {
  /** Versions 1 to this one rebuild the roots that were signed; 0 where the first version is not there. */
  rebuiltTo: bigint
  /** The first version whose changes do not, and why: the gateway's account of it is wrong, or the list is malformed. */
  broken: { version: bigint; message: string } | null
  moves: readonly ImmutableMove[]
}

/** Replays versions, oldest first: from the first one of an epoch on each must rebuild count and root of its signed header. */
export async function replayVersions(versions: readonly Version[]): Promise<Replay> {
  const isWhole = versions[0]?.signed.list.previous === ZERO_HASH
  let replay: Replay = { rebuiltTo: 0n, broken: null, moves: [] }
  if (isWhole) replay = await replayFromStart(versions)
  const rest = versions.filter(({ signed }) => signed.list.version > replay.rebuiltTo)
  const told = rest.flatMap((version) => movesOf(version, false))
  return { ...replay, moves: [...replay.moves, ...told] }
}

async function replayFromStart(versions: readonly Version[]): Promise<Replay> {
  const tree = createGrowingTree()
  const moves: ImmutableMove[] = []
  let rebuiltTo = 0n
  for (const version of versions) {
    const message = await applyVersion(tree, version)
    if (message !== null) return { rebuiltTo, moves, broken: { version: version.signed.list.version, message } }
    rebuiltTo = version.signed.list.version
    moves.push(...movesOf(version, true))
  }
  return { rebuiltTo, moves, broken: null }
}

/** Null when the changes follow from what was there and lead to the signed root. */
async function applyVersion(tree: GrowingTree, { signed, changes }: Version): Promise<string | null> {
  const { version, root, count } = signed.list
  const moved = movesOf({ signed, changes }, true).map(({ tag }) => encodeTagKey(tag))
  try {
    for (const change of changes) checkBefore(tree, change)
    const planned = changes.map(({ tag, after }) => ({ tag, entry: after }))
    const delta = await planChanges(withoutFlags(tree, new Set(moved)), planned, version)
    if (delta.root !== root || BigInt(delta.count) !== count) {
      return `its changes lead to root ${delta.root} of ${delta.count} slots; signed is ${root} of ${count}`
    }
    tree.apply(delta)
    return null
  } catch (error) {
    if (error instanceof Refusal) return error.message
    throw error
  }
}

function checkBefore(tree: GrowingTree, { tag, before }: Change): void {
  const held = tree.valueOf(tag)
  if (held === (before === null ? undefined : encodeTagEntry(before))) return
  throw new Refusal('MalformedList', `${tag} is said to have been ${before?.digest ?? 'absent'} before, and was not`)
}

/**
 * Planning refuses to move what is immutable, and an audit must get past that: the slots of these keys read as mutable. What is read so
 * is never written: each of them is changed or removed by the same version.
 */
function withoutFlags(tree: TreeReader, keys: ReadonlySet<Hex>): TreeReader {
  if (keys.size === 0) return tree
  return {
    ...{ count: tree.count, slotAt: tree.slotAt, nodeAt: tree.nodeAt },
    async findSlot(key) {
      const found = await tree.findSlot(key)
      if (!keys.has(found.slot.key)) return found
      const entry = decodeTagEntry(found.slot.value, 2n ** 53n - 1n)
      return { ...found, slot: { ...found.slot, value: encodeTagEntry({ ...entry, flags: 0 }) } }
    },
  }
}

function movesOf({ signed, changes }: Version, isProven: boolean): ImmutableMove[] {
  const { version } = signed.list
  return changes.flatMap((change) => {
    const message = moveOf(change)
    return message === null ? [] : [{ ...change, version, message, isProven }]
  })
}

function moveOf({ tag, before, after }: Change): string | null {
  if (before === null) return null
  try {
    checkImmutable(tag, before, after ?? undefined)
    return null
  } catch (error) {
    if (error instanceof Refusal) return error.message
    throw error
  }
}
