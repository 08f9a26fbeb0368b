import { applyD1Migrations } from 'cloudflare:test'
import { env } from 'cloudflare:workers'

/** The bound database with the schema of gateway/store/migrations and no rows. */
export async function openEmptyDatabase(): Promise<D1Database> {
  const { DB, TEST_MIGRATIONS } = env
  await applyD1Migrations(DB, TEST_MIGRATIONS)
  return DB
}
