import { createMemoryCatalog, createMemoryContent, createMemoryTagLists } from '../../gateway/store/memory.ts'
import { type OpenRegistry, registryOver } from '../registry/client.ts'

/** The app over memory, empty. */
export const openMemoryRegistry: OpenRegistry = async (options) => {
  const stores = { content: createMemoryContent(), catalog: createMemoryCatalog(), lists: createMemoryTagLists() }
  return registryOver(stores, options)
}
