import { describe } from 'vitest'
import { createMemoryStores } from '../../gateway/store/memory.ts'
import { registryOver } from '../registry/client.ts'
import { raceRules } from './race-rules.ts'
import { collectorRules } from './rules.ts'

describe('collector over memory', () => {
  collectorRules(async (options) => registryOver(createMemoryStores(), options))
  raceRules(async (options) => registryOver(createMemoryStores(), options))
})
