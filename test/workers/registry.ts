import { createD1Sql } from '../../gateway/store/d1.ts'
import { createMemoryContent } from '../../gateway/store/memory.ts'
import { createSqlCatalog } from '../../gateway/store/sql-catalog.ts'
import { createSqlTagLists } from '../../gateway/store/sql-tag-lists.ts'
import { type OpenRegistry, registryOver } from '../registry/client.ts'
import { openEmptyDatabase } from './database.ts'

/** The app over the stores of a Worker, empty. */
export const openRegistry: OpenRegistry = async (options) => {
  const sql = createD1Sql(await openEmptyDatabase())
  const stores = { content: createMemoryContent(), catalog: createSqlCatalog(sql), lists: createSqlTagLists(sql) }
  return registryOver(stores, options)
}
