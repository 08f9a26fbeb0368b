import { createHash, randomBytes } from 'node:crypto'
import { type Hex, toHex } from 'viem'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Bee, BeeFault, BeeRange } from '../../gateway/bee/bee.ts'
import { BeeError } from '../../gateway/bee/bee.ts'
import { createFetchBee } from '../../gateway/bee/fetch-bee.ts'
import type { SwarmHash } from '../../gateway/swarm/hash.ts'
import { openSwarmHash } from '../../gateway/swarm/node-wasm.ts'
import { patternBytes } from '../swarm/naive.ts'
import { goldenReferences, helloAddress, helloChunk, nowhere } from './golden.ts'
import type { NodeUnderTest } from './node-under-test.ts'
import { feedId, signSoc } from './single-owner.ts'

/** A call's fault. @throws what is no BeeError, and Error when nothing is thrown */
export async function faultOf(call: Promise<unknown>): Promise<BeeFault> {
  const error = await call.then(() => new Error('nothing was thrown')).catch((thrown: unknown) => thrown)
  if (error instanceof BeeError) return error.fault
  throw error
}

/** All of a body. */
export async function drain(body: ReadableStream<Uint8Array>): Promise<Buffer> {
  return Buffer.from(await new Response(body as BodyInit).arrayBuffer())
}

/** Pieces as a stream; what they throw errors it. */
export function streamOf(pieces: Iterable<Uint8Array>): ReadableStream<Uint8Array> {
  const source = pieces[Symbol.iterator]()
  return new ReadableStream({
    pull(sink) {
      const { done, value } = source.next()
      if (done) sink.close()
      else sink.enqueue(value)
    },
  })
}

/** What a node must do, over the gateway's own client: a real one and the fake. */
export function beeSuite(name: string, open: () => Promise<NodeUnderTest>): void {
  describe(name, () => {
    let node: NodeUnderTest
    let bee: Bee
    let hash: SwarmHash
    let stamp: { postageBatchId: Hex }

    beforeAll(async () => {
      node = await open()
      bee = createFetchBee({ beeUrl: `${node.beeUrl}/` })
      hash = await openSwarmHash()
      stamp = { postageBatchId: node.postageBatchId }
    })
    afterAll(() => node.stop())

    const readAll = async (reference: Hex, range?: BeeRange) => {
      const { size, body } = await bee.readBytes(reference, range && { range })
      return { size, bytes: await drain(body) }
    }

    test('health: version and API version, ready for uploads', async () => {
      const health = await bee.health()
      expect(health).toEqual({ version: expect.any(String), apiVersion: expect.any(String), isReady: true })
    })

    test.each(goldenReferences)(
      'protocol 6: %i bytes get their golden reference, and come back',
      async (bytes, reference) => {
        const content = patternBytes(bytes)
        expect(await bee.writeBytes(content, bytes, stamp)).toBe(reference)
        const back = await readAll(reference)
        expect([back.size, back.bytes.equals(content)]).toEqual([bytes, true])
      },
    )

    test('content goes up as a stream, whatever its pieces', async () => {
      const content = randomBytes(1_500_000)
      const hasher = hash.createHasher()
      hasher.update(content)
      const pieces = [content.subarray(0, 1), content.subarray(1, 700_001), content.subarray(700_001)]
      expect(await bee.writeBytes(streamOf(pieces), content.byteLength, stamp)).toBe(hasher.digest())
    })

    test('a stream that is not as long as was said is refused on our side, and what it throws comes through', async () => {
      const stream = () => streamOf([patternBytes(5000)])
      await expect(bee.writeBytes(stream(), 5000, stamp)).resolves.toMatch(/^0x/)
      await expect(bee.writeBytes(stream(), 5001, stamp)).rejects.toThrow('5001 bytes were to be sent, 5000 came')
      await expect(bee.writeBytes(stream(), 4999, stamp)).rejects.toThrow('4999 bytes were to be sent')
      const broken = function* () {
        yield patternBytes(4096)
        throw new RangeError('our disk')
      }
      await expect(bee.writeBytes(streamOf(broken()), 9000, stamp)).rejects.toThrow('our disk')
    })

    test('ranges: first byte, last byte, over the borders of chunk and subtree', async () => {
      const content = patternBytes(5_242_880)
      const reference = await bee.writeBytes(content, content.byteLength, stamp)
      const ranges = [
        [0, 0],
        [5_242_879, 5_242_879],
        [4095, 4096],
        [524_287, 524_288],
        [100, 1_048_700],
        [0, 5_242_879],
      ] as const
      for (const [first, last] of ranges) {
        const { size, bytes } = await readAll(reference, { first, last })
        expect([size, bytes.equals(content.subarray(first, last + 1))], `${first}-${last}`).toEqual([5_242_880, true])
      }
      expect(await faultOf(bee.readBytes(reference, { range: { first: 5_242_880, last: 5_242_881 } }))).toBe('nonsense')
      expect(await faultOf(bee.readBytes(reference, { range: { first: 5_242_879, last: 5_242_880 } }))).toBe('nonsense')
    })

    test('chunks: written under their address, read with span and payload; a root is one', async () => {
      expect(await bee.writeChunk(helloChunk, stamp)).toBe(helloAddress)
      expect(Buffer.from(await bee.readChunk(helloAddress)).equals(helloChunk)).toBe(true)
      expect(await bee.writeChunk(helloChunk, stamp)).toBe(helloAddress)
      const root = await bee.readChunk(goldenReferences[6]?.[1] as Hex)
      expect([root.byteLength, Buffer.from(root.subarray(0, 8)).readUInt32LE()]).toEqual([328, 5_242_880])
    })

    test('many chunks at once, one after another node was asked for its upload tag', async () => {
      const chunks = Array.from({ length: 40 }, () => Buffer.concat([helloChunk.subarray(0, 8), randomBytes(5)]))
      const fresh = createFetchBee({ beeUrl: node.beeUrl })
      const addresses = await Promise.all(chunks.map((chunk) => fresh.writeChunk(chunk, stamp)))
      expect(addresses).toEqual(chunks.map((chunk) => hash.addressOf(chunk)))
    })

    test('what a node does not have is absent', async () => {
      expect(await faultOf(bee.readChunk(nowhere))).toBe('absent')
      expect(await faultOf(bee.readBytes(nowhere))).toBe('absent')
      expect(await faultOf(bee.readBytes(nowhere, { range: { first: 0, last: 9 } }))).toBe('absent')
    })

    test('a postage batch that is not the node’s is unusable, for content of any size', async () => {
      await expect(bee.writeBytes(patternBytes(10), 10, stamp)).resolves.toMatch(/^0x/)
      const other = { postageBatchId: nowhere }
      expect(await faultOf(bee.writeBytes(patternBytes(10), 10, other))).toBe('batch unusable')
      expect(await faultOf(bee.writeBytes(patternBytes(20_000_000), 20_000_000, other))).toBe('batch unusable')
      expect(await faultOf(bee.writeChunk(helloChunk, other))).toBe('batch unusable')
    })

    test('the batches of the node, and the price', async () => {
      const own = (await bee.listPostageBatches()).find(({ postageBatchId }) => postageBatchId === node.postageBatchId)
      expect(own).toMatchObject({ isUsable: true, depth: expect.any(Number), isImmutable: expect.any(Boolean) })
      expect(own?.fullness).toBeGreaterThan(0)
      expect(own?.fullness).toBeLessThan(1)
      expect(own?.remainingSeconds).toBeGreaterThan(3600)
      expect((await bee.readPrice()).plurPerChunkAndBlock).toBeGreaterThan(0n)
    })

    test('single-owner chunks are stored as they were signed; a development node refuses them', async () => {
      const { soc, address, stored } = await signSoc(hash, toHex(randomBytes(32)), Buffer.from('an update'))
      if (node.isDev) return expect(await faultOf(bee.writeSingleOwnerChunk(soc, stamp))).toBe('refused')
      await bee.writeSingleOwnerChunk(soc, stamp)
      expect(Buffer.from(await bee.readChunk(address)).equals(stored)).toBe(true)
      const forged = { ...soc, chunk: Buffer.concat([soc.chunk.subarray(0, 8), Buffer.from('another')]) }
      expect(await faultOf(bee.writeSingleOwnerChunk(forged, stamp))).toBe('refused')
    })

    test('a second single-owner chunk at an address is answered the same, and the first one stays', async () => {
      if (node.isDev)
        return expect((await fetch(`${node.beeUrl}/feeds/${'11'.repeat(20)}/${'22'.repeat(32)}`)).status).toBe(404)
      const id = feedId(toHex(randomBytes(32)), 0)
      const [first, second] = [await signSoc(hash, id, Buffer.from('1')), await signSoc(hash, id, Buffer.from('2'))]
      await bee.writeSingleOwnerChunk(first.soc, stamp)
      await bee.writeSingleOwnerChunk(second.soc, stamp)
      expect(Buffer.from(await bee.readChunk(first.address)).equals(first.stored)).toBe(true)
    })

    test('a body that is cancelled ends, one that is aborted throws the reason', async () => {
      const content = randomBytes(8_000_000)
      const reference = await bee.writeBytes(content, content.byteLength, stamp)
      const { body } = await bee.readBytes(reference)
      const reader = body.getReader()
      expect((await reader.read()).value?.byteLength).toBeGreaterThan(0)
      await reader.cancel()
      const stop = new AbortController()
      const aborted = await bee.readBytes(reference, { signal: stop.signal })
      const other = aborted.body.getReader()
      await other.read()
      stop.abort(new Error('enough'))
      await expect(
        (async () => {
          for (;;) if ((await other.read()).done) return
        })(),
      ).rejects.toThrow('enough')
      await expect(bee.readChunk(reference, stop.signal)).rejects.toThrow('enough')
      const sum = createHash('sha256')
        .update((await readAll(reference)).bytes)
        .digest('hex')
      expect(sum).toBe(createHash('sha256').update(content).digest('hex'))
    })
  })
}
