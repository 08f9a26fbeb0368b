import { defineConfig } from 'vitest/config'
import { crashTests } from './test/crash/vitest.config.ts'
import { createReporter } from './test/reporter.ts'

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    // In workerd: `npm run test:workers`; for a Bee node or a made-up one: `npm run test:swarm`; of minutes: `npm run test:crash`.
    // TUF's attacks: `npm run test:tuf`. What needs Chromium: `npm run test:browser`.
    exclude: [
      ...['test/workers/**', 'test/bee/**', '**/*.swarm.test.ts', 'test/tuf/**', 'test/browser/**'],
      ...crashTests,
    ],
    reporters: [createReporter()],
    pool: 'forks',
    maxWorkers: 2,
    // Half of the time would go into loading the same modules for each file: no test replaces one, and none keeps state in one.
    isolate: false,
    // Generous: on a busy machine slow is not wrong.
    testTimeout: 120_000,
    hookTimeout: 120_000,
    allowOnly: false,
    passWithNoTests: false,
  },
})
