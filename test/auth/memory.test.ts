import { createMemoryStores } from '../../gateway/store/memory.ts'
import { loginRules } from './suite.ts'

loginRules('memory', async () => ({ ...createMemoryStores(), close: async () => undefined }))
