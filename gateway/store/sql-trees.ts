import type { Hex } from 'viem'
import type { Slot, TreeDelta } from '../tags/tree.ts'
import type { Sql, SqlStatement, SqlValue } from './sql.ts'
import { bare, changeItem, slotItem } from './tag-list-rows.ts'
import type { WholeList } from './tag-list-store.ts'

/** Rows handed over as one JSON text, which D1 limits to 2 MB; also how long other requests wait for a slice. */
const maxSliceChars = 400_000
const maxSweepRows = 2_000

/**
 * The statements that bring the rows of a tree to the state after `delta`. Deletions come first: a moved slot keeps its unique key. A row
 * that stays is changed in place, for its indexes are rows too: D1 counts all that is written.
 */
export function deltaStatements(treeId: number, version: number, delta: TreeDelta): SqlStatement[] {
  const goneSlots = [...delta.slots].flatMap(([position, slot]) => (slot === null ? [position] : []))
  const positions = JSON.stringify([...delta.slots.keys()])
  const goneNodes = delta.nodes.filter((node) => node.hash === null).map((node) => [node.level, node.position])
  return [
    ...sliced(deleteSlots, [treeId], goneSlots),
    ...sliced(deleteMovedSlots, [treeId, positions], usedSlots(delta.slots)),
    ...sliced(deleteNodes, [treeId], goneNodes),
    ...sliced(relinkSlots, [treeId], usedSlots(delta.slots)),
    ...sliced(putSlots, [treeId], usedSlots(delta.slots)),
    ...sliced(insertNodes, [treeId], keptNodes(delta)),
    ...sliced(insertChanges, [treeId, version], delta.changes.entries(), ([ordinal, change]) =>
      changeItem(ordinal, change),
    ),
  ]
}

/** The statements that write a whole tree, one slice each. */
export function* wholeStatements(treeId: number, version: number, whole: WholeList): Generator<SqlStatement> {
  yield* sliced(insertSlots, [treeId], whole.slots.entries(), ([position, slot]) => slotItem(position, slot))
  yield* sliced(insertNodes, [treeId], allNodes(whole.levels))
  yield* sliced(insertChanges, [treeId, version], whole.changes.entries(), ([ordinal, change]) =>
    changeItem(ordinal, change),
  )
}

/**
 * Removes, in slices, trees that no list uses: those that a `replace` left behind (retired), and those that it never finished
 * (pending), with the changes written for them, where they were begun at least `agedSeconds` ago: 0 only while nobody is replacing.
 * Returns how many trees went.
 */
export async function sweepTrees(sql: Sql, agedSeconds: number): Promise<number> {
  const text = "SELECT tree_id FROM tree WHERE state <> 'live' AND begun_at <= unixepoch() - ?1 ORDER BY tree_id"
  const trees = await sql.all<{ tree_id: number }>(text, [agedSeconds])
  for (const tree of trees) await removeTree(sql, tree.tree_id)
  return trees.length
}

/** Removes one tree unless it is live, which the database itself decides; the changes of one that was live are the history's and stay. */
export async function removeTree(sql: Sql, treeId: number): Promise<void> {
  await removeInSlices(sql, treeId, 'slot', 'position', "<> 'live'")
  await removeInSlices(sql, treeId, 'node', 'level, position', "<> 'live'")
  await removeInSlices(sql, treeId, 'list_change', 'version, ordinal', "= 'pending'")
  await sql.run("DELETE FROM tree WHERE tree_id = ? AND state <> 'live'", [treeId])
}

/** Lets other requests run between slices: SQLite on Node answers without ever yielding. */
export function pause(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 0))
}

const deleteSlots = 'DELETE FROM slot WHERE tree_id = ?1 AND position IN (SELECT value FROM json_each(?2))'
/** Of the positions ?2, those whose key goes to another position. */
const deleteMovedSlots = `DELETE FROM slot WHERE tree_id = ?1 AND position IN (
  SELECT s.position FROM json_each(?3) CROSS JOIN slot s ON s.tree_id = ?1 AND s.key = unhex(json_each.value ->> 1)
  WHERE s.position <> json_each.value ->> 0 AND s.position IN (SELECT value FROM json_each(?2)))`
/** Slots of which only the next key is another: that is in no index. */
const relinkSlots = `UPDATE slot SET next_key = unhex(json_each.value ->> 2) FROM json_each(?2)
  WHERE tree_id = ?1 AND position = json_each.value ->> 0
  AND slot.key = unhex(json_each.value ->> 1) AND slot.value = unhex(json_each.value ->> 3)`
const deleteNodes = `DELETE FROM node WHERE tree_id = ?1
  AND (level, position) IN (SELECT value ->> 0, value ->> 1 FROM json_each(?2))`
const insertSlots = `INSERT INTO slot (tree_id, position, key, next_key, value)
  SELECT ?1, value ->> 0, unhex(value ->> 1), unhex(value ->> 2), unhex(value ->> 3) FROM json_each(?2)`
const putSlots = `${insertSlots} WHERE NOT EXISTS (SELECT 1 FROM slot s WHERE s.tree_id = ?1 AND s.position = json_each.value ->> 0
    AND s.key = unhex(json_each.value ->> 1) AND s.value = unhex(json_each.value ->> 3))
  ON CONFLICT (tree_id, position) DO UPDATE SET key = excluded.key, next_key = excluded.next_key, value = excluded.value`
const insertNodes = `INSERT OR REPLACE INTO node (tree_id, level, position, hash)
  SELECT ?1, value ->> 0, value ->> 1, unhex(value ->> 2) FROM json_each(?2)`
const insertChanges = `INSERT INTO list_change (tree_id, version, ordinal, tag, before, after)
  SELECT ?1, ?2, value ->> 0, value ->> 1, unhex(value ->> 2), unhex(value ->> 3) FROM json_each(?3)`

/** One statement per slice of rows, the slice as JSON in its last value. */
function* sliced<Row>(
  text: string,
  values: readonly SqlValue[],
  rows: Iterable<Row>,
  itemOf: (row: Row) => unknown = (row) => row,
): Generator<SqlStatement> {
  let items: string[] = []
  let chars = 0
  for (const row of rows) {
    const item = JSON.stringify(itemOf(row))
    items.push(item)
    chars += item.length + 1
    if (chars < maxSliceChars) continue
    yield { text, values: [...values, `[${items.join(',')}]`] }
    items = []
    chars = 0
  }
  if (items.length > 0) yield { text, values: [...values, `[${items.join(',')}]`] }
}

function* usedSlots(slots: ReadonlyMap<number, Slot | null>): Generator<unknown[]> {
  for (const [position, slot] of slots) if (slot) yield slotItem(position, slot)
}

function* keptNodes(delta: TreeDelta): Generator<unknown[]> {
  for (const { level, position, hash } of delta.nodes) if (hash) yield [level, position, bare(hash)]
}

function* allNodes(levels: readonly (readonly Hex[])[]): Generator<unknown[]> {
  for (const [level, hashes] of levels.entries()) {
    for (const [position, hash] of hashes.entries()) yield [level, position, bare(hash)]
  }
}

async function removeInSlices(sql: Sql, treeId: number, table: string, key: string, state: string): Promise<void> {
  const text = `DELETE FROM ${table} WHERE tree_id = ?1 AND (${key}) IN (SELECT ${key} FROM ${table}
    WHERE tree_id = ?1 AND (SELECT state FROM tree WHERE tree_id = ?1) ${state} LIMIT ${maxSweepRows})`
  while ((await sql.run(text, [treeId])) > 0) await pause()
}
