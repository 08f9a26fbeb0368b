import { startFakeBee } from './fake-bee.ts'
import { measuredRules, redundancyRules } from './measured-rules.ts'
import { openFake } from './node-under-test.ts'
import { beeSuite } from './suite.ts'

const openDevFake = async () => openFake(await startFakeBee({ mode: 'dev' }), true)

beeSuite('fake Bee in development mode, our client', openDevFake)
measuredRules('fake Bee in development mode, its API', openDevFake)
redundancyRules()
