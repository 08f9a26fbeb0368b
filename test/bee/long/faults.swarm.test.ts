import { faultSuite } from '../fault-suite.ts'
import { openFaultyPair } from '../node-under-test.ts'

faultSuite(process.env.BEE_URL ? 'faults before a real Bee' : 'faults of a fake Bee', openFaultyPair)
