export { catalogSuite } from './store/catalog-suite.ts'
export { contentSuite } from './store/content-suite.ts'
export { tagListSuite } from './store/tag-list-suite.ts'
