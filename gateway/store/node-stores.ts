import { mkdir } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import { migrationsFolder } from '../package-root.ts'
import type { Catalog } from './catalog.ts'
import type { ContentStore } from './content-store.ts'
import { lockDataFolder } from './data-lock.ts'
import { openFilesContent } from './files.ts'
import { nodeFs } from './fs.ts'
import { createSqlCatalog } from './sql-catalog.ts'
import { createSqlTagLists } from './sql-tag-lists.ts'
import { sweepTrees } from './sql-trees.ts'
import { openSqlite } from './sqlite.ts'
import type { TagListStore } from './tag-list-store.ts'

/** The three stores of a gateway on Node. */
export type NodeStores = { content: ContentStore; catalog: Catalog; lists: TagListStore; close(): Promise<void> }

/**
 * Opens the stores in a folder of this gateway alone: `gateway.sqlite` and the content files. Creates the folder with mode 0700 when
 * it is missing, brings the schema up to date, and removes what a crash left behind. @throws Error when the folder is in use
 */
export async function openNodeStores(dataFolder: string): Promise<NodeStores> {
  const folder = resolve(dataFolder)
  const created = await mkdir(folder, { recursive: true, mode: 0o700 })
  if (created !== undefined) await syncUpwards(folder, dirname(created))
  const unlock = lockDataFolder(join(folder, 'lock.sqlite'), folder)
  try {
    const sql = openSqlite(join(folder, 'gateway.sqlite'), migrationsFolder())
    try {
      const catalog = createSqlCatalog(sql)
      const content = await openFilesContent(folder)
      await content.sweep(await catalog.listParts())
      await sweepTrees(sql)
      const close = async () => {
        await content.close()
        sql.close()
        unlock()
      }
      return { content, catalog, lists: createSqlTagLists(sql), close }
    } catch (error) {
      sql.close()
      throw error
    }
  } catch (error) {
    unlock()
    throw error
  }
}

/** Makes new folders durable: each name is kept by the folder above it. */
async function syncUpwards(folder: string, top: string): Promise<void> {
  for (let at = folder; at !== top; at = dirname(at)) await nodeFs.syncFolder(dirname(at))
}
