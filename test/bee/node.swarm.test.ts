import { measuredRules } from './measured-rules.ts'
import { openNodeUnderTest } from './node-under-test.ts'
import { readerSuite } from './reader-suite.ts'
import { beeSuite } from './suite.ts'

const which = process.env.BEE_URL ? 'real Bee' : 'fake Bee'

beeSuite(`${which}, our client`, openNodeUnderTest)
measuredRules(`${which}, its API`, openNodeUnderTest)
readerSuite(`${which}, verified reading`, openNodeUnderTest)
