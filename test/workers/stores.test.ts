import {
  announcementSuite,
  catalogSuite,
  loginSuite,
  pushPermissionSuite,
  stagedTagSuite,
  swarmLedgerSuite,
  tagListSuite,
  upkeepSuite,
} from '../store-suite.ts'
import { openStores } from './stores.ts'

catalogSuite('D1', openStores)
tagListSuite('D1', openStores)
stagedTagSuite('D1', openStores)
swarmLedgerSuite('D1', async () => {
  const { swarmLedger, close } = await openStores()
  return { ledger: swarmLedger, close }
})
announcementSuite('D1', openStores)
loginSuite('D1', openStores)
pushPermissionSuite('D1', openStores)
upkeepSuite('D1 and R2', openStores)
