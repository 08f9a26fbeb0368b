import { mkdir } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import { migrationsFolder } from '../package-root.ts'
import type { Catalog } from './catalog.ts'
import type { ContentStore } from './content-store.ts'
import { endCutOffRemovals } from './cut-off-removals.ts'
import { lockDataFolder } from './data-lock.ts'
import { openFilesContent } from './files.ts'
import { type Fs, nodeFs } from './fs.ts'
import type { LoginStore } from './logins.ts'
import type { PushPermissionStore } from './push-permissions.ts'
import { rememberHeads } from './remembered-heads.ts'
import { rememberSmallContent } from './small-content.ts'
import type { Sql } from './sql.ts'
import { createSqlCatalog } from './sql-catalog.ts'
import { createSqlLogins } from './sql-logins.ts'
import { createSqlPushPermissions } from './sql-push-permissions.ts'
import { createSqlStagedTags } from './sql-staged-tags.ts'
import { createSqlAnnouncements } from './sql-swarm-announcements.ts'
import { createSqlSwarmLedger } from './sql-swarm-ledger.ts'
import { createSqlTagLists } from './sql-tag-lists.ts'
import { sweepTrees } from './sql-trees.ts'
import { openSqlite, type SqliteSql } from './sqlite.ts'
import type { StagedTagStore } from './staged-tags.ts'
import type { AnnouncementStore } from './swarm-announcements.ts'
import type { SwarmLedger } from './swarm-ledger.ts'
import type { TagListStore } from './tag-list-store.ts'

const rememberedContentBytes = 16 * 1024 * 1024
const rememberedHeads = 1000

/** The stores of a gateway on Node. */
export type NodeStores = {
  content: ContentStore
  catalog: Catalog
  lists: TagListStore
  staged: StagedTagStore
  swarmLedger: SwarmLedger
  announcements: AnnouncementStore
  pushPermissions: PushPermissionStore
  logins: LoginStore
  /** The database's own check of itself: one line per fault. */
  checkDatabase(): Promise<readonly string[]>
  close(): Promise<void>
}

/** What the stores stand on, replaced by tests that break it. */
export type NodeSeams = { fs: Fs; aroundSql: (sql: SqliteSql) => SqliteSql }

/**
 * Opens the stores in a folder of this gateway alone: `gateway.sqlite` and the content files. Creates the folder with mode 0700 when
 * it is missing, brings the schema up to date, and removes what a crash left behind. @throws Error when the folder is in use
 */
export async function openNodeStores(dataFolder: string, seams: Partial<NodeSeams> = {}): Promise<NodeStores> {
  const folder = resolve(dataFolder)
  const created = await mkdir(folder, { recursive: true, mode: 0o700 })
  if (created !== undefined) await syncUpwards(folder, dirname(created))
  const unlock = lockDataFolder(join(folder, 'lock.sqlite'), folder)
  let sql: SqliteSql | undefined
  const release = () => {
    sql?.close()
    unlock()
  }
  try {
    const opened = openSqlite(join(folder, 'gateway.sqlite'), migrationsFolder())
    sql = seams.aroundSql?.(opened) ?? opened
    const stores = await openStoresOver(sql, folder, seams.fs ?? nodeFs)
    return { ...stores, close: () => stores.content.close().finally(release) }
  } catch (error) {
    release()
    throw error
  }
}

/** The stores over a database and a folder that are open and nobody else's; removes what a crash left behind. */
export async function openStoresOver(sql: Sql, folder: string, fs: Fs): Promise<Omit<NodeStores, 'close'>> {
  const catalog = createSqlCatalog(sql)
  const content = await openFilesContent(folder, fs)
  await content.sweep(await catalog.listParts())
  await endCutOffRemovals(catalog, content, Math.floor(Date.now() / 1000))
  await sweepTrees(sql, 0)
  return {
    content: rememberSmallContent(content, rememberedContentBytes),
    catalog,
    lists: rememberHeads(createSqlTagLists(sql), rememberedHeads),
    staged: createSqlStagedTags(sql),
    swarmLedger: createSqlSwarmLedger(sql),
    announcements: createSqlAnnouncements(sql),
    pushPermissions: createSqlPushPermissions(sql),
    logins: createSqlLogins(sql),
    checkDatabase: () => checkDatabase(sql),
  }
}

async function checkDatabase(sql: Sql): Promise<string[]> {
  const faults = await sql.all<{ integrity_check: string }>('PRAGMA integrity_check')
  const orphans = await sql.all<{ table: string; parent: string }>('PRAGMA foreign_key_check')
  return [
    ...faults.map((row) => row.integrity_check).filter((text) => text !== 'ok'),
    ...orphans.map(({ table, parent }) => `a row of ${table} refers to no row of ${parent}`),
  ]
}

/** Makes new folders durable: each name is kept by the folder above it. */
async function syncUpwards(folder: string, top: string): Promise<void> {
  for (let at = folder; at !== top; at = dirname(at)) await nodeFs.syncFolder(dirname(at))
}
