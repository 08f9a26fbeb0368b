import { createMemoryCatalog, createMemoryContent, createMemoryTagLists } from '../../gateway/store/memory.ts'
import { listSuite } from '../list-suite.ts'
import { registryOver } from '../registry/client.ts'

listSuite('memory', async (options) => {
  const stores = { content: createMemoryContent(), catalog: createMemoryCatalog(), lists: createMemoryTagLists() }
  return registryOver(stores, options)
})
