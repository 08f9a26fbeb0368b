import {
  createMemoryAnnouncements,
  createMemoryCatalog,
  createMemoryContent,
  createMemoryLogins,
  createMemoryPushPermissions,
  createMemoryStores,
  createMemorySwarmLedger,
  createMemoryTagLists,
} from '../../gateway/store/memory.ts'
import {
  announcementSuite,
  catalogSuite,
  contentSuite,
  loginSuite,
  pushPermissionSuite,
  stagedTagSuite,
  swarmLedgerSuite,
  tagListSuite,
  upkeepSuite,
} from '../store-suite.ts'

contentSuite('memory', async () => {
  const content = createMemoryContent()
  return { content, close: () => content.close() }
})
catalogSuite('memory', async () => ({ catalog: createMemoryCatalog(), close: async () => {} }))
tagListSuite('memory', async () => ({ lists: createMemoryTagLists(), close: async () => {} }))
announcementSuite('memory', async () => ({ announcements: createMemoryAnnouncements(), close: async () => {} }))
pushPermissionSuite('memory', async () => ({
  pushPermissions: createMemoryPushPermissions(),
  close: async () => {},
}))
loginSuite('memory', async () => ({ logins: createMemoryLogins(), close: async () => {} }))
stagedTagSuite('memory', async () => ({ ...createMemoryStores(), close: async () => {} }))
swarmLedgerSuite('memory', async () => ({ ledger: createMemorySwarmLedger(), close: async () => {} }))
upkeepSuite('memory', async () => ({ ...createMemoryStores(), close: async () => {} }))
