import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type ContentStore, DigestMismatch, PartTooLarge } from '../../gateway/store/content-store.ts'
import { bodyOf, collect, digestOf, readAll, someBytes } from './fixtures.ts'

/** Opens an empty store. */
export type OpenContent = () => Promise<{ content: ContentStore; close(): Promise<void> }>

/** What every content store must do (gateway/store/content-store.ts, protocol 6). */
export function contentSuite(driver: string, open: OpenContent): void {
  describe(`content store: ${driver}`, () => {
    let opened: Awaited<ReturnType<OpenContent>>
    let content: ContentStore
    beforeEach(async () => {
      opened = await open()
      content = opened.content
    })
    afterEach(() => opened.close())

    for (const algorithm of ['sha256', 'sha512'] as const) {
      for (const length of [0, 1, 1_000, 262_144, 262_145, 700_000]) {
        it(`put ${length} bytes under ${algorithm}: they come back exactly`, async () => {
          const bytes = someBytes(length)
          const digest = digestOf(bytes, algorithm)
          await content.put(digest, bytes)
          expect(await content.stat(digest)).toBe(length)
          expect(isSame(await readAll(content, digest), bytes)).toBe(true)
        })
        it(`assemble ${length} bytes from one part under ${algorithm}: they come back exactly`, async () => {
          const bytes = someBytes(length)
          const digest = digestOf(bytes, algorithm)
          const part = await content.writePart('upload', bodyOf(bytes), length)
          expect(part).toMatchObject({ size: length, sha256: digestOf(bytes) })
          expect(await content.assemble('upload', [part], digest)).toEqual({ size: length })
          expect(isSame(await readAll(content, digest), bytes)).toBe(true)
        })
      }
    }

    it('absent content: stat and read are undefined, remove is false', async () => {
      const digest = digestOf('never stored')
      expect(await content.stat(digest)).toBeUndefined()
      expect(await content.read(digest)).toBeUndefined()
      expect(await content.remove(digest)).toBe(false)
    })

    it('put under another digest: DigestMismatch with both, and nothing is visible', async () => {
      const bytes = someBytes(10)
      await content.put(digestOf(bytes), bytes)
      const wrong = digestOf('something else')
      const failure = await content.put(wrong, bytes).catch((error: unknown) => error)
      expect(failure).toBeInstanceOf(DigestMismatch)
      expect(failure).toMatchObject({ expected: wrong, actual: digestOf(bytes) })
      expect(await content.stat(wrong)).toBeUndefined()
    })

    it('put keeps what it was given, not the buffer', async () => {
      const bytes = someBytes(10)
      const digest = digestOf(bytes)
      await content.put(digest, bytes)
      bytes.fill(0)
      expect(digestOf((await readAll(content, digest))!)).toBe(digest)
    })

    it('ten puts of one digest at once: all resolve, the content is whole', async () => {
      const bytes = someBytes(5_000)
      await Promise.all(Array.from({ length: 10 }, () => content.put(digestOf(bytes), bytes)))
      expect(digestOf((await readAll(content, digestOf(bytes)))!)).toBe(digestOf(bytes))
    })

    it.each([
      [0, 0],
      [0, 699_999],
      [1, 1],
      [262_143, 262_144],
      [5, 600_000],
      [699_999, 699_999],
    ])('range %i-%i of 700000 bytes: both ends inclusive', async (first, last) => {
      const bytes = someBytes(700_000)
      await content.put(digestOf(bytes), bytes)
      const read = await collect(await content.read(digestOf(bytes), { first, last }))
      expect(isSame(read, bytes.subarray(first, last + 1))).toBe(true)
    })

    it.each([
      [0, 10],
      [10, 10],
      [-1, 3],
      [5, 4],
    ])('range %i-%i of 10 bytes is outside: refused', async (first, last) => {
      const bytes = someBytes(10)
      await content.put(digestOf(bytes), bytes)
      expect(await collect(await content.read(digestOf(bytes), { first: 0, last: 9 }))).toHaveLength(10)
      await expect(content.read(digestOf(bytes), { first, last })).rejects.toThrow(RangeError)
    })

    it('a cancelled read ends; others go on and new ones work', async () => {
      const bytes = someBytes(900_000)
      const digest = digestOf(bytes)
      await content.put(digest, bytes)
      const [left, right] = [await content.read(digest), await content.read(digest)]
      const reader = left!.getReader()
      await reader.read()
      await reader.cancel()
      expect(digestOf(await collect(right))).toBe(digest)
      expect(digestOf((await readAll(content, digest))!)).toBe(digest)
    })

    it('a stream begun before remove is read to its end', async () => {
      const bytes = someBytes(900_000)
      const digest = digestOf(bytes)
      await content.put(digest, bytes)
      const stream = await content.read(digest)
      expect(await content.remove(digest)).toBe(true)
      expect(digestOf(await collect(stream))).toBe(digest)
      expect(await content.stat(digest)).toBeUndefined()
    })

    it('several parts are joined in the order given, not in that of arrival', async () => {
      const bytes = someBytes(300_001)
      const second = await content.writePart('upload', bodyOf(bytes.slice(100_000)), 1_000_000)
      const first = await content.writePart('upload', bodyOf(bytes.slice(0, 100_000), 1_000), 1_000_000)
      expect(await content.assemble('upload', [first, second], digestOf(bytes))).toEqual({ size: 300_001 })
      expect(digestOf((await readAll(content, digestOf(bytes)))!)).toBe(digestOf(bytes))
    })

    it('no parts at all are the empty content', async () => {
      expect(await content.assemble('upload', [], digestOf(''))).toEqual({ size: 0 })
      expect(await content.stat(digestOf(''))).toBe(0)
    })

    it.each([1, 2])(
      '%i part(s) under a wrong digest: DigestMismatch, the parts stay for the right one',
      async (count) => {
        const bytes = someBytes(2_000)
        const parts = []
        for (let i = 0; i < count; i++) {
          const slice = bytes.slice((i * 2_000) / count, ((i + 1) * 2_000) / count)
          parts.push(await content.writePart('upload', bodyOf(slice), 10_000))
        }
        const wrong = digestOf('something else')
        await expect(content.assemble('upload', parts, wrong)).rejects.toThrow(DigestMismatch)
        expect(await content.stat(wrong)).toBeUndefined()
        expect(await content.assemble('upload', parts, digestOf(bytes))).toEqual({ size: 2_000 })
      },
    )

    it.each([1, 2])('content that is there is not handed to %i part(s) with other bytes', async (count) => {
      const bytes = someBytes(2_000)
      await content.put(digestOf(bytes), bytes)
      const parts = []
      for (let i = 0; i < count; i++) parts.push(await content.writePart('upload', bodyOf(someBytes(9, i + 2)), 100))
      await expect(content.assemble('upload', parts, digestOf(bytes))).rejects.toThrow(DigestMismatch)
    })

    it('assemble is idempotent: again after it succeeded, and for content that is there', async () => {
      const bytes = someBytes(2_000)
      const part = await content.writePart('one', bodyOf(bytes), 2_000)
      await content.assemble('one', [part], digestOf(bytes))
      expect(await content.assemble('one', [part], digestOf(bytes))).toEqual({ size: 2_000 })
      const halves = [
        await content.writePart('two', bodyOf(bytes.slice(0, 5)), 2_000),
        await content.writePart('two', bodyOf(bytes.slice(5)), 2_000),
      ]
      expect(await content.assemble('two', halves, digestOf(bytes))).toEqual({ size: 2_000 })
      expect(await content.assemble('two', halves, digestOf(bytes))).toEqual({ size: 2_000 })
      expect(digestOf((await readAll(content, digestOf(bytes)))!)).toBe(digestOf(bytes))
    })

    it('five uploads of one digest at once: all assemble', async () => {
      const bytes = someBytes(50_000)
      const assembleOne = async (uploadId: string) => {
        const part = await content.writePart(uploadId, bodyOf(bytes), 50_000)
        return content.assemble(uploadId, [part], digestOf(bytes))
      }
      const results = await Promise.all(['a', 'b', 'c', 'd', 'e'].map(assembleOne))
      expect(results).toEqual(Array.from({ length: 5 }, () => ({ size: 50_000 })))
      expect(digestOf((await readAll(content, digestOf(bytes)))!)).toBe(digestOf(bytes))
    })

    it('a body at the limit is taken; one byte more is PartTooLarge and cancels the body', async () => {
      expect(await content.writePart('upload', bodyOf(someBytes(1_000)), 1_000)).toMatchObject({ size: 1_000 })
      let cancelled = false
      const endless = new ReadableStream<Uint8Array>({
        pull: (controller) => controller.enqueue(someBytes(100)),
        cancel: () => {
          cancelled = true
        },
      })
      await expect(content.writePart('upload', endless, 1_000)).rejects.toThrow(PartTooLarge)
      expect(cancelled).toBe(true)
    })

    it('a body that breaks midway: its error comes out, and the upload goes on without it', async () => {
      const bytes = someBytes(1_000)
      const first = await content.writePart('upload', bodyOf(bytes.slice(0, 400)), 1_000)
      let pulls = 0
      const broken = new ReadableStream<Uint8Array>({
        pull(controller) {
          if (pulls++ < 3) controller.enqueue(someBytes(100))
          else controller.error(new Error('the client went away'))
        },
      })
      await expect(content.writePart('upload', broken, 1_000)).rejects.toThrow('the client went away')
      const second = await content.writePart('upload', bodyOf(bytes.slice(400)), 1_000)
      expect(await content.assemble('upload', [first, second], digestOf(bytes))).toEqual({ size: 1_000 })
    })

    it('two bodies of one upload at once are two parts', async () => {
      const [left, right] = await Promise.all([
        content.writePart('upload', bodyOf(someBytes(100_000, 1), 1_000), 100_000),
        content.writePart('upload', bodyOf(someBytes(100_000, 2), 1_000), 100_000),
      ])
      expect(left.partId).not.toBe(right.partId)
      expect([left.sha256, right.sha256]).toEqual([digestOf(someBytes(100_000, 1)), digestOf(someBytes(100_000, 2))])
    })

    it('dropPart and dropUpload forget; unknown ones are no error; other uploads stay', async () => {
      const bytes = someBytes(10)
      const parts = [
        await content.writePart('one', bodyOf(bytes), 10),
        await content.writePart('one', bodyOf(bytes), 10),
      ]
      const kept = await content.writePart('other', bodyOf(bytes), 10)
      await content.dropPart('one', parts[0]!.partId)
      await content.dropPart('one', parts[0]!.partId)
      await expect(content.assemble('one', [parts[0]!], digestOf(bytes))).rejects.toThrow()
      await content.dropUpload('one')
      await content.dropUpload('never')
      await expect(content.assemble('one', [parts[1]!], digestOf(bytes))).rejects.toThrow()
      expect(await content.stat(digestOf(bytes))).toBeUndefined()
      expect(await content.assemble('other', [kept], digestOf(bytes))).toEqual({ size: 10 })
    })

    it('removed content is absent, and can be stored again', async () => {
      const bytes = someBytes(10)
      await content.put(digestOf(bytes), bytes)
      expect(await content.remove(digestOf(bytes))).toBe(true)
      expect(await content.read(digestOf(bytes))).toBeUndefined()
      await content.put(digestOf(bytes), bytes)
      expect(await content.stat(digestOf(bytes))).toBe(10)
    })
  })
}

/** Sooner told than by a comparison that would print both. */
function isSame(found: Uint8Array | undefined, wanted: Uint8Array): boolean {
  return found?.byteLength === wanted.byteLength && found.every((byte, at) => byte === wanted[at])
}
