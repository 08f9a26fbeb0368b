import { registrySuite } from '../registry-suite.ts'
import { openRegistry } from './stores.ts'

registrySuite('D1 and R2', openRegistry)
