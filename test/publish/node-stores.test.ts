import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import { openNodeStores } from '../../gateway/store/node-stores.ts'
import { listSuite } from '../list-suite.ts'
import { registryOver } from '../registry/client.ts'

listSuite('SQLite and files', async (options) => {
  const folder = await mkdtemp(join(tmpdir(), 'mooring-list-'))
  const stores = await openNodeStores(folder)
  onTestFinished(async () => {
    await stores.close()
    await rm(folder, { recursive: true })
  })
  return registryOver(stores, options)
})
