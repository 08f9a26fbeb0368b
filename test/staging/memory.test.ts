import { createMemoryStores } from '../../gateway/store/memory.ts'
import { registryOver } from '../registry/client.ts'
import { relaySuite } from '../registry-suite.ts'
import { stagingSuite } from '../staging-suite.ts'

stagingSuite('memory', async (options) => registryOver(createMemoryStores(), options))
relaySuite('memory', async (options) => registryOver(createMemoryStores(), options))
