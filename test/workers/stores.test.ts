import { createD1Sql } from '../../gateway/store/d1.ts'
import { createMemoryContent } from '../../gateway/store/memory.ts'
import { createSqlCatalog } from '../../gateway/store/sql-catalog.ts'
import { createSqlAnnouncements } from '../../gateway/store/sql-swarm-announcements.ts'
import { createSqlSwarmLedger } from '../../gateway/store/sql-swarm-ledger.ts'
import { createSqlTagLists } from '../../gateway/store/sql-tag-lists.ts'
import { announcementSuite, catalogSuite, swarmLedgerSuite, tagListSuite, upkeepSuite } from '../store-suite.ts'
import { openEmptyDatabase } from './database.ts'

const open = async () => createD1Sql(await openEmptyDatabase())
const close = async () => undefined

catalogSuite('D1', async () => ({ catalog: createSqlCatalog(await open()), close }))
tagListSuite('D1', async () => ({ lists: createSqlTagLists(await open()), close }))
announcementSuite('D1', async () => ({ announcements: createSqlAnnouncements(await open()), close }))
swarmLedgerSuite('D1', async () => ({ ledger: createSqlSwarmLedger(await open()), close }))
upkeepSuite('D1', async () => {
  const sql = await open()
  return { content: createMemoryContent(), catalog: createSqlCatalog(sql), lists: createSqlTagLists(sql), close }
})
