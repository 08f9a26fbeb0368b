import { expect, inject, test } from 'vitest'
import { knownBodies, knownCalls, openKnownList } from '../lookup/same-bytes.ts'
import { openRegistry } from './stores.ts'

test('ERC-3668: our handler in workerd answers byte for byte as on Node and as the reference server', async () => {
  const bodies = await knownBodies(await openKnownList(openRegistry))
  const wanted = inject('nodeBodies')
  expect([bodies.length, wanted.length]).toEqual([knownCalls.length, knownCalls.length])
  for (const [position, [what]] of knownCalls.entries()) {
    expect([what, bodies[position]]).toEqual([what, wanted[position]])
  }
})
