import Database from 'better-sqlite3'
import { applyMigrations } from './migrate.ts'
import { type Sql, SqlConflict, type SqlStatement, type SqlValue } from './sql.ts'

/** An open SQLite database. */
export type SqliteSql = Sql & { close(): void }

type Prepared = { statement: Database.Statement; numbered: boolean }
const conflictCodes = new Set(['SQLITE_CONSTRAINT_UNIQUE', 'SQLITE_CONSTRAINT_PRIMARYKEY', 'SQLITE_CONSTRAINT_ROWID'])
const busyTimeoutMs = 5_000
const pageCacheKiB = 32 * 1024

/**
 * Opens the database at `path` (`:memory:` for tests) and brings its schema up to date from the .sql files of `migrations`.
 * Durability: WAL with synchronous=FULL, so that SQLite itself syncs the log before each commit returns.
 */
export function openSqlite(path: string, migrations: string): SqliteSql {
  const database = new Database(path, { timeout: busyTimeoutMs })
  try {
    database.pragma('journal_mode = WAL')
    database.pragma('synchronous = FULL')
    database.pragma('foreign_keys = ON')
    database.pragma(`cache_size = -${pageCacheKiB}`)
    applyMigrations(database, migrations)
  } catch (error) {
    database.close()
    throw error
  }
  return createSqliteSql(database)
}

function createSqliteSql(database: Database.Database): SqliteSql {
  const prepared = new Map<string, Prepared>()
  const prepare = (text: string): Prepared => {
    const known = prepared.get(text)
    if (known) return known
    const fresh = { statement: database.prepare(text), numbered: /\?\d/.test(text) }
    prepared.set(text, fresh)
    return fresh
  }
  const rowsOf = ({ text, values }: SqlStatement): object[] => {
    const { statement, numbered } = prepare(text)
    const bound = bind(values, numbered)
    if (statement.reader) return statement.all(...bound) as object[]
    statement.run(...bound)
    return []
  }
  const transact = database.transaction((statements: readonly SqlStatement[]) => statements.map(rowsOf))
  const isRead = ({ text }: SqlStatement): boolean => prepare(text).statement.readonly
  return {
    async all<Row extends object>(text: string, values: readonly SqlValue[] = []) {
      return asConflict(() => rowsOf({ text, values }) as Row[])
    },
    async first<Row extends object>(text: string, values: readonly SqlValue[] = []) {
      return asConflict(() => rowsOf({ text, values })[0] as Row | undefined)
    },
    async run(text, values = []) {
      const { statement, numbered } = prepare(text)
      return asConflict(() => statement.run(...bind(values, numbered)).changes)
    },
    async batch(statements) {
      const mode = statements.every(isRead) ? transact.deferred : transact.immediate
      return asConflict(() => mode(statements))
    },
    close() {
      database.close()
    },
  }
}

/** better-sqlite3 takes values for `?` as a list and for `?1` by number. */
function bind(values: readonly SqlValue[], numbered: boolean): unknown[] {
  if (!numbered) return [...values]
  return [Object.fromEntries(values.map((value, place) => [place + 1, value]))]
}

function asConflict<T>(action: () => T): T {
  try {
    return action()
  } catch (error) {
    if (error instanceof Database.SqliteError && conflictCodes.has(error.code)) {
      throw new SqlConflict(error.message, { cause: error })
    }
    throw error
  }
}
