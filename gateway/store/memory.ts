/** Drivers that forget: for tests, the verifier's own use, and gateways without a data folder. */
export { createMemoryCatalog } from './memory-catalog.ts'
export { createMemoryContent } from './memory-content.ts'
export { createMemoryTagLists } from './memory-tag-lists.ts'
