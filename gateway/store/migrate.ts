import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Database } from 'better-sqlite3'

/** The table in which wrangler records D1 migrations: a database made by either can be taken over by the other. */
const migrationsTable = `CREATE TABLE IF NOT EXISTS d1_migrations (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  name TEXT UNIQUE,
  applied_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP NOT NULL
)`

/**
 * Applies the .sql files of `folder` that this database has not seen, by name in ascending order, each in one transaction together
 * with its record. Returns the names applied. @throws Error when the database has a migration that `folder` lacks: it is newer
 */
export function applyMigrations(database: Database, folder: string): string[] {
  const known = readdirSync(folder)
    .filter((file) => file.endsWith('.sql'))
    .sort()
  database.exec(migrationsTable)
  const applied = new Set(database.prepare<[], string>('SELECT name FROM d1_migrations').pluck().all())
  const unknown = [...applied].filter((name) => !known.includes(name))
  if (unknown.length > 0) throw new Error(`the database was made by a newer version: it has migration ${unknown[0]}`)
  const missing = known.filter((name) => !applied.has(name))
  const record = database.prepare('INSERT INTO d1_migrations (name) VALUES (?)')
  for (const name of missing) {
    const text = readFileSync(join(folder, name), 'utf8')
    database
      .transaction(() => {
        database.exec(text)
        record.run(name)
      })
      .immediate()
  }
  return missing
}
