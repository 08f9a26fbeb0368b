import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openNodeStores } from '../../gateway/store/node-stores.ts'
import { loginRules } from './suite.ts'

loginRules('SQLite and files', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'mooring-logins-'))
  const stores = await openNodeStores(folder)
  const close = () => stores.close().then(() => rm(folder, { recursive: true }))
  return { ...stores, close }
})
