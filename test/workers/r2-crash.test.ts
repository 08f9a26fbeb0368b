import { reset } from 'cloudflare:test'
import { env } from 'cloudflare:workers'
import { beforeEach, describe, expect, test } from 'vitest'
import type { ContentStore, StoredPart } from '../../gateway/store/content-store.ts'
import { createR2Content, type R2Content } from '../../gateway/store/r2.ts'
import { bodyOf, collect, digestOf, readAll, someBytes } from '../store/fixtures.ts'
import { type Around, allKeys, createWatchedBucket, longAfter } from './r2-bucket.ts'

const bytes = someBytes(3_000)
const digest = digestOf(bytes)
const options = { copiedBytes: 0 }

beforeEach(() => reset())

async function writeThree(content: ContentStore, uploadId: string): Promise<StoredPart[]> {
  const parts: StoredPart[] = []
  for (const from of [0, 1_000, 2_000]) {
    parts.push(await content.writePart(uploadId, bodyOf(bytes.slice(from, from + 1_000)), 1_000))
  }
  return parts
}

async function uploadThree(content: ContentStore): Promise<void> {
  const parts = await writeThree(content, 'one')
  await content.assemble('one', parts, digest)
  await content.dropUpload('one')
}

/** Absent, or whole and right: whatever happened. */
async function expectAbsentOrWhole(content: ContentStore): Promise<boolean> {
  const size = await content.stat(digest)
  const read = await readAll(content, digest)
  expect([size, read && digestOf(read)]).toEqual(size === undefined ? [undefined, undefined] : [3_000, digest])
  return size !== undefined
}

/** Nothing is left that only a sweep could find, and nothing that anybody needs went. */
async function expectSweptClean(content: R2Content): Promise<void> {
  const isThere = await expectAbsentOrWhole(content)
  await content.sweep([], longAfter)
  await content.sweep([], longAfter)
  expect(await expectAbsentOrWhole(content)).toBe(isThere)
  const inUploads = (await allKeys()).filter((key) => key.startsWith('uploads/'))
  expect(inUploads.map((key) => key.split('/')[2])).toEqual(isThere ? ['fate', 'parts', 'parts', 'parts'] : [])
}

/** Everything after the nth call fails; of the nth either nothing happens or all but its answer. */
function dyingAt(call: number, phase: 'before' | 'after'): Around & { isDead(): boolean } {
  let calls = 0
  const die = () => {
    throw new Error('the isolate is gone')
  }
  return {
    isDead: () => calls > call,
    before: () => {
      if (calls++ > call || (calls > call && phase === 'before')) die()
    },
    after: () => {
      if (calls > call) die()
    },
  }
}

async function crashEverywhere(
  work: (content: R2Content) => Promise<unknown>,
  then: (content: R2Content) => Promise<void>,
): Promise<number> {
  for (const phase of ['before', 'after'] as const) {
    for (let call = 0; ; call++) {
      await reset()
      const openUploads = new Set<string>()
      const around = dyingAt(call, phase)
      const dying = createR2Content(createWatchedBucket(around, openUploads), options)
      const failure = await work(dying).catch((error: unknown) => error)
      const content = createR2Content(createWatchedBucket({}, openUploads), options)
      await then(content)
      if (!around.isDead()) {
        expect(failure).not.toBeInstanceOf(Error)
        if (phase === 'after') return call
        break
      }
    }
  }
  return 0
}

describe('R2: a crash between any two calls leaves a digest absent or whole (protocol 6)', () => {
  test('an upload of three parts: it is finished by a second try, or given up and swept', async () => {
    const calls = await crashEverywhere(uploadThree, async (content) => {
      const isThere = await expectAbsentOrWhole(content)
      const parts = (await content.listParts()).map(({ partId, size }) => ({ partId, size }))
      if (isThere || parts.length < 3) return expectSweptClean(content)
      // The session knows its parts in their order; here their bytes tell it.
      const inOrder: StoredPart[] = []
      for (const from of [0, 1_000, 2_000]) {
        const sha256 = digestOf(bytes.slice(from, from + 1_000))
        for (const { partId, size } of parts) {
          const stored = await env.BLOBS.get(`uploads/one/parts/${partId}`)
          const isIt = digestOf(new Uint8Array((await stored?.arrayBuffer()) ?? [])) === sha256
          if (isIt) inOrder.push({ partId, size, sha256 })
        }
      }
      expect(await content.assemble('one', inOrder, digest)).toEqual({ size: 3_000 })
      await content.dropUpload('one')
      expect(await expectAbsentOrWhole(content)).toBe(true)
      await expectSweptClean(content)
    })
    expect(calls).toBeGreaterThan(10)
  })

  test('the same, given up after the crash: the session ends, the content goes where nobody shows it, and nothing is left', async () => {
    const calls = await crashEverywhere(uploadThree, async (content) => {
      await content.dropUpload('one')
      await content.remove(digest)
      await expectSweptClean(content)
      expect(await allKeys()).toEqual([])
    })
    expect(calls).toBeGreaterThan(10)
  })

  test('a removal: a second one and a sweep end it', async () => {
    const calls = await crashEverywhere(
      async (content) => {
        const healthy = createR2Content(env.BLOBS, options)
        await healthy.assemble('one', await writeThree(healthy, 'one'), digest)
        await healthy.dropUpload('one')
        await content.remove(digest)
      },
      async (content) => {
        await expectSweptClean(content)
        await content.remove(digest)
        await expectSweptClean(content)
        expect(await allKeys()).toEqual([])
      },
    )
    expect(calls).toBeGreaterThan(2)
  })

  test('a sweep: the next one ends it, and what is visible stays', async () => {
    const other = someBytes(2_000, 7)
    const calls = await crashEverywhere(
      async (content) => {
        const healthy = createR2Content(env.BLOBS, options)
        await healthy.assemble('one', await writeThree(healthy, 'one'), digest)
        await writeThree(healthy, 'abandoned')
        const part = await healthy.writePart('removed', bodyOf(other), 2_000)
        await healthy.assemble('removed', [part], digestOf(other))
        await healthy.remove(digestOf(other))
        await content.sweep([], longAfter)
      },
      async (content) => {
        expect(await expectAbsentOrWhole(content)).toBe(true)
        await expectSweptClean(content)
      },
    )
    expect(calls).toBeGreaterThan(5)
  })
})

/** Runs `second` whole just before the nth call of `first`, for every n. */
async function interleave(
  prepare: (content: ContentStore) => Promise<void>,
  first: (content: ContentStore) => Promise<unknown>,
  second: (content: ContentStore) => Promise<unknown>,
  check: (content: R2Content) => Promise<void>,
): Promise<number> {
  for (let call = 0; ; call++) {
    await reset()
    const content = createR2Content(env.BLOBS, options)
    await prepare(content)
    let calls = 0
    const before = async () => {
      if (calls++ === call) await second(content).catch(() => undefined)
    }
    await first(createR2Content(createWatchedBucket({ before }), options)).catch(() => undefined)
    await check(content)
    if (calls <= call) return calls
  }
}

describe('R2: whatever comes between two calls of another', () => {
  let parts: StoredPart[] = []
  const prepare = async (content: ContentStore) => {
    parts = await writeThree(content, 'one')
  }
  const assembleOne = (content: ContentStore) => content.assemble('one', parts, digest)
  const dropOne = (content: ContentStore) => content.dropUpload('one')

  test.each([
    ['its session ends while an upload is assembled', assembleOne, dropOne],
    ['an upload is assembled while its session ends', dropOne, assembleOne],
  ])('%s: the content is absent or whole, and nothing is left behind', async (_, first, second) => {
    const calls = await interleave(prepare, first, second, async (content) => {
      await expectAbsentOrWhole(content)
      await content.dropUpload('one')
      await expectSweptClean(content)
    })
    expect(calls).toBeGreaterThan(2)
  })

  const prepareTwo = async (content: ContentStore) => {
    await prepare(content)
    const [first] = await Promise.all([content.writePart('two', bodyOf(bytes), 3_000)])
    other = first
  }
  let other: StoredPart | undefined
  const assembleTwo = (content: ContentStore) => content.assemble('two', [other!], digest)

  test('two uploads of one digest: one is the content, the other goes with its session', async () => {
    const finishTwo = async (content: ContentStore) => {
      await assembleTwo(content)
      await content.dropUpload('two')
    }
    await interleave(prepareTwo, assembleOne, finishTwo, async (content) => {
      expect(await expectAbsentOrWhole(content)).toBe(true)
      for (const uploadId of ['one', 'two']) await content.dropUpload(uploadId)
      expect(await expectAbsentOrWhole(content)).toBe(true)
      await content.sweep([], longAfter)
      await content.sweep([], longAfter)
      expect(await expectAbsentOrWhole(content)).toBe(true)
      const uploads = new Set((await allKeys()).flatMap((key) => key.match(/^uploads\/(\w+)/)?.[1] ?? []))
      expect(uploads.size).toBe(1)
    })
  })

  test('an upload assembled by two at once, as after a restart: its parts are the content and stay', async () => {
    const calls = await interleave(prepare, assembleOne, assembleOne, async (content) => {
      expect(await expectAbsentOrWhole(content)).toBe(true)
      await content.dropUpload('one')
      await expectSweptClean(content)
      expect(await expectAbsentOrWhole(content)).toBe(true)
    })
    expect(calls).toBeGreaterThan(2)
  })

  test('content is removed while its digest is assembled again: absent or whole, and a third try makes it whole', async () => {
    const removeIt = (content: ContentStore) => content.remove(digest)
    const prepareShown = async (content: ContentStore) => {
      await prepareTwo(content)
      await assembleOne(content)
      await dropOne(content)
    }
    for (const [first, second] of [
      [assembleTwo, removeIt],
      [removeIt, assembleTwo],
    ] as const) {
      await interleave(prepareShown, first, second, async (content) => {
        await expectAbsentOrWhole(content)
        await assembleTwo(content)
        expect(await expectAbsentOrWhole(content)).toBe(true)
        await content.dropUpload('two')
        await content.sweep([], longAfter)
        await content.sweep([], longAfter)
        expect(await expectAbsentOrWhole(content)).toBe(true)
      })
    }
  })
})

test('who reads content of several parts reads it to its end though it is removed; a sweep takes it later', async () => {
  const content = createR2Content(env.BLOBS, options)
  await content.assemble('one', await writeThree(content, 'one'), digest)
  await content.dropUpload('one')
  const body = await content.read(digest)
  expect(await content.remove(digest)).toBe(true)
  expect(await content.sweep([], Math.floor(Date.now() / 1000) - 60)).toBe(0)
  expect(digestOf(await collect(body))).toBe(digest)
  expect(await content.read(digest)).toBeUndefined()
  expect(await content.sweep([], longAfter)).toBe(3)
  await content.sweep([], longAfter)
  expect(await allKeys()).toEqual([])
})

test('a sweep leaves alone what is young, what a live session has, and what is visible', async () => {
  const content = createR2Content(env.BLOBS, options)
  const parts = await writeThree(content, 'live')
  await writeThree(content, 'dead')
  const shown = await content.writePart('shown', bodyOf(someBytes(9)), 9)
  await content.assemble('shown', [shown], digestOf(someBytes(9)))
  expect(await content.sweep([], Math.floor(Date.now() / 1000) - 60)).toBe(0)
  expect(await content.sweep([{ uploadId: 'live' }], longAfter)).toBe(3)
  expect((await content.listParts()).map(({ uploadId }) => uploadId)).toEqual(['live', 'live', 'live'])
  expect(await content.assemble('live', parts, digest)).toEqual({ size: 3_000 })
  expect(digestOf((await readAll(content, digestOf(someBytes(9))))!)).toBe(digestOf(someBytes(9)))
})
