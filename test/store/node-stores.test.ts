import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type NodeStores, openNodeStores } from '../../gateway/store/node-stores.ts'
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

/** Stores in a folder that goes away with them. */
async function openFresh(): Promise<NodeStores> {
  const folder = await mkdtemp(join(tmpdir(), 'mooring-store-'))
  const stores = await openNodeStores(folder)
  const close = async () => {
    await stores.close()
    await rm(folder, { recursive: true })
  }
  return { ...stores, close }
}

contentSuite('files', openFresh)
catalogSuite('SQLite', openFresh)
tagListSuite('SQLite', openFresh)
announcementSuite('SQLite', openFresh)
pushPermissionSuite('SQLite', openFresh)
loginSuite('SQLite', openFresh)
stagedTagSuite('SQLite', openFresh)
swarmLedgerSuite('SQLite', async () => {
  const { swarmLedger, close } = await openFresh()
  return { ledger: swarmLedger, close }
})
upkeepSuite('SQLite and files', openFresh)
