import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vitest/config'
import { createReporter } from '../reporter.ts'

// `npm run test:swarm`: what needs a Bee node, against the one at BEE_URL; without it against the fake, which the closing line says.

const { BEE_URL } = process.env

export default defineConfig({
  root: fileURLToPath(new URL('../..', import.meta.url)),
  test: {
    // What is about faults alone needs a made-up node, and says nothing of a real one.
    include: BEE_URL ? ['test/**/*.swarm.test.ts'] : ['test/**/*.swarm.test.ts', 'test/bee/**/*.test.ts'],
    reporters: [createReporter(BEE_URL ? `on the real Bee at ${BEE_URL}` : 'on a fake Bee, 0 on a real one')],
    pool: 'forks',
    // The whole of what `npm test` only takes a sample of.
    env: { KILL_POINTS: '30' },
    // One after another: a real node under several suites at once says little about any of them.
    maxWorkers: 1,
    testTimeout: 300_000,
    hookTimeout: 300_000,
    allowOnly: false,
    passWithNoTests: false,
  },
})
