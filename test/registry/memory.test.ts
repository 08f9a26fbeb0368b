import { createMemoryCatalog, createMemoryContent, createMemoryTagLists } from '../../gateway/store/memory.ts'
import { registrySuite } from '../registry-suite.ts'
import { registryOver } from './client.ts'

registrySuite('memory', async (options) => {
  const stores = { content: createMemoryContent(), catalog: createMemoryCatalog(), lists: createMemoryTagLists() }
  return registryOver(stores, options)
})
