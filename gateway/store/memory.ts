import { createMemoryCatalog } from './memory-catalog.ts'
import { createMemoryContent } from './memory-content.ts'
import { createMemoryLogins } from './memory-logins.ts'
import { createMemoryPushPermissions } from './memory-push-permissions.ts'
import { createMemoryStagedTags } from './memory-staged-tags.ts'
import { createMemoryAnnouncements } from './memory-swarm-announcements.ts'
import { createMemorySwarmLedger } from './memory-swarm-ledger.ts'
import { createMemoryTables } from './memory-tables.ts'
import { createMemoryTagLists } from './memory-tag-lists.ts'

/** Drivers that forget: for tests, the verifier's own use, and gateways without a data folder. */
export {
  createMemoryAnnouncements,
  createMemoryCatalog,
  createMemoryContent,
  createMemoryLogins,
  createMemoryPushPermissions,
  createMemoryStagedTags,
  createMemorySwarmLedger,
  createMemoryTagLists,
}

/** All of them, catalog and lists seeing each other as two halves of one database do. */
export function createMemoryStores() {
  const tables = createMemoryTables()
  return {
    content: createMemoryContent(),
    catalog: createMemoryCatalog(tables),
    lists: createMemoryTagLists(tables),
    staged: createMemoryStagedTags(tables),
    swarmLedger: createMemorySwarmLedger(),
    announcements: createMemoryAnnouncements(),
    pushPermissions: createMemoryPushPermissions(),
    logins: createMemoryLogins(),
  }
}
