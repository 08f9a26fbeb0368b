import { defineConfig } from 'vitest/config'
import { createReporter } from './test/reporter.ts'

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    // In workerd: `npm run test:workers`; of minutes or hundreds of megabytes: `npm run test:swarm`.
    exclude: ['test/workers/**', 'test/bee/long/**'],
    reporters: [createReporter()],
    pool: 'forks',
    maxWorkers: 2,
    // Generous: on a busy machine slow is not wrong.
    testTimeout: 120_000,
    hookTimeout: 120_000,
    allowOnly: false,
    passWithNoTests: false,
  },
})
