import { registrySuite } from '../registry-suite.ts'
import { openRegistry } from './registry.ts'

registrySuite('D1', openRegistry)
