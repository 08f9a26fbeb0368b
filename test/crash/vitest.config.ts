import { suiteConfig } from '../suite-config.ts'

// `npm run test:crash`: a process killed, the power cut or the disk full at every step of what is written. Minutes, and one after another.

/** `npm test` leaves these out. */
export const crashTests = [
  'test/store/kill.test.ts',
  'test/store/power-cut.test.ts',
  'test/store/full-disk.test.ts',
  'test/collector/chaos.test.ts',
  'test/e2e/kill.test.ts',
]

export default suiteConfig(crashTests, { timeoutMs: 300_000 })
