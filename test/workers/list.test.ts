import { listSuite } from '../list-suite.ts'
import { openRegistry } from './registry.ts'

listSuite('D1', openRegistry)
