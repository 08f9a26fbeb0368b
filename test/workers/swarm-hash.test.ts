import { expect, test } from 'vitest'
import { openSwarmHash } from '../../worker/swarm-hash.ts'
import { goldenReferences } from '../bee/golden.ts'
import { patternBytes } from '../swarm/naive.ts'

test.each(goldenReferences)(
  'protocol 6: %i bytes have the reference that a Bee node gives, computed by the module that a Worker is deployed with',
  async (bytes, wanted) => {
    const hasher = (await openSwarmHash()).createHasher()
    hasher.update(patternBytes(bytes))
    expect(hasher.digest()).toBe(wanted)
  },
)
