import { defineConfig } from 'vitest/config'
import { createReporter } from '../reporter.ts'

export default defineConfig({
  test: {
    include: ['test/interop/*.test.ts'],
    reporters: [createReporter()],
    pool: 'forks',
    fileParallelism: false,
    testTimeout: 180_000,
    hookTimeout: 180_000,
    allowOnly: false,
    passWithNoTests: false,
  },
})
