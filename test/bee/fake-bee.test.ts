import { startFakeBee } from './fake-bee.ts'
import { measuredRules } from './measured-rules.ts'
import { openFake } from './node-under-test.ts'
import { beeSuite } from './suite.ts'

const openDevFake = async () => openFake(await startFakeBee({ mode: 'dev' }), true)

beeSuite('fake Bee in development mode, our client', openDevFake)
measuredRules('fake Bee in development mode, its API', openDevFake)
measuredRules('fake Bee 2.8.1, its API', async () => openFake(await startFakeBee({ version: '2.8.1' })))
