import { listSuite } from '../list-suite.ts'
import { openRegistry } from './stores.ts'

listSuite('D1 and R2', openRegistry)
