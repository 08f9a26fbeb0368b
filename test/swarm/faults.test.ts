import { faultSuite } from '../bee/fault-suite.ts'
import { openFaultyPair } from '../bee/node-under-test.ts'

faultSuite('fake Bee', openFaultyPair)
