import { lookupSuite } from '../lookup-suite.ts'
import { openRegistry } from './stores.ts'

lookupSuite('D1 and R2', openRegistry)
