import type { Hex } from 'viem'
import { createMemoryTree, type TreeReader } from '../tags/tree.ts'
import type { Sql, SqlStatement } from './sql.ts'
import { bare, isLine, ofLine, type SlotRow, sentinel, slotColumns, slotOf } from './tag-list-rows.ts'
import { type ListLine, ListMoved } from './tag-list-store.ts'

/** A hash beside the way from a slot to the root; null where it is the empty one. */
export type BesideRow = { level: number; position: number; hash: string | null }

/**
 * Reads the neighbour at every level below the root of each row of `found` (which has `tree_id`, `position`, and the list's `count`): the
 * position there with its last bit turned. `more` are columns before those of a `BesideRow`.
 */
export function selectBeside(found: string, more = ''): string {
  const position = '(found.position >> step.value) + 1 - 2 * ((found.position >> step.value) & 1)'
  return `WITH found AS MATERIALIZED (${found})
    SELECT ${more} step.value AS level, ${position} AS position, lower(hex(n.hash)) AS hash
    FROM found CROSS JOIN json_each('[0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19]') step
    LEFT JOIN node n ON n.tree_id = found.tree_id AND n.level = step.value AND n.position = ${position}
    WHERE (1 << step.value) < found.count`
}

/** From the list ?6 of the line of ?1 to ?5, if it is the head, with what is `joined` to it. */
function fromHead(joined = ''): string {
  return `FROM list_line l JOIN list_version v ON v.line_id = l.line_id AND v.version = l.head_version ${joined}
    WHERE ${isLine} AND l.head_hash = ?6`
}

const selectCount = `SELECT v.count ${fromHead()}`
const besideTheNext = selectBeside(`SELECT l.tree_id, v.count AS position, v.count ${fromHead()}`)
const upToKey = `${fromHead('JOIN slot s ON s.tree_id = l.tree_id')} AND s.key <= unhex(?7) ORDER BY s.key DESC LIMIT 1`
const selectSlot = `SELECT ${slotColumns} ${upToKey}`
const besideTheSlot = selectBeside(`SELECT s.tree_id, s.position, v.count ${upToKey}`)
const selectSlotAt = `SELECT ${slotColumns} ${fromHead('LEFT JOIN slot s ON s.tree_id = l.tree_id AND s.position = ?7')}`
const besideThePosition = selectBeside(`SELECT l.tree_id, ?7 AS position, v.count ${fromHead()}`)
const atPlace = 'LEFT JOIN node n ON n.tree_id = l.tree_id AND n.level = ?7 AND n.position = ?8'
const selectNode = `SELECT lower(hex(n.hash)) AS hash ${fromHead(atPlace)}`

/**
 * The reader of `TagListStore.openTree`. With each slot come the hashes that changing it needs, and with the first answer those that an
 * addition needs: every question is a round trip to the database.
 */
export async function openSqlTree(sql: Sql, line: ListLine, listHash: Hex | null): Promise<TreeReader> {
  if (listHash === null) return createMemoryTree([sentinel])
  const known = new Map<string, Hex | undefined>()
  /** Only while the list is still the head; remembers what `beside` reads. */
  const ask = async <Row extends object>(
    text: string,
    beside: string | null,
    ...values: (string | number)[]
  ): Promise<Row> => {
    const about = (question: string): SqlStatement => ofLine(question, line, listHash, ...values)
    const [rows, neighbours = []] = await sql.batch(beside === null ? [about(text)] : [about(text), about(beside)])
    for (const { level, position, hash } of neighbours as BesideRow[]) known.set(placeOf(level, position), hexOf(hash))
    const [row] = rows as Row[]
    if (!row) throw new ListMoved(listHash)
    return row
  }
  const { count } = await ask<{ count: number }>(selectCount, besideTheNext)
  return {
    count,
    async findSlot(key) {
      const row = await ask<SlotRow>(selectSlot, besideTheSlot, bare(key))
      return { position: row.position, slot: slotOf(row) }
    },
    async slotAt(position) {
      type Found = Omit<SlotRow, 'position'> & { position: number | null }
      const row = await ask<Found>(selectSlotAt, besideThePosition, position)
      if (row.position === null) throw new Error(`list ${listHash} has no slot ${position}: the store is broken`)
      return slotOf({ ...row, position: row.position })
    },
    async nodeAt(level, position) {
      const place = placeOf(level, position)
      if (known.has(place)) return known.get(place)
      return hexOf((await ask<Pick<BesideRow, 'hash'>>(selectNode, null, level, position)).hash)
    },
  }
}

function placeOf(level: number, position: number): string {
  return `${level} ${position}`
}

/** `hex()` of NULL is empty. */
function hexOf(hash: string | null): Hex | undefined {
  return hash ? `0x${hash}` : undefined
}
