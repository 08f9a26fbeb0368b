import type { Hex } from 'viem'
import { describe, expect, test } from 'vitest'
import { type SwarmReader, SwarmUnavailable } from '../../gateway/bee/swarm-reader.ts'
import type { Digest } from '../../gateway/oci/digest.ts'
import { type ByteRange, type ContentStore, ContentUnavailable } from '../../gateway/store/content-store.ts'
import { createMemorySwarmLedger } from '../../gateway/store/memory.ts'
import { createSwarmContent, type SwarmSource } from '../../gateway/store/swarm-content.ts'
import { createTestClock, swarmReferenceOf } from '../fixtures.ts'
import { contentSuite } from './content-suite.ts'
import { collect, digestOf, readAll, someBytes } from './fixtures.ts'

const pieceBytes = 256 * 1024

/** Swarm as the store sees it: verified bytes by reference, as fast as they are let through. */
function createSwarm(contents: readonly Uint8Array[]) {
  const byReference = new Map(contents.map((bytes) => [swarmReferenceOf(bytes), bytes]))
  const swarm = {
    reads: [] as string[],
    cancelled: 0,
    /** Bytes after which it breaks off. */
    breaksAt: Number.POSITIVE_INFINITY,
    gate: async () => {},
    /** What comes in place of the right bytes where nobody checks windows. */
    lie: undefined as Uint8Array | undefined,
  }
  const readUnverified: SwarmReader['readUnverified'] = async ({ swarmReference }, { signal } = {}) => {
    swarm.reads.push('unverified')
    return stream(swarm.lie ?? byReference.get(swarmReference), swarmReference, undefined, signal)
  }
  const read: SwarmReader['read'] = async ({ swarmReference }, { range, signal } = {}) => {
    swarm.reads.push(range ? `${range.first}-${range.last}` : 'whole')
    return stream(byReference.get(swarmReference), swarmReference, range, signal)
  }
  const stream = (bytes: Uint8Array | undefined, swarmReference: Hex, range?: ByteRange, signal?: AbortSignal) => {
    if (!bytes) throw new SwarmUnavailable(`no node has ${swarmReference}`)
    let at = range?.first ?? 0
    const end = range ? range.last + 1 : bytes.byteLength
    return new ReadableStream<Uint8Array>(
      {
        async pull(sink) {
          await swarm.gate()
          signal?.throwIfAborted()
          if (at >= swarm.breaksAt) throw new SwarmUnavailable('every node broke off')
          if (at >= end) return sink.close()
          sink.enqueue(bytes.slice(at, Math.min(end, at + pieceBytes)))
          at += pieceBytes
        },
        cancel() {
          swarm.cancelled++
        },
      },
      { highWaterMark: 0 },
    )
  }
  return { swarm, reader: { read, readUnverified } }
}

const big = someBytes(6 * 1024 * 1024 + 77)
const small = someBytes(5_000, 2)

/** What a store that is a cache of Swarm must do (protocol 6), over a store of ours that opens empty. */
export function swarmContentSuite(driver: string, openLocal: () => Promise<ContentStore>): void {
  async function open(more: Partial<SwarmSource> = {}) {
    const local = await openLocal()
    const ledger = createMemorySwarmLedger()
    const clock = createTestClock()
    const { swarm, reader } = createSwarm([big, small])
    for (const bytes of [big, small]) {
      const content = { digest: digestOf(bytes), size: bytes.byteLength, swarmReference: swarmReferenceOf(bytes) }
      await ledger.claimReferences([content])
    }
    const kept: Digest[] = []
    const noteKept = ({ digest }: { digest: Digest }) => void kept.push(digest)
    return {
      content: createSwarmContent(local, { reader, ledger, clock, noteKept, ...more }),
      local,
      ledger,
      clock,
      swarm,
      kept,
    }
  }

  async function digestRead(content: ContentStore, digest: Digest) {
    return digestOf((await readAll(content, digest)) ?? '')
  }

  const unknownEverywhere = digestOf('nobody has this')

  contentSuite(`${driver}, beside a Swarm that has nothing`, async () => {
    const { reader } = createSwarm([])
    const source = { reader, ledger: createMemorySwarmLedger(), clock: createTestClock(), noteKept: () => {} }
    const content = createSwarmContent(await openLocal(), source)
    return { content, close: () => content.close() }
  })

  describe(`content from Swarm, kept in ${driver}`, () => {
    test('what is not here is read from Swarm, kept, and read from here the next time', async () => {
      const { content, local, ledger, swarm, kept } = await open()
      for (const bytes of [small, big]) {
        const digest = digestOf(bytes)
        expect(await local.stat(digest)).toBeUndefined()
        expect(await content.stat(digest)).toBe(bytes.byteLength)
        expect(await digestRead(content, digest)).toBe(digestOf(bytes))
        expect(await digestRead(local, digest)).toBe(digestOf(bytes))
        expect(await digestRead(content, digest)).toBe(digestOf(bytes))
      }
      expect(swarm.reads).toEqual(['whole', 'unverified'])
      expect(await local.listParts()).toEqual([])
      expect(await ledger.find(digestOf(small))).toMatchObject({ isProven: true })
      expect(kept).toEqual([digestOf(big)])
      expect(await content.read(unknownEverywhere)).toBeUndefined()
      expect(await content.stat(unknownEverywhere)).toBeUndefined()
    })

    test('what was never on Swarm is not looked for there: absent, so that it is pushed again', async () => {
      const { content, ledger, swarm } = await open()
      const bytes = someBytes(100, 9)
      await ledger.recordReference(digestOf(bytes), 100, swarmReferenceOf(bytes))
      expect(await content.stat(digestOf(bytes))).toBeUndefined()
      expect(await content.read(digestOf(bytes))).toBeUndefined()
      await ledger.enqueue([{ digest: digestOf(bytes), size: 100 }])
      expect(await content.stat(digestOf(bytes))).toBeUndefined()
      await ledger.markUploaded(digestOf(bytes), `0x${'ba'.repeat(32)}`, 0)
      expect(await content.stat(digestOf(bytes))).toBe(100)
      expect(swarm.reads).toEqual([])
    })

    test('a thundering herd: many clients, one reading, however they come and go', async () => {
      const { content, swarm } = await open()
      const digest = digestOf(big)
      const bodies = await Promise.all(Array.from({ length: 20 }, () => content.read(digest)))
      const leaver = bodies[0]!.getReader()
      await leaver.read()
      await leaver.cancel()
      const first = bodies[1]!.getReader()
      await first.read()
      const late = content.read(digest)
      const results = await Promise.all(bodies.slice(2).map((body) => collect(body)))
      for (const bytes of results) expect(digestOf(bytes)).toBe(digest)
      expect(digestOf(await collect(await late))).toBe(digest)
      expect(swarm.reads).toEqual(['unverified'])
      expect(swarm.cancelled).toBe(0)
      await first.cancel()
    })

    test('where no client may wait for another, each reads for itself, and the first that is done is kept', async () => {
      const { content, local, swarm } = await open({ sharesReading: false })
      const digest = digestOf(big)
      const bodies = await Promise.all([content.read(digest), content.read(digest), content.read(digest)])
      const leaver = bodies[0]!.getReader()
      await leaver.read()
      await leaver.cancel()
      for (const body of bodies.slice(1)) expect(digestOf(await collect(body))).toBe(digest)
      expect(swarm.reads).toEqual(['unverified', 'unverified', 'unverified'])
      expect(await digestRead(local, digest)).toBe(digest)
      expect(await local.listParts()).toEqual([])
    })

    test('a client that reads nothing holds nobody up, and gets the rest from the store', async () => {
      const { content, local } = await open()
      const digest = digestOf(big)
      const slow = (await content.read(digest))!
      expect(await digestRead(content, digest)).toBe(digest)
      expect(await local.stat(digest)).toBe(big.byteLength)
      expect(digestOf(await collect(slow))).toBe(digest)
    })

    test('the end is held back until the digest is right: bytes go out before, but never the last 64 KiB', async () => {
      const { content, swarm } = await open()
      let release = () => {}
      let letThrough = 24
      swarm.gate = async () => {
        if (letThrough-- > 0) return
        await new Promise<void>((resume) => {
          release = resume
        })
      }
      const reader = (await content.read(digestOf(big)))!.getReader()
      let seen = 0
      while (seen < 24 * pieceBytes - 65_536) seen += (await reader.read()).value?.byteLength ?? 0
      expect(seen).toBeLessThanOrEqual(big.byteLength - 65_536)
      let hasMore = false
      const next = reader.read().then((result) => {
        hasMore = true
        return result
      })
      await new Promise((resume) => setTimeout(resume, 20))
      expect(hasMore).toBe(false)
      letThrough = Number.POSITIVE_INFINITY
      release()
      for (let result = await next; !result.done; result = await reader.read()) seen += result.value.byteLength
      expect(seen).toBe(big.byteLength)
    })

    test('a reference that leads to other content: no client gets the end, nothing is kept, and it is an error for all', async () => {
      const { content, local, ledger, swarm } = await open()
      const wrong = { digest: digestOf('something else'), size: big.byteLength }
      await ledger.claimReferences([{ ...wrong, swarmReference: swarmReferenceOf(big) }])
      const bodies = await Promise.all([content.read(wrong.digest), content.read(wrong.digest)])
      for (const body of bodies) {
        let seen = 0
        const write = (piece: Uint8Array) => {
          seen += piece.byteLength
        }
        const drain = body!.pipeTo(new WritableStream({ write }))
        await expect(drain).rejects.toThrow()
        expect(seen).toBeLessThanOrEqual(big.byteLength - 65_536)
      }
      expect(await local.stat(wrong.digest)).toBeUndefined()
      expect(await local.listParts()).toEqual([])
      await expect(content.read(wrong.digest)).rejects.toThrow(ContentUnavailable)
      expect(swarm.reads).toEqual(['unverified', 'whole'])
      expect((await ledger.find(wrong.digest))?.isProven).toBe(false)
    })

    test('small content with a wrong reference gives no byte at all', async () => {
      const { content, ledger } = await open()
      const wrong = { digest: digestOf('a manifest'), size: small.byteLength, swarmReference: swarmReferenceOf(small) }
      await ledger.claimReferences([wrong])
      await expect(content.read(wrong.digest)).rejects.toThrow(ContentUnavailable)
      expect(await digestRead(content, digestOf(small))).toBe(digestOf(small))
    })

    test('what breaks off errors for every client and leaves nothing; seconds later it is tried anew', async () => {
      const { content, local, clock, swarm } = await open()
      const digest = digestOf(big)
      swarm.breaksAt = 2 * 1024 * 1024
      const bodies = await Promise.all([content.read(digest), content.read(digest)])
      for (const body of bodies) await expect(collect(body)).rejects.toThrow()
      expect(await local.stat(digest)).toBeUndefined()
      swarm.breaksAt = Number.POSITIVE_INFINITY
      await expect(content.read(digest)).rejects.toThrow('every node broke off')
      expect(swarm.reads).toHaveLength(1)
      clock.advance(5)
      expect(await digestRead(content, digest)).toBe(digestOf(big))
    })

    test('when the last client leaves the reading ends, and the next client begins another', async () => {
      const { content, swarm } = await open()
      const digest = digestOf(big)
      const reader = (await content.read(digest))!.getReader()
      await reader.read()
      let release = () => {}
      swarm.gate = () =>
        new Promise<void>((resume) => {
          release = resume
        })
      await reader.cancel()
      swarm.gate = async () => {}
      const again = digestRead(content, digest)
      release()
      expect(await again).toBe(digest)
      expect(swarm.reads).toEqual(['unverified', 'unverified'])
    })

    test('ranges: from windows of a proven reference; of one that was only said, after the whole was verified', async () => {
      const { content, local, ledger, swarm } = await open()
      const digest = digestOf(big)
      const range = { first: 524_280, last: 524_300 }
      const wanted = big.slice(524_280, 524_301)
      expect(await collect(await content.read(digest, range))).toEqual(wanted)
      expect(swarm.reads).toEqual(['unverified'])
      await local.remove(digest)
      await ledger.recordReference(digest, big.byteLength, swarmReferenceOf(big))
      await ledger.enqueue([{ digest, size: big.byteLength }])
      await ledger.markUploaded(digest, `0x${'ba'.repeat(32)}`, 0)
      expect(await collect(await content.read(digest, range))).toEqual(wanted)
      expect(swarm.reads).toEqual(['unverified', '524280-524300'])
      expect(await local.stat(digest)).toBeUndefined()
    })

    test('a node that lies spoils it for those who have bytes of it; the others, and all later ones, get the right ones', async () => {
      const { content, swarm } = await open()
      const digest = digestOf(big)
      swarm.lie = big.slice()
      swarm.lie[100] = swarm.lie[100]! ^ 1
      swarm.gate = () => new Promise((resume) => setTimeout(resume, 1))
      const eager = (await content.read(digest))!
      const lagging = (await content.read(digest))!.getReader()
      const patient = (await content.read(digest))!
      await lagging.read()
      let seen = 0
      const write = (piece: Uint8Array) => {
        seen += piece.byteLength
      }
      await expect(eager.pipeTo(new WritableStream({ write }))).rejects.toThrow('other bytes')
      expect(seen).toBeLessThanOrEqual(big.byteLength - 65_536)
      expect(digestOf(await collect(patient))).toBe(digest)
      const rest = async () => {
        while (!(await lagging.read()).done);
      }
      await expect(rest()).rejects.toThrow('other bytes')
      expect(await digestRead(content, digest)).toBe(digest)
      expect(swarm.reads).toEqual(['unverified', 'whole'])
    })
  })
}
