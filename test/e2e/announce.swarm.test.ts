import { openNodeUnderTest } from '../bee/node-under-test.ts'
import { announceSuite } from './announce-suite.ts'

const which = process.env.BEE_URL ? 'real Bee' : 'fake Bee'
const most = 30
const step = Math.ceil(most / Number(process.env.KILL_POINTS ?? 3))
const points = Array.from({ length: most }, (_, at) => at + 1).filter((point) => point % step === 0)

announceSuite(`${which}, lists and feeds`, openNodeUnderTest, points)
