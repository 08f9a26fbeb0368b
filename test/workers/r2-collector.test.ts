import { reset } from 'cloudflare:test'
import { env } from 'cloudflare:workers'
import { describe } from 'vitest'
import { createMemoryStores } from '../../gateway/store/memory.ts'
import { createR2Content } from '../../gateway/store/r2.ts'
import { collectorRules } from '../collector/rules.ts'
import { registryOver } from '../registry/client.ts'

describe('collector over R2', () => {
  collectorRules(async (options) => {
    await reset()
    return registryOver({ ...createMemoryStores(), content: createR2Content(env.BLOBS, { copiedBytes: 100 }) }, options)
  })
})
