import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { Refusal } from '../../gateway/tags/refusal.ts'
import {
  applyDelta,
  buildWellFormedTree,
  createMemoryTree,
  depthOf,
  emptyHash,
  hashLeaf,
  hashPair,
  linkSlots,
  nodesAtLevel,
  planChanges,
  proveKey,
  rootOfProof,
  type Slot,
  type TagChange,
} from '../../gateway/tags/tree.ts'
import {
  naiveKey,
  naiveLeaf,
  naiveLevels,
  naivePair,
  naiveProof,
  naivePublish,
  naiveRoot,
  naiveValue,
} from './naive.ts'
import { createRowStore, sampleEntry, sentinel } from './sample.ts'

const put = (tag: string, version = 1, seed = tag): TagChange => ({
  tag,
  entry: sampleEntry(seed, { updatedVersion: version }),
})
const remove = (tag: string): TagChange => ({ tag, entry: null })
const listOf = (...tags: string[]) =>
  naivePublish(
    [sentinel],
    tags.map((tag) => put(tag)),
  )
const numbered = (count: number) => Array.from({ length: count - 1 }, (_, i) => `t${i}`)

function finish<T>(steps: Generator<void, T>): T {
  for (;;) {
    const step = steps.next()
    if (step.done) return step.value
  }
}

async function reasonOf(work: () => unknown): Promise<string> {
  try {
    await work()
  } catch (error) {
    if (error instanceof Refusal) return error.reason
    throw error
  }
  return 'accepted'
}

/** The rows of a store must be exactly those that the rule of TreeDelta keeps for this list. */
function expectRows(store: ReturnType<typeof createRowStore>, slots: readonly Slot[]): void {
  expect(store.slots()).toEqual(slots)
  expect(store.positions()).toEqual([...slots.keys()])
  const expected = new Map(
    naiveLevels(slots).flatMap((level, i) =>
      level.slice(0, nodesAtLevel(slots.length, i)).map((hash, position) => [`${i}:${position}`, hash] as const),
    ),
  )
  expect(store.nodes()).toEqual(expected)
}

/** One publish through planChanges over rows, compared with the rebuild from scratch. */
async function publish(
  store: ReturnType<typeof createRowStore>,
  before: readonly Slot[],
  changes: TagChange[],
  version: number,
) {
  const delta = await planChanges(store.reader(), changes, BigInt(version))
  const after = naivePublish(before, changes)
  store.apply(delta)
  expect(delta.count).toBe(after.length)
  expect(delta.root).toBe(naiveRoot(after))
  expect(new Set(delta.nodes.map(({ level, position }) => `${level}:${position}`)).size).toBe(delta.nodes.length)
  expectRows(store, after)
  expect(applyDelta(before, delta)).toEqual(after)
  return after
}

describe('2.1 hashing', () => {
  test('a leaf is double keccak256 over length-prefixed keys and the value', () => {
    for (const slot of listOf('a', 'a.b', 'z'.repeat(128))) expect(hashLeaf(slot)).toBe(naiveLeaf(slot))
  })

  test('a pair hashes in order of value, whichever side it stands on, equal halves too', () => {
    const [a, b] = listOf('a', 'b').map(naiveLeaf) as [`0x${string}`, `0x${string}`]
    expect(hashPair(a, b)).toBe(naivePair(a, b))
    expect(hashPair(b, a)).toBe(naivePair(a, b))
    expect(hashPair(a, a)).toBe(naivePair(a, a))
  })

  test('an empty subtree has no special case: 32 zero bytes, then pairs of them', () => {
    expect(emptyHash(0)).toBe(`0x${'00'.repeat(32)}`)
    expect(emptyHash(1)).toBe(naivePair(emptyHash(0), emptyHash(0)))
    expect(emptyHash(20)).toBe(naivePair(emptyHash(19), emptyHash(19)))
  })

  test('depth is ceil(log2(count))', () => {
    const depths = [1, 2, 3, 4, 5, 8, 9, 1023, 1024, 1025, 524_289, 1_048_576].map(depthOf)
    expect(depths).toEqual([0, 1, 2, 2, 3, 3, 4, 10, 10, 11, 20, 20])
  })

  test('a level keeps the nodes with a used slot below, and nothing above the root', () => {
    expect([0, 1, 2, 3].map((level) => nodesAtLevel(5, level))).toEqual([5, 3, 2, 1])
    expect(nodesAtLevel(5, 4)).toBe(0)
    expect([nodesAtLevel(1, 0), nodesAtLevel(1, 1)]).toEqual([1, 0])
  })

  test('row 0: a key or nextKey of 129 bytes is hashed, one of 130 is refused before hashing', async () => {
    const longest = `0x${'41'.repeat(129)}` as const
    const tooLong = `0x${'41'.repeat(130)}` as const
    const recut = `0x${'41'.repeat(257)}` as const
    for (const side of ['key', 'nextKey'] as const) {
      expect(await reasonOf(() => hashLeaf({ ...sentinel, [side]: longest }))).toBe('accepted')
      expect(await reasonOf(() => hashLeaf({ ...sentinel, [side]: tooLong }))).toBe('BadProof')
      expect(await reasonOf(() => hashLeaf({ ...sentinel, [side]: recut }))).toBe('BadProof')
    }
  })
})

describe('2.1 order inside one publish: what is written equals the rebuild from scratch', () => {
  test.each([1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 32, 33])('a list of %i slots, built at once', async (count) => {
    const store = createRowStore()
    await publish(
      store,
      [sentinel],
      numbered(count).map((tag) => put(tag)),
      1,
    )
  })

  test.each([2, 3, 4, 5, 8, 9, 16, 17])('from %i slots: each slot removed alone', async (count) => {
    for (const tag of numbered(count)) {
      const store = createRowStore()
      const list = await publish(
        store,
        [sentinel],
        numbered(count).map((each) => put(each)),
        1,
      )
      await publish(store, list, [remove(tag)], 2)
    }
  })

  test.each([2, 3, 4, 5])('from %i slots: every subset removed, with an addition and without', async (count) => {
    const tags = numbered(count)
    for (let subset = 1; subset < 2 ** tags.length; subset++) {
      const removals = tags.filter((_, i) => subset & (1 << i)).map(remove)
      for (const additions of [[], [put('t00', 2)], [put('a', 2), put('zz', 2)]]) {
        const store = createRowStore()
        const list = await publish(
          store,
          [sentinel],
          tags.map((tag) => put(tag)),
          1,
        )
        await publish(store, list, [...additions, ...removals], 2)
      }
    }
  })

  test.each([
    ['the last slot', ['c', 'b', 'a'], ['a']],
    ['the predecessor of the last slot', ['a', 'b', 'c'], ['b']],
    ['the slot whose predecessor is the last slot and moves', ['b', 'c', 'a'], ['b']],
    ['neighbours in key order', ['a', 'b', 'c', 'd'], ['b', 'c']],
    ['the last two slots', ['a', 'b', 'c', 'd'], ['c', 'd']],
    ['the moved slot after it moved', ['a', 'b', 'c', 'd', 'e'], ['a', 'e']],
    ['everything', ['a', 'b', 'c', 'd', 'e'], ['a', 'b', 'c', 'd', 'e']],
  ])('removal of %s', async (_, tags, removed) => {
    const store = createRowStore()
    let list: Slot[] = [sentinel]
    for (const [i, tag] of tags.entries()) list = await publish(store, list, [put(tag, i + 1)], i + 1)
    list = await publish(store, list, removed.map(remove), 10)
    await publish(store, list, [put('b', 11, 'again'), put('m', 11)], 11)
  })

  test('a key that is a prefix of another sorts first, and bytes compare raw', async () => {
    const store = createRowStore()
    const tags = ['ab', 'a', 'abc', 'a.b', 'a-b', 'A', '_', 'a_b', '0']
    const list = await publish(
      store,
      [sentinel],
      tags.map((tag) => put(tag)),
      1,
    )
    const order: string[] = []
    for (let slot = list[0]!; slot.nextKey !== '0x'; ) {
      slot = list.find((each) => each.key === slot.nextKey)!
      order.push(Buffer.from(slot.key.slice(4), 'hex').toString())
    }
    expect(order).toEqual(['0', 'A', '_', 'a', 'a-b', 'a.b', 'a_b', 'ab', 'abc'])
  })

  test('no change at all: the same root and nothing written, so that a list can be renewed', async () => {
    const store = createRowStore()
    const list = await publish(store, [sentinel], [put('a'), put('b')], 1)
    const delta = await planChanges(store.reader(), [], 2n)
    expect({ ...delta, slots: delta.slots.size }).toEqual({
      count: 3,
      root: naiveRoot(list),
      slots: 0,
      nodes: [],
      changes: [],
    })
  })

  test('the first list of a line may be empty: the sentinel is written', async () => {
    const store = createRowStore()
    await publish(store, [sentinel], [], 1)
    expect(store.nodes().get('0:0')).toBe(naiveLeaf(sentinel))
  })

  test('before and after of each change, in the order applied', async () => {
    const store = createRowStore()
    await publish(store, [sentinel], [put('b'), put('c'), put('d')], 1)
    const delta = await planChanges(store.reader(), [put('a', 2), put('c', 2, 'new'), remove('d'), remove('b')], 2n)
    expect(delta.changes).toEqual([
      { tag: 'b', before: sampleEntry('b'), after: null },
      { tag: 'd', before: sampleEntry('d'), after: null },
      { tag: 'c', before: sampleEntry('c'), after: sampleEntry('new', { updatedVersion: 2 }) },
      { tag: 'a', before: null, after: sampleEntry('a', { updatedVersion: 2 }) },
    ])
  })

  test('random publishes one after another over stored rows', async () => {
    const tag = fc.oneof(
      fc.constantFrom('a', 'ab', 'abc', 'b', 'A', '_', '1.0', '1.0.0', 'latest'),
      fc.integer({ min: 0, max: 24 }).map((i) => `v${i}`),
    )
    const change = fc.record({ tag, removed: fc.boolean(), seed: fc.integer({ min: 0, max: 9 }) })
    const publishes = fc.array(fc.uniqueArray(change, { selector: (each) => each.tag, maxLength: 12 }), {
      maxLength: 7,
    })
    await fc.assert(
      fc.asyncProperty(publishes, async (rounds) => {
        const store = createRowStore()
        let list: Slot[] = [sentinel]
        for (const [i, round] of rounds.entries()) {
          const present = new Set(list.map((slot) => slot.key))
          const changes = round
            .filter((each) => !each.removed || present.has(naiveKey(each.tag)))
            .map((each) => (each.removed ? remove(each.tag) : put(each.tag, i + 1, `${each.tag}${each.seed}`)))
          list = await publish(store, list, changes, i + 1)
        }
      }),
      { numRuns: 60 },
    )
  }, 60_000)

  test('one change in 4,096 slots reads and writes a few rows per level', async () => {
    const slots = finish(
      linkSlots(numbered(4096).map((tag) => ({ key: naiveKey(tag), value: naiveValue(sampleEntry('x')) }))),
    )
    const memory = createMemoryTree(slots)
    for (const change of [put('t77', 2), put('new', 2), remove('t77')]) {
      let reads = 0
      const counted = {
        count: memory.count,
        findSlot: (key: `0x${string}`) => memory.findSlot(key).finally(() => reads++),
        slotAt: (position: number) => memory.slotAt(position).finally(() => reads++),
        nodeAt: (level: number, position: number) => memory.nodeAt(level, position).finally(() => reads++),
      }
      const delta = await planChanges(counted, [change], 2n)
      expect(reads).toBeLessThan(3 * 2 * 13)
      expect(delta.nodes.length + delta.slots.size).toBeLessThan(3 * 15)
    }
  })

  test('a long list of changes pauses in between', async () => {
    let pauses = 0
    const tags = numbered(1500)
    const delta = await planChanges(
      createRowStore().reader(),
      tags.map((tag) => put(tag)),
      1n,
      async () => {
        pauses++
      },
    )
    expect(delta.count).toBe(1500)
    expect(pauses).toBeGreaterThan(15)
  })
})

describe('2.1 changes that are refused', () => {
  const store = createRowStore()
  const version = 7n
  const reason = (changes: TagChange[]) => reasonOf(() => planChanges(store.reader(), changes, version))

  test('the list for the cases below', async () => {
    const fixed = { tag: 'fixed', entry: sampleEntry('fixed', { flags: 1 }) }
    const gone = { tag: 'gone', entry: sampleEntry('gone', { flags: 3 }) }
    await publish(store, [sentinel], [put('a'), put('b'), fixed, gone], 1)
  })

  test('a tag twice: MalformedList', async () => {
    expect(await reason([put('a', 7), put('c', 7)])).toBe('accepted')
    expect(await reason([put('a', 7), put('a', 7)])).toBe('MalformedList')
    expect(await reason([put('a', 7), remove('a')])).toBe('MalformedList')
  })

  test('removal of an absent tag: MalformedList', async () => {
    expect(await reason([remove('a')])).toBe('accepted')
    expect(await reason([remove('c')])).toBe('MalformedList')
  })

  test('a tag outside the grammar: InvalidTag', async () => {
    expect(await reason([put('c', 7)])).toBe('accepted')
    for (const tag of ['', '.a', 'a b', 'é', 'a'.repeat(129)]) expect(await reason([put(tag, 7)])).toBe('InvalidTag')
  })

  test('updatedVersion other than the version made: InvalidEntry', async () => {
    expect(await reason([put('a', 7)])).toBe('accepted')
    expect(await reason([put('a', 6)])).toBe('InvalidEntry')
    expect(await reason([put('a', 8)])).toBe('InvalidEntry')
  })

  test('an immutable entry moved, removed or unmarked: ImmutableChanged; a new reference or a tombstone: accepted', async () => {
    const change = (fields: object, seed = 'fixed'): TagChange => ({
      tag: 'fixed',
      entry: sampleEntry(seed, { flags: 1, updatedVersion: 7, ...fields }),
    })
    expect(await reason([change({ swarmReference: `0x${'ab'.repeat(32)}` })])).toBe('accepted')
    expect(await reason([change({ flags: 3 })])).toBe('accepted')
    expect(await reason([remove('fixed')])).toBe('ImmutableChanged')
    expect(await reason([change({}, 'moved')])).toBe('ImmutableChanged')
    expect(await reason([change({ size: 9 })])).toBe('ImmutableChanged')
    expect(await reason([change({ mediaType: 'a/b' })])).toBe('ImmutableChanged')
    expect(await reason([change({ flags: 0 })])).toBe('ImmutableChanged')
  })

  test('an entry outside its limits is InvalidEntry, before immutability is looked at', async () => {
    const change = (fields: object): TagChange => ({
      tag: 'fixed',
      entry: sampleEntry('fixed', { flags: 1, updatedVersion: 7, ...fields }),
    })
    expect(await reason([change({})])).toBe('accepted')
    expect(await reason([change({ size: 0 })])).toBe('InvalidEntry')
    expect(await reason([change({ flags: 2 })])).toBe('InvalidEntry')
    expect(await reason([remove('fixed'), { tag: 'c', entry: sampleEntry('c', { size: 0, updatedVersion: 7 }) }])).toBe(
      'InvalidEntry',
    )
  })

  test('a tombstone stays: its tag cannot be used again in the epoch', async () => {
    const gone = (flags: number): TagChange => ({
      tag: 'gone',
      entry: sampleEntry('gone', { flags, updatedVersion: 7 }),
    })
    expect(await reason([gone(3)])).toBe('accepted')
    expect(await reason([gone(1)])).toBe('ImmutableChanged')
    expect(await reason([remove('gone')])).toBe('ImmutableChanged')
    expect(await reason([put('gone', 7, 'new')])).toBe('ImmutableChanged')
  })
})

describe('2.1 proofs', () => {
  test.each([1, 2, 3, 4, 5, 8, 9, 17])(
    'every tag of %i slots, and the gaps between, lead to the root',
    async (count) => {
      const slots = listOf(...numbered(count))
      const tree = createMemoryTree(slots)
      for (const tag of [...numbered(count), 'a', 't', 't00', 'zz', 'Z']) {
        const proof = await proveKey(tree, naiveKey(tag))
        expect(proof).toEqual(naiveProof(slots, tag))
        expect(proof.path.length).toBe(depthOf(count))
        expect(rootOfProof(proof)).toBe(naiveRoot(slots))
      }
      expect(tree.root()).toBe(naiveRoot(slots))
    },
  )

  test('a path element that is not 32 bytes is refused', async () => {
    const proof = naiveProof(listOf('a', 'b'), 'a')
    expect(await reasonOf(() => rootOfProof(proof))).toBe('accepted')
    for (const element of ['0x', proof.path[0]!.slice(0, -2), `${proof.path[0]}00`, proof.path[0]!.toUpperCase()]) {
      const path = [element as `0x${string}`, proof.path[1]!]
      expect(await reasonOf(() => rootOfProof({ ...proof, path }))).toBe('BadProof')
    }
  })
})

describe('2.1 a well-formed list', () => {
  const check = (slots: readonly Slot[], version = 1n) => reasonOf(() => finish(buildWellFormedTree(slots, version)))

  test.each([1, 2, 3, 5, 8, 9, 300])('of %i slots builds the root and exactly the nodes that are kept', (count) => {
    const slots = listOf(...numbered(count).reverse())
    const { root, levels } = finish(buildWellFormedTree(slots, 1n))
    expect(root).toBe(naiveRoot(slots))
    expect(levels).toEqual(naiveLevels(slots).map((level, i) => level.slice(0, nodesAtLevel(count, i))))
  })

  test('the check lets others run every few dozen slots', () => {
    const slots = listOf(...numbered(600))
    let yields = 0
    for (const steps = buildWellFormedTree(slots, 1n); !steps.next().done; ) yields++
    expect(yields).toBeGreaterThan(6)
  })

  test('any fault in the chain: MalformedList', async () => {
    const slots = listOf('a', 'b', 'c')
    const changed = (position: number, fields: Partial<Slot>) =>
      slots.map((slot, i) => (i === position ? { ...slot, ...fields } : slot))
    expect(await check(slots)).toBe('accepted')
    expect(await check([])).toBe('MalformedList')
    expect(await check(slots.slice(1))).toBe('MalformedList')
    expect(await check(changed(0, { key: naiveKey('0') }))).toBe('MalformedList')
    expect(await check(changed(0, { value: slots[1]!.value }))).toBe('MalformedList')
    expect(await check(changed(0, { nextKey: '0x' }))).toBe('MalformedList')
    expect(await check(changed(1, { nextKey: naiveKey('c') }))).toBe('MalformedList')
    expect(await check(changed(1, { nextKey: naiveKey('bb') }))).toBe('MalformedList')
    expect(await check(changed(1, { nextKey: naiveKey('a') }))).toBe('MalformedList')
    expect(await check(changed(3, { nextKey: naiveKey('a') }))).toBe('MalformedList')
    expect(await check(changed(2, { key: naiveKey('a') }))).toBe('MalformedList')
    expect(await check([...slots, slots[3]!])).toBe('MalformedList')
    expect(await check([...slots, sentinel])).toBe('MalformedList')
    expect(await check([...slots, { ...slots[3]!, key: naiveKey('d') }])).toBe('MalformedList')
  })

  test('a cycle beside the chain: MalformedList', async () => {
    const value = naiveValue(sampleEntry('x'))
    const beside = [
      { key: naiveKey('c'), nextKey: naiveKey('d'), value },
      { key: naiveKey('d'), nextKey: naiveKey('c'), value },
    ]
    expect(await check([...listOf('a', 'b'), ...beside])).toBe('MalformedList')
  })

  test('an entry outside its limits: InvalidEntry; a key that is no tag: InvalidTag or InvalidEntry', async () => {
    const link = (key: `0x${string}`, value: `0x${string}`) => finish(linkSlots([{ key, value }]))
    const value = naiveValue(sampleEntry('x', { updatedVersion: 3 }))
    expect(await check(link(naiveKey('a'), value), 3n)).toBe('accepted')
    expect(await check(link(naiveKey('a'), value), 2n)).toBe('InvalidEntry')
    expect(await check(link(naiveKey('a'), naiveValue(sampleEntry('x', { size: 0 }))))).toBe('InvalidEntry')
    expect(await check(link(naiveKey('a'), '0x'))).toBe('InvalidEntry')
    expect(await check(link(naiveKey('.a'), value), 3n)).toBe('InvalidTag')
    expect(await check(link('0x0261', value), 3n)).toBe('InvalidEntry')
  })

  test('linkSlots points each key at the next greater, in the order the slots stand', () => {
    fc.assert(
      fc.property(fc.uniqueArray(fc.stringMatching(/^[a-z][a-z0-9.]{0,3}$/), { maxLength: 40 }), (tags) => {
        const slots = finish(
          linkSlots(tags.map((tag) => ({ key: naiveKey(tag), value: naiveValue(sampleEntry('x')) }))),
        )
        expect(slots.map((slot) => slot.key)).toEqual(['0x', ...tags.map(naiveKey)])
        expect(finish(buildWellFormedTree(slots, 1n)).root).toBe(naiveRoot(slots))
      }),
      { numRuns: 30 },
    )
  })

  test('linkSlots over many runs; a tag twice cannot be linked', async () => {
    const tags = numbered(10_000).map((tag, i) => `${(i * 7919) % 10_000}${tag}`)
    const value = naiveValue(sampleEntry('x'))
    const slots = finish(linkSlots(tags.map((tag) => ({ key: naiveKey(tag), value }))))
    const sorted = [...slots].sort((a, b) => (a.key < b.key ? -1 : 1))
    expect(sorted.every((slot, i) => slot.nextKey === (sorted[i + 1]?.key ?? '0x'))).toBe(true)
    const twice = finish(linkSlots(['a', 'a', 'b'].map((tag) => ({ key: naiveKey(tag), value }))))
    expect(await check(twice)).toBe('MalformedList')
  })
})
