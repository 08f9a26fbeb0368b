import type { Sql } from './sql.ts'

/**
 * Takes the next round of some work for the caller alone: true when none was begun within `intervalSeconds` of `now` (unix seconds),
 * and from then on for nobody else.
 */
export async function beginRound(sql: Sql, what: string, now: number, intervalSeconds: number): Promise<boolean> {
  const text = `INSERT INTO upkeep_round (what, begun_at) VALUES (?1, ?2)
    ON CONFLICT DO UPDATE SET begun_at = excluded.begun_at WHERE begun_at <= excluded.begun_at - ?3`
  return (await sql.run(text, [what, now, intervalSeconds])) > 0
}
