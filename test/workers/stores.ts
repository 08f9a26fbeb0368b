import { applyD1Migrations, reset } from 'cloudflare:test'
import { env } from 'cloudflare:workers'
import { createD1Sql } from '../../gateway/store/d1.ts'
import { createR2Content } from '../../gateway/store/r2.ts'
import { createSqlCatalog } from '../../gateway/store/sql-catalog.ts'
import { createSqlLogins } from '../../gateway/store/sql-logins.ts'
import { createSqlPushPermissions } from '../../gateway/store/sql-push-permissions.ts'
import { createSqlStagedTags } from '../../gateway/store/sql-staged-tags.ts'
import { createSqlAnnouncements } from '../../gateway/store/sql-swarm-announcements.ts'
import { createSqlSwarmLedger } from '../../gateway/store/sql-swarm-ledger.ts'
import { createSqlTagLists } from '../../gateway/store/sql-tag-lists.ts'
import { type OpenRegistry, registryOver } from '../registry/client.ts'

/** Empties every binding and brings the schema of the database up to date. */
export async function emptyBindings(): Promise<void> {
  await reset()
  await applyD1Migrations(env.DB, env.TEST_MIGRATIONS)
}

/** The stores of a Worker, empty. */
export async function openStores() {
  await emptyBindings()
  const sql = createD1Sql(env.DB)
  const lists = createSqlTagLists(sql)
  const swarmLedger = createSqlSwarmLedger(sql)
  return {
    content: createR2Content(env.BLOBS),
    catalog: createSqlCatalog(sql),
    lists,
    staged: createSqlStagedTags(sql),
    swarmLedger,
    announcements: createSqlAnnouncements(sql),
    pushPermissions: createSqlPushPermissions(sql),
    logins: createSqlLogins(sql),
    close: async () => undefined,
  }
}

/** The app over the stores of a Worker. */
export const openRegistry: OpenRegistry = async (options) => registryOver(await openStores(), options)
