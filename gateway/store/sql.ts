/** What a parameter may be. */
export type SqlValue = string | number | bigint | Uint8Array | null
/** One statement and its parameters, ?1 first. */
export type SqlStatement = { text: string; values: readonly SqlValue[] }

/**
 * The seam under the SQL stores: what both better-sqlite3 and Cloudflare D1 can do, and no more (no interactive transactions).
 * Integers come back as numbers. Durable when a call resolves. @throws SqlUnavailable from any of them
 */
export type Sql = {
  all<Row extends object>(text: string, values?: readonly SqlValue[]): Promise<Row[]>
  first<Row extends object>(text: string, values?: readonly SqlValue[]): Promise<Row | undefined>
  /** Returns how many rows changed. @throws SqlConflict on a broken UNIQUE or PRIMARY KEY */
  run(text: string, values?: readonly SqlValue[]): Promise<number>
  /**
   * All statements in one transaction, in order, all or none; returns each one's rows (empty where it has none).
   * @throws SqlConflict on a broken UNIQUE or PRIMARY KEY: nothing was written
   */
  batch(statements: readonly SqlStatement[]): Promise<object[][]>
}

/** A UNIQUE or PRIMARY KEY constraint refused the write: somebody else came first. */
export class SqlConflict extends Error {
  override readonly name = 'SqlConflict'
}

/** The database could not be asked, or did not say how it ended: the caller may try again later. Maps to 503. */
export class SqlUnavailable extends Error {
  override readonly name = 'SqlUnavailable'
}
