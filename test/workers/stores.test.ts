import { createD1Sql } from '../../gateway/store/d1.ts'
import { createSqlAnnouncements } from '../../gateway/store/sql-swarm-announcements.ts'
import { announcementSuite, catalogSuite, swarmLedgerSuite, tagListSuite, upkeepSuite } from '../store-suite.ts'
import { openEmptyDatabase } from './database.ts'
import { openStores } from './stores.ts'

catalogSuite('D1', openStores)
tagListSuite('D1', openStores)
swarmLedgerSuite('D1', async () => {
  const { swarmLedger, close } = await openStores()
  return { ledger: swarmLedger, close }
})
announcementSuite('D1', async () => {
  const sql = createD1Sql(await openEmptyDatabase())
  return { announcements: createSqlAnnouncements(sql), close: async () => undefined }
})
upkeepSuite('D1 and R2', openStores)
