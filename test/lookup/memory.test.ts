import { lookupSuite } from '../lookup-suite.ts'
import { openMemoryRegistry } from './memory-registry.ts'

lookupSuite('memory', openMemoryRegistry)
