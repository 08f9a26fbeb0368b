import { relaySuite } from '../registry-suite.ts'
import { stagingSuite } from '../staging-suite.ts'
import { openRegistry } from './stores.ts'

stagingSuite('D1 and R2', openRegistry)
relaySuite('D1 and R2', openRegistry)
