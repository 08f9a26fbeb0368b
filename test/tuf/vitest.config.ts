import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vitest/config'
import { createReporter } from '../reporter.ts'

// `npm run test:tuf`: what becomes of TUF's attacks, by the table of docs/tuf.md. A chain and a proxy for each.

export default defineConfig({
  root: fileURLToPath(new URL('../..', import.meta.url)),
  test: {
    include: ['test/tuf/**/*.test.ts'],
    reporters: [createReporter()],
    pool: 'forks',
    maxWorkers: 2,
    testTimeout: 120_000,
    hookTimeout: 120_000,
    allowOnly: false,
    passWithNoTests: false,
  },
})
