import { startFakeBee } from './fake-bee.ts'
import { measuredRules, redundancyRules } from './measured-rules.ts'
import { openFake, openNodeUnderTest } from './node-under-test.ts'
import { beeSuite } from './suite.ts'

const which = process.env.BEE_URL ? 'real Bee' : 'fake Bee'

beeSuite(`${which}, our client`, openNodeUnderTest)
measuredRules(`${which}, its API`, openNodeUnderTest)

const openDevFake = async () => openFake(await startFakeBee({ mode: 'dev' }), true)
beeSuite('fake Bee in development mode, our client', openDevFake)
measuredRules('fake Bee in development mode, its API', openDevFake)
redundancyRules()
