import { suiteConfig } from '../suite-config.ts'

// `npm run test:swarm`: what needs a Bee node, against the one at BEE_URL; without it against the fake, which the closing line says.

const { BEE_URL } = process.env

// What is about faults alone needs a made-up node, and says nothing of a real one.
const suites = BEE_URL ? ['test/**/*.swarm.test.ts'] : ['test/**/*.swarm.test.ts', 'test/bee/**/*.test.ts']

export default suiteConfig(suites, {
  timeoutMs: 300_000,
  where: BEE_URL ? `on the real Bee at ${BEE_URL}` : 'on a fake Bee, 0 on a real one',
  // The whole of what `npm test` only takes a sample of.
  env: { KILL_POINTS: '30' },
  // One after another: a real node under several suites at once says little about any of them.
  maxWorkers: 1,
})
