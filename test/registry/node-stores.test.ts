import { cp, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, onTestFinished } from 'vitest'
import { type Fs, nodeFs } from '../../gateway/store/fs.ts'
import { type NodeSeams, openNodeStores } from '../../gateway/store/node-stores.ts'
import { largeRegistrySuite, registrySuite } from '../registry-suite.ts'
import { type OpenRegistry, registryOver } from './client.ts'

/** The file system without waiting for the disk: what a power cut leaves is the stores' own tests' business. */
const unsynced: Fs = {
  ...nodeFs,
  create: async (path) => ({ ...(await nodeFs.create(path)), sync: async () => undefined }),
  syncFolder: async () => undefined,
}

const seams: NodeSeams = {
  fs: unsynced,
  aroundSql: (sql) => {
    void sql.run('PRAGMA synchronous = OFF')
    return sql
  },
}

/** A data folder with nothing in it, brought up to date once and copied for each rule. */
let empty: string

beforeAll(async () => {
  empty = await mkdtemp(join(tmpdir(), 'mooring-registry-'))
  await (await openNodeStores(empty)).close()
})

afterAll(() => rm(empty, { recursive: true }))

const open: OpenRegistry = async (options) => {
  const folder = await mkdtemp(join(tmpdir(), 'mooring-registry-'))
  await cp(empty, folder, { recursive: true })
  const stores = await openNodeStores(folder, seams)
  onTestFinished(async () => {
    await stores.close()
    await rm(folder, { recursive: true })
  })
  return registryOver(stores, options)
}

registrySuite('SQLite and files', open)
largeRegistrySuite('SQLite and files', open)
