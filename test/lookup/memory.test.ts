import { createMemoryCatalog, createMemoryContent, createMemoryTagLists } from '../../gateway/store/memory.ts'
import { lookupSuite } from '../lookup-suite.ts'
import { registryOver } from '../registry/client.ts'

lookupSuite('memory', async (options) => {
  const stores = { content: createMemoryContent(), catalog: createMemoryCatalog(), lists: createMemoryTagLists() }
  return registryOver(stores, options)
})
