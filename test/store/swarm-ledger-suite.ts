import type { Hex } from 'viem'
import { describe, expect, onTestFinished, test } from 'vitest'
import { cutOff, type SwarmLedger, SwarmReferenceConflict } from '../../gateway/store/swarm-ledger.ts'
import { digestOf } from './fixtures.ts'

const referenceOf = (byte: string): Hex => `0x${byte.repeat(32)}`
const batch = referenceOf('ba')
const contentOf = (seed: string, size = 10) => ({ digest: digestOf(seed), size })
const [a, b, c] = ['a', 'b', 'c'].map((seed) => contentOf(seed)) as [Content, Content, Content]
type Content = ReturnType<typeof contentOf>

/** The contract of `SwarmLedger`, over whatever driver. */
export function swarmLedgerSuite(
  driver: string,
  openFresh: () => Promise<{ ledger: SwarmLedger; close(): Promise<void> }>,
): void {
  const open = async (): Promise<SwarmLedger> => {
    const { ledger, close } = await openFresh()
    onTestFinished(close)
    return ledger
  }

  describe(`Swarm ledger: ${driver}`, () => {
    test('a computed reference is proven, and stays: the same again is fine, another one throws', async () => {
      const ledger = await open()
      expect(await ledger.find(a.digest)).toBeUndefined()
      await ledger.recordReference(a.digest, 10, referenceOf('11'))
      await ledger.recordReference(a.digest, 10, referenceOf('11'))
      await expect(ledger.recordReference(a.digest, 10, referenceOf('22'))).rejects.toThrow(SwarmReferenceConflict)
      expect(await ledger.find(a.digest)).toEqual({
        ...{ ...a, swarmReference: referenceOf('11'), isProven: true, state: 'local' },
        ...{ postageBatchId: null, failures: 0, nextTryAt: 0, lastError: null },
      })
    })

    test('what a list says counts until the bytes are here, and never against them', async () => {
      const ledger = await open()
      await ledger.recordReference(b.digest, 10, referenceOf('33'))
      await ledger.claimReferences([a, b].map((content) => ({ ...content, swarmReference: referenceOf('11') })))
      expect(await ledger.find(a.digest)).toMatchObject({ swarmReference: referenceOf('11'), isProven: false })
      expect(await ledger.find(b.digest)).toMatchObject({ swarmReference: referenceOf('33'), isProven: true })
      await ledger.claimReferences([{ ...a, swarmReference: referenceOf('22') }])
      expect(await ledger.find(a.digest)).toMatchObject({ swarmReference: referenceOf('11') })
      await ledger.recordReference(a.digest, 12, referenceOf('44'))
      expect(await ledger.find(a.digest)).toMatchObject({
        ...{ swarmReference: referenceOf('44'), isProven: true, size: 12 },
      })
    })

    test('content uploaded under a reference that proves wrong begins anew; what waits goes on waiting', async () => {
      const ledger = await open()
      await ledger.claimReferences([a, b, c].map((content) => ({ ...content, swarmReference: referenceOf('11') })))
      await ledger.enqueue([a, b, c])
      for (const { digest } of [a, c]) await ledger.markUploaded(digest, batch, 7)
      await ledger.recordReference(a.digest, 10, referenceOf('22'))
      await ledger.recordReference(b.digest, 10, referenceOf('22'))
      await ledger.recordReference(c.digest, 10, referenceOf('11'))
      expect(await ledger.find(a.digest)).toMatchObject({ state: 'local', postageBatchId: null, nextTryAt: 0 })
      expect(await ledger.find(b.digest)).toMatchObject({ state: 'queued', isProven: true })
      expect(await ledger.find(c.digest)).toMatchObject({ state: 'uploaded', postageBatchId: batch, nextTryAt: 7 })
    })

    test('which have no proven reference: no row, none, or one that was only said; in the order asked', async () => {
      const ledger = await open()
      const queued = contentOf('queued')
      await ledger.recordReference(a.digest, 10, referenceOf('11'))
      await ledger.claimReferences([{ ...b, swarmReference: referenceOf('22') }])
      await ledger.enqueue([queued])
      const asked = [queued, a, c, b].map(({ digest }) => digest)
      expect(await ledger.withoutProvenReference(asked)).toEqual([queued.digest, c.digest, b.digest])
      expect(await ledger.withoutProvenReference([])).toEqual([])
    })

    test('find many: those that have a row', async () => {
      const ledger = await open()
      await ledger.enqueue([a, b])
      const found = await ledger.findMany([a, c, b].map(({ digest }) => digest))
      expect([...found.keys()].sort()).toEqual([a.digest, b.digest].sort())
      expect(found.get(a.digest)).toEqual(await ledger.find(a.digest))
    })

    queueRules(open)
    listingRules(open)
  })
}

function queueRules(open: () => Promise<SwarmLedger>): void {
  test('queued, uploaded, verified: each step once and in this order', async () => {
    const ledger = await open()
    await ledger.recordReference(a.digest, 10, referenceOf('11'))
    await ledger.markUploaded(a.digest, batch, 0)
    await ledger.markVerified(a.digest)
    expect(await ledger.find(a.digest)).toMatchObject({ state: 'local' })
    await ledger.enqueue([a])
    await ledger.markVerified(a.digest)
    expect(await ledger.find(a.digest)).toMatchObject({ state: 'queued', swarmReference: referenceOf('11') })
    await ledger.markUploaded(a.digest, batch, 50)
    expect(await ledger.find(a.digest)).toMatchObject({ state: 'uploaded', postageBatchId: batch, nextTryAt: 50 })
    await ledger.markVerified(a.digest)
    expect(await ledger.find(a.digest)).toMatchObject({ state: 'verified', postageBatchId: batch, nextTryAt: 0 })
  })

  test('to ask again changes nothing, unless it is said so: then it begins anew', async () => {
    const ledger = await open()
    await ledger.enqueue([a, b])
    await ledger.markUploaded(a.digest, batch, 0)
    await ledger.markFailed(b.digest, 'the node is down', 90)
    await ledger.enqueue([a, b])
    expect(await ledger.find(a.digest)).toMatchObject({ state: 'uploaded', postageBatchId: batch })
    expect(await ledger.find(b.digest)).toMatchObject({ failures: 1, lastError: 'the node is down', nextTryAt: 90 })
    await ledger.enqueue([a, b], true)
    const anew = { state: 'queued', postageBatchId: null, failures: 0, nextTryAt: 0, lastError: null }
    expect(await ledger.find(a.digest)).toMatchObject(anew)
    expect(await ledger.find(b.digest)).toMatchObject(anew)
  })

  test('what left before it was uploaded waits no more; what is on Swarm stays there', async () => {
    const ledger = await open()
    await ledger.enqueue([a, b])
    await ledger.markUploaded(b.digest, batch, 0)
    for (const { digest } of [a, b, c]) await ledger.dequeue(digest)
    expect(await ledger.find(a.digest)).toMatchObject({ state: 'local' })
    expect(await ledger.find(b.digest)).toMatchObject({ state: 'uploaded' })
    expect(await ledger.find(c.digest)).toBeUndefined()
  })

  test('failures are counted until something goes well', async () => {
    const ledger = await open()
    await ledger.enqueue([a])
    await ledger.markFailed(a.digest, 'first', 10)
    await ledger.markFailed(a.digest, 'second', 20)
    expect(await ledger.find(a.digest)).toMatchObject({ failures: 2, lastError: 'second', nextTryAt: 20 })
    await ledger.markUploaded(a.digest, batch, 0)
    expect(await ledger.find(a.digest)).toMatchObject({ failures: 0, lastError: null })
    await ledger.markFailed(a.digest, 'not found', 30)
    expect(await ledger.find(a.digest)).toMatchObject({ state: 'uploaded', failures: 1, nextTryAt: 30 })
    await ledger.markVerified(a.digest)
    await ledger.markFailed(a.digest, 'too late', 40)
    expect(await ledger.find(a.digest)).toMatchObject({ state: 'verified', failures: 0, lastError: null })
  })

  test('claimed is due for nobody else until its time, or until it is said how it ended', async () => {
    const ledger = await open()
    await ledger.enqueue([a, b, c])
    const claim = async (now: number, limit = 9) =>
      (await ledger.claimDue('queued', now, limit, now + 100)).map(({ digest }) => digest)
    const [first] = await claim(0, 1)
    const others = (await Promise.all([claim(0, 1), claim(0, 1), claim(0, 1)])).flat()
    expect([first, ...others].sort()).toEqual([a, b, c].map(({ digest }) => digest).sort())
    expect(await ledger.listDue('queued', 99, 9)).toEqual([])
    await ledger.markUploaded(a.digest, batch, 50)
    await ledger.markFailed(b.digest, 'the node is down', 20)
    expect(await ledger.find(a.digest)).toMatchObject({ failures: 0, lastError: null, nextTryAt: 50 })
    expect(await claim(99)).toEqual([b.digest])
    expect((await claim(100)).sort()).toEqual([c.digest])
    expect(await ledger.claimDue('uploaded', 49, 9, 149)).toEqual([])
    expect(await ledger.claimDue('uploaded', 50, 9, 149)).toEqual([await ledger.find(a.digest)])
  })

  test('a try that is cut off is seen when it is claimed again: a failure of what is queued, and none of what is there', async () => {
    const ledger = await open()
    await ledger.enqueue([a, b])
    await ledger.markUploaded(b.digest, batch, 0)
    const claim = (state: 'queued' | 'uploaded', now: number) => ledger.claimDue(state, now, 1, now + 10)
    expect((await claim('queued', 0))[0]).toMatchObject({ failures: 0, lastError: cutOff, nextTryAt: 10 })
    expect((await claim('queued', 10))[0]).toMatchObject({ failures: 1, lastError: cutOff, nextTryAt: 20 })
    expect((await claim('queued', 20))[0]).toMatchObject({ failures: 2 })
    for (const now of [0, 10, 20]) expect((await claim('uploaded', now))[0]).toMatchObject({ failures: 0 })
    await ledger.markUploaded(a.digest, batch, 0)
    expect(await ledger.find(a.digest)).toMatchObject({ failures: 0, lastError: null })
  })

  test('due: those whose time has come, longest waiting first, at most so many', async () => {
    const ledger = await open()
    await ledger.enqueue([a, b, c])
    await ledger.markFailed(a.digest, 'later', 30)
    await ledger.markFailed(b.digest, 'sooner', 20)
    const due = async (now: number, limit = 9) => (await ledger.listDue('queued', now, limit)).map((row) => row.digest)
    expect(await due(19)).toEqual([c.digest])
    expect(await due(30)).toEqual([c.digest, b.digest, a.digest])
    expect(await due(30, 2)).toEqual([c.digest, b.digest])
    await ledger.markUploaded(c.digest, batch, 40)
    expect(await due(30)).toEqual([b.digest, a.digest])
    expect(await ledger.listDue('uploaded', 39, 9)).toEqual([])
    expect(await ledger.listDue('uploaded', 40, 9)).toEqual([await ledger.find(c.digest)])
  })
}

function listingRules(open: () => Promise<SwarmLedger>): void {
  test('list: rows with a reference, by digest, in pages', async () => {
    const ledger = await open()
    const contents = Array.from({ length: 7 }, (_, seed) => contentOf(`listed ${seed}`, seed))
    for (const { digest, size } of contents) await ledger.recordReference(digest, size, referenceOf('11'))
    await ledger.enqueue([contentOf('without reference')])
    const seen: string[] = []
    for (let after = ''; ; after = seen.at(-1)!) {
      const page = await ledger.list(after, 3)
      if (page.length === 0) break
      seen.push(...page.map(({ digest }) => digest))
    }
    expect(seen).toEqual(contents.map(({ digest }) => digest).sort())
  })

  test('count: rows by state', async () => {
    const ledger = await open()
    expect(await ledger.count()).toEqual({ local: 0, queued: 0, uploaded: 0, verified: 0 })
    await ledger.recordReference(a.digest, 10, referenceOf('11'))
    await ledger.enqueue([b, c])
    await ledger.markUploaded(c.digest, batch, 0)
    expect(await ledger.count()).toEqual({ local: 1, queued: 1, uploaded: 1, verified: 0 })
  })

  test('an empty request is none', async () => {
    const ledger = await open()
    await ledger.enqueue([])
    await ledger.claimReferences([])
    expect((await ledger.findMany([])).size).toBe(0)
  })
}
