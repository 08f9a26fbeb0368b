import { expect, test } from 'vitest'
import type { ContentStore } from '../../gateway/store/content-store.ts'
import { createMemoryContent, createMemorySwarmLedger } from '../../gateway/store/memory.ts'
import { hashWhileStoring } from '../../gateway/store/swarm-ingest.ts'
import { swarmReferenceOf, testSwarmHash } from '../fixtures.ts'
import { contentSuite } from '../store-suite.ts'
import { digestOf, someBytes } from './fixtures.ts'

const bytes = someBytes(1_300_000)
const digest = digestOf(bytes)
const uploadId = 'ab'.repeat(16)

function open() {
  const ledger = createMemorySwarmLedger()
  const inner = createMemoryContent()
  let reads = 0
  const watched: ContentStore = {
    ...inner,
    read(...args) {
      reads++
      return inner.read(...args)
    },
  }
  const content = hashWhileStoring(watched, { ledger, hash: testSwarmHash, pause: async () => {} })
  return { content, ledger, reads: () => reads }
}

function bodyOf(...pieces: Uint8Array[]): ReadableStream<Uint8Array> {
  return new ReadableStream({
    pull(sink) {
      const piece = pieces.shift()
      if (piece) sink.enqueue(piece)
      else sink.close()
    },
  })
}

const write = (content: ContentStore, part: Uint8Array, id = uploadId) => content.writePart(id, bodyOf(part), 1e9)

contentSuite('memory, hashed while it is stored', async () => {
  const { content } = open()
  return { content, close: () => content.close() }
})

const cuts: readonly [what: string, ends: readonly number[]][] = [
  ['one body', [bytes.byteLength]],
  ['two bodies', [700_001, bytes.byteLength]],
  ['bodies that end within chunks', [1, 4095, 4097, 524_288, 1_000_000, bytes.byteLength]],
]

test.each(cuts)(
  'protocol 6: a blob of %s has its proven reference when it is there, read by nobody',
  async (_, ends) => {
    const { content, ledger, reads } = open()
    const parts = []
    for (const [at, end] of ends.entries()) parts.push(await write(content, bytes.slice(ends[at - 1] ?? 0, end)))
    expect(await ledger.find(digest)).toBeUndefined()
    await content.assemble(uploadId, parts, digest)
    const size = bytes.byteLength
    expect(await ledger.find(digest)).toMatchObject({ swarmReference: swarmReferenceOf(bytes), size, isProven: true })
    expect(reads()).toBe(0)
  },
)

test('a body that is dropped, breaks off or comes beside another one leaves the reference to be computed later', async () => {
  const [first, second] = [bytes.slice(0, 600_000), bytes.slice(600_000)]
  const ways: ((content: ContentStore) => Promise<readonly Awaited<ReturnType<typeof write>>[]>)[] = [
    async (content) => {
      const dropped = await write(content, second)
      await content.dropPart(uploadId, dropped.partId)
      return [await write(content, first), await write(content, second)]
    },
    async (content) => {
      const broken = new ReadableStream<Uint8Array>({
        pull(sink) {
          sink.enqueue(first)
          sink.error(new Error('gone'))
        },
      })
      await expect(content.writePart(uploadId, broken, 1e9)).rejects.toThrow()
      return [await write(content, first), await write(content, second)]
    },
    async (content) => Promise.all([write(content, first), write(content, second)]),
    async (content) => [await write(content, second), await write(content, first)].reverse(),
  ]
  for (const way of ways) {
    const { content, ledger } = open()
    expect(await content.assemble(uploadId, await way(content), digest)).toEqual({ size: bytes.byteLength })
    expect(await ledger.find(digest)).toBeUndefined()
  }
})

test('a second try to end an upload finds the same reference, and wrong content records none', async () => {
  const { content, ledger } = open()
  const part = await write(content, bytes)
  await expect(content.assemble(uploadId, [part], digestOf('other'))).rejects.toThrow('digest')
  expect(await ledger.count()).toMatchObject({ local: 0 })
  await content.assemble(uploadId, [part], digest)
  expect(await ledger.find(digest)).toMatchObject({ swarmReference: swarmReferenceOf(bytes), isProven: true })
})

test('uploads side by side are hashed each by itself, and of very many the oldest are hashed later', async () => {
  const { content, ledger } = open()
  const ids = Array.from({ length: 257 }, (_, at) => at.toString(16).padStart(32, '0'))
  const contents = ids.map((_, at) => someBytes(5_000, at + 1))
  const parts = []
  for (const [at, id] of ids.entries()) parts.push(await write(content, contents[at]!, id))
  for (const [at, id] of ids.entries()) {
    const own = contents[at]!
    await content.assemble(id, [parts[at]!], digestOf(own))
    const wanted = at === 0 ? undefined : swarmReferenceOf(own)
    expect((await ledger.find(digestOf(own)))?.swarmReference).toBe(wanted)
  }
})
