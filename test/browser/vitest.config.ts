import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vitest/config'
import { createReporter } from '../reporter.ts'

// `npm run test:browser`: the signing page and the library in a real Chromium, against a chain and gateways on loopback.

export default defineConfig({
  root: fileURLToPath(new URL('../..', import.meta.url)),
  test: {
    include: ['test/browser/**/*.test.ts'],
    reporters: [createReporter()],
    pool: 'forks',
    maxWorkers: 2,
    testTimeout: 120_000,
    hookTimeout: 120_000,
    allowOnly: false,
    passWithNoTests: false,
  },
})
