import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createFetchBee } from '../../gateway/bee/fetch-bee.ts'
import { createSwarmReader, type SwarmContent, type SwarmReader } from '../../gateway/bee/swarm-reader.ts'
import { WINDOW_BYTES } from '../../gateway/swarm/hash.ts'
import { openSwarmHash } from '../../gateway/swarm/node-wasm.ts'
import { patternBytes } from '../swarm/naive.ts'
import { goldenReferences, nowhere } from './golden.ts'
import type { NodeUnderTest } from './node-under-test.ts'
import { drain } from './suite.ts'

/** 64 MiB, a parent of parents, and one byte: a lone last chunk that is carried up two levels. */
const size = 128 * WINDOW_BYTES + 1
const border = 128 * WINDOW_BYTES

/** Verified reading from a node that does nothing wrong, a real one or the fake. */
export function readerSuite(name: string, open: () => Promise<NodeUnderTest>): void {
  describe(name, () => {
    let node: NodeUnderTest
    let reader: SwarmReader
    let large: SwarmContent
    const content = patternBytes(size)

    beforeAll(async () => {
      node = await open()
      const bee = createFetchBee({ beeUrl: node.beeUrl })
      reader = createSwarmReader([bee], await openSwarmHash())
      const stamp = { postageBatchId: node.postageBatchId }
      large = { swarmReference: await bee.writeBytes(content, size, stamp), size }
      for (const [bytes] of goldenReferences) await bee.writeBytes(patternBytes(bytes), bytes, stamp)
    })
    afterAll(() => node.stop())

    test.each(goldenReferences)('golden content of %i bytes', async (bytes, swarmReference) => {
      const whole = await drain(await reader.read({ swarmReference, size: bytes }))
      expect(whole.equals(patternBytes(bytes))).toBe(true)
    })

    test.each([
      ['the first byte', 0, 0],
      ['the lone last byte', border, border],
      ['the border of 64 MiB', border - 1, border],
      ['a border of 512 KiB', 77 * WINDOW_BYTES - 3, 77 * WINDOW_BYTES + 4],
      ['a suffix over three windows', size - 1_200_000, size - 1],
    ])('64 MiB and a byte: %s', async (_what, first, last) => {
      const part = await drain(await reader.read(large, { range: { first, last } }))
      expect(part.equals(content.subarray(first, last + 1))).toBe(true)
    })

    test('64 MiB and a byte, whole: verified, and as it comes', async () => {
      expect((await drain(await reader.read(large))).equals(content)).toBe(true)
      expect((await drain(await reader.readUnverified(large))).equals(content)).toBe(true)
    })

    test('what the node does not have is SwarmUnavailable, what is of another size SwarmMisdescribed', async () => {
      await expect(reader.read({ swarmReference: nowhere, size })).rejects.toMatchObject({ name: 'SwarmUnavailable' })
      await expect(reader.read({ ...large, size: border })).rejects.toMatchObject({ name: 'SwarmMisdescribed' })
    })
  })
}
