import { createMemoryContent } from '../../gateway/store/memory.ts'
import { swarmContentSuite } from './swarm-content-suite.ts'

swarmContentSuite('memory', async () => createMemoryContent())
