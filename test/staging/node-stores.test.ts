import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import { openNodeStores } from '../../gateway/store/node-stores.ts'
import { registryOver } from '../registry/client.ts'
import { stagingSuite } from '../staging-suite.ts'

stagingSuite('SQLite and files', async (options) => {
  const folder = await mkdtemp(join(tmpdir(), 'mooring-staging-'))
  const stores = await openNodeStores(folder)
  onTestFinished(async () => {
    await stores.close()
    await rm(folder, { recursive: true })
  })
  return registryOver(stores, options)
})
