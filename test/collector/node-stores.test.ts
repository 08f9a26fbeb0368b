import { existsSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, onTestFinished } from 'vitest'
import { openNodeStores } from '../../gateway/store/node-stores.ts'
import { type OpenRegistry, registryOver } from '../registry/client.ts'
import { raceRules } from './race-rules.ts'
import { collectorRules } from './rules.ts'

const open: OpenRegistry = async (options) => {
  const folder = await mkdtemp(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'mooring-collector-'))
  const stores = await openNodeStores(folder)
  onTestFinished(async () => {
    await stores.close()
    await rm(folder, { recursive: true })
  })
  return registryOver(stores, options)
}

describe('collector over SQLite and files', () => {
  collectorRules(open)
  raceRules(open)
})
