import { createMemoryCatalog, createMemoryContent, createMemoryTagLists } from '../../gateway/store/memory.ts'
import { catalogSuite, contentSuite, tagListSuite } from '../store-suite.ts'

contentSuite('memory', async () => {
  const content = createMemoryContent()
  return { content, close: () => content.close() }
})
catalogSuite('memory', async () => ({ catalog: createMemoryCatalog(), close: async () => {} }))
tagListSuite('memory', async () => ({ lists: createMemoryTagLists(), close: async () => {} }))
