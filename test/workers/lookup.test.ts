import { lookupSuite } from '../lookup-suite.ts'
import { openRegistry } from './registry.ts'

lookupSuite('D1', openRegistry)
