import Database from 'better-sqlite3'

/** Another process, or another gateway in this one, has the data folder open. */
export class DataFolderInUse extends Error {
  override readonly name = 'DataFolderInUse'
}

/**
 * Takes the one lock of a data folder; the returned function gives it back. It is an exclusive transaction on an empty SQLite file:
 * the operating system drops it with the process, kill -9 included, so there is never a stale lock to clean up, and the real
 * database stays readable for backups. @throws DataFolderInUse
 */
export function lockDataFolder(lockFile: string, dataFolder: string): () => void {
  const database = new Database(lockFile, { timeout: 0 })
  try {
    database.exec('BEGIN EXCLUSIVE')
  } catch (error) {
    database.close()
    if (!(error instanceof Database.SqliteError && error.code.startsWith('SQLITE_BUSY'))) throw error
    throw new DataFolderInUse(`the data folder ${dataFolder} is in use by another gateway: give each its own`, {
      cause: error,
    })
  }
  return () => {
    database.close()
  }
}
