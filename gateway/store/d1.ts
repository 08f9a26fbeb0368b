import type { D1Database } from '@cloudflare/workers-types'
import { type Sql, SqlConflict, type SqlStatement, SqlUnavailable, type SqlValue } from './sql.ts'

/** D1 itself ends a statement after 30 seconds; a client would not wait as long. */
const defaultTimeoutMs = 20_000

/**
 * Cloudflare D1 under the SQL stores. A batch is one transaction there, and every write is durable when it resolves. D1 takes at most
 * 100 values and 100 kB of text for a statement and 2 MB for one value: the stores hand many rows over as one JSON text, in slices. What takes longer than `timeoutMs` is given up as
 * SqlUnavailable, and may have been done all the same.
 */
export function createD1Sql(database: D1Database, timeoutMs: number = defaultTimeoutMs): Sql {
  const ask = <Answer>(question: () => Promise<Answer>) => askInTime(question, timeoutMs)
  const prepare = ({ text, values }: SqlStatement) => database.prepare(text).bind(...values.map(bindable))
  const query = (text: string, values: readonly SqlValue[] = []) =>
    ask(() => prepare({ text, values }).all<Record<string, unknown>>())
  return {
    async all<Row extends object>(text: string, values?: readonly SqlValue[]) {
      return (await query(text, values)).results as Row[]
    },
    async first<Row extends object>(text: string, values?: readonly SqlValue[]) {
      return (await query(text, values)).results[0] as Row | undefined
    },
    async run(text, values) {
      return (await query(text, values)).meta.changes
    },
    async batch(statements) {
      if (statements.length === 0) return []
      const results = await ask(() => database.batch<Record<string, unknown>>(statements.map(prepare)))
      return results.map((result) => result.results)
    },
  }
}

/** D1 takes no bigint. @throws RangeError for one that a number does not hold */
function bindable(value: SqlValue): Exclude<SqlValue, bigint> {
  if (typeof value !== 'bigint') return value
  const number = Number(value)
  if (!Number.isSafeInteger(number)) throw new RangeError(`${value} is too large for D1`)
  return number
}

const conflict = /UNIQUE constraint failed/
/** What the database says of the statement itself: asking again would not help. */
const refused = /SQLITE_|constraint failed|D1_TYPE_ERROR|D1_COLUMN_NOTFOUND|Wrong number of parameter bindings/
/** Of those, what is about the moment. */
const passing = /SQLITE_(?:BUSY|LOCKED|IOERR|FULL|INTERRUPT)|SQLITE_NOMEM/

/** D1's errors are told by their words. Whatever is not about the statement is the service: overloaded, restarting, out of reach. */
async function askInTime<Answer>(question: () => Promise<Answer>, timeoutMs: number): Promise<Answer> {
  let timer: ReturnType<typeof setTimeout> | undefined
  const patience = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no answer within ${timeoutMs} ms`)), timeoutMs)
  })
  try {
    return await Promise.race([question(), patience])
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error)
    if (conflict.test(message)) throw new SqlConflict(message, { cause: error })
    if (error instanceof RangeError || (refused.test(message) && !passing.test(message))) throw error
    throw new SqlUnavailable(`the database cannot be asked right now: ${message}`, { cause: error })
  } finally {
    clearTimeout(timer)
  }
}
