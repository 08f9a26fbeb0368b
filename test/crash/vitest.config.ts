import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vitest/config'
import { createReporter } from '../reporter.ts'

// `npm run test:crash`: a process killed, the power cut or the disk full at every step of what is written. Minutes, and one after another.

/** `npm test` leaves these out. */
export const crashTests = [
  'test/store/kill.test.ts',
  'test/store/power-cut.test.ts',
  'test/store/full-disk.test.ts',
  'test/collector/chaos.test.ts',
  'test/e2e/kill.test.ts',
]

export default defineConfig({
  root: fileURLToPath(new URL('../..', import.meta.url)),
  test: {
    include: crashTests,
    reporters: [createReporter()],
    pool: 'forks',
    maxWorkers: 2,
    testTimeout: 300_000,
    hookTimeout: 300_000,
    allowOnly: false,
    passWithNoTests: false,
  },
})
