import { applyD1Migrations, reset } from 'cloudflare:test'
import { env } from 'cloudflare:workers'

/** The bound database with the schema of gateway/store/migrations and no rows; all other bindings are empty too. */
export async function openEmptyDatabase(): Promise<D1Database> {
  await reset()
  const { DB, TEST_MIGRATIONS } = env
  await applyD1Migrations(DB, TEST_MIGRATIONS)
  return DB
}
