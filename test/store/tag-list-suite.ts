import type { Hex } from 'viem'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type ListLine, ListMoved, type TagListStore } from '../../gateway/store/tag-list-store.ts'
import { encodeTagKey, FLAG_IMMUTABLE, FLAG_TOMBSTONE } from '../../gateway/tags/entry.ts'
import type { SignedList } from '../../gateway/tags/list.ts'
import { createMemoryTree, depthOf, rootOfProof } from '../../gateway/tags/tree.ts'
import {
  add,
  allSlots,
  digestOf,
  drop,
  entryOf,
  historyOf,
  line,
  otherOwner,
  planNext,
  publish,
  sentinel,
  wholeOf,
} from './fixtures.ts'

/** Opens an empty store of tag lists. */
export type OpenTagLists = () => Promise<{ lists: TagListStore; close(): Promise<void> }>

/** The current list is whole: its slots rebuild its root, and every key has a proof that leads there. */
export async function expectWholeList(lists: TagListStore, of: ListLine = line): Promise<SignedList> {
  const head = (await lists.findHead(of))!
  const slots = await allSlots(lists, of, 50)
  expect(slots).toHaveLength(Number(head.list.count))
  expect(createMemoryTree(slots).root()).toBe(head.list.root)
  const keys = slots.flatMap(({ key }): Hex[] => [key, `${key}00`])
  const proven = await lists.prove(of, keys)
  expect(proven!.head.hash).toBe(head.hash)
  for (const [place, proof] of proven!.proofs.entries()) {
    expect(proof.key).toBe(slots[place >> 1]!.key)
    expect(proof.path).toHaveLength(depthOf(slots.length))
    expect(rootOfProof(proof)).toBe(head.list.root)
  }
  return head
}

/** What every store of tag lists must do (gateway/store/tag-list-store.ts, protocol 5). */
export function tagListSuite(driver: string, open: OpenTagLists): void {
  describe(`tag lists: ${driver}`, () => {
    let opened: Awaited<ReturnType<OpenTagLists>>
    let lists: TagListStore
    beforeEach(async () => {
      opened = await open()
      lists = opened.lists
    })
    afterEach(() => opened.close())

    it('before the first publish there is no list: undefined, or empty where it says so', async () => {
      expect(await lists.findHead(line)).toBeUndefined()
      expect(await lists.findSlot(line, encodeTagKey('a'))).toBeUndefined()
      expect(await lists.prove(line, [encodeTagKey('a')])).toBeUndefined()
      expect(await lists.listTags(line, '', 10)).toBeUndefined()
      expect(await lists.tagsOfDigest(line, digestOf('a'))).toEqual([])
      expect(await historyOf(lists, line, null, 10)).toEqual([])
      expect(await lists.readSlots(line, `0x${'00'.repeat(32)}`, 0, 10)).toBeUndefined()
    })

    it('a first list without tags is the sentinel alone', async () => {
      await publish(lists, [])
      expect(await allSlots(lists)).toEqual([sentinel])
      await expectWholeList(lists)
    })

    it('a published list is the head, with header and signatures exactly as given', async () => {
      const { signed, delta } = await planNext(lists, [add('latest')])
      const timestamp = { issuedAt: 5n, expiresAt: 6n, signature: '0x0102' as Hex }
      const given = {
        ...signed,
        timestamp,
        signatures: [...signed.signatures, { signer: otherOwner, signature: '0x' as Hex }],
      }
      expect(await lists.commit(line, given, delta)).toBe(true)
      expect(await lists.findHead(line)).toEqual(given)
      expect(await historyOf(lists, line, null, 10)).toEqual([{ ...given, changes: delta.changes }])
    })

    it('findSlot: the slot of exactly this key; undefined for neighbours, prefixes and the empty key of none', async () => {
      await publish(lists, [add('b'), add('bb')])
      const found = await lists.findSlot(line, encodeTagKey('b'))
      expect(found?.slot).toMatchObject({ key: encodeTagKey('b'), nextKey: encodeTagKey('bb') })
      for (const tag of ['a', 'ba', 'bbb', 'c']) {
        expect(await lists.findSlot(line, encodeTagKey(tag))).toEqual({ head: found!.head, slot: undefined })
      }
    })

    it('lists that grow and shrink over powers of two stay whole at every version', async () => {
      const tags = Array.from({ length: 18 }, (_, i) => `t${i}`)
      for (const tag of tags) {
        await publish(lists, [add(tag)])
        await expectWholeList(lists)
      }
      for (const tag of tags) {
        await publish(lists, [drop(tag)])
        await expectWholeList(lists)
      }
      expect(await allSlots(lists)).toEqual([sentinel])
    })

    it('many changes in one publish, over and over, agree with a plain map of tags', async () => {
      const model = new Map<string, string>()
      let state = 7
      const random = (below: number) => {
        state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0
        return (state >>> 8) % below
      }
      for (let round = 0; round < 25; round++) {
        const tags = new Set(Array.from({ length: 1 + random(40) }, () => `tag-${random(120)}`))
        const changes = [...tags].map((tag) => (model.has(tag) && random(3) === 0 ? drop(tag) : add(tag, random(9))))
        await publish(lists, changes)
        for (const { tag, entry } of changes) entry ? model.set(tag, entry.digest) : model.delete(tag)
        await expectWholeList(lists)
        expect((await lists.listTags(line, '', 1_000))!.tags).toEqual([...model.keys()].sort())
      }
      for (let seed = 0; seed < 9; seed++) {
        const digest = entryOf(seed, 0).digest
        const expected = [...model].filter(([, value]) => value === digest).map(([tag]) => tag)
        expect(await lists.tagsOfDigest(line, digest)).toEqual(expected.sort())
      }
    })

    it('listTags: byte order, pages after a tag that may be gone, tombstones left out', async () => {
      const dead = { ...entryOf('dead', 0), flags: FLAG_IMMUTABLE | FLAG_TOMBSTONE }
      await publish(lists, [add('a'), add('a.b'), add('a0'), add('B'), add('_x'), { tag: 'dead', entry: dead }])
      expect((await lists.listTags(line, '', 10))!.tags).toEqual(['B', '_x', 'a', 'a.b', 'a0'])
      expect((await lists.listTags(line, 'B', 2))!.tags).toEqual(['_x', 'a'])
      expect((await lists.listTags(line, 'a.a', 10))!.tags).toEqual(['a.b', 'a0'])
      expect((await lists.listTags(line, 'zz', 10))!.tags).toEqual([])
      expect(await lists.tagsOfDigest(line, dead.digest)).toEqual([])
    })

    it('tagsOfDigest: sha512 too, and nothing for what is no digest', async () => {
      const digest = digestOf('wide', 'sha512')
      await publish(lists, [{ tag: 'wide', entry: { ...entryOf('x', 0), digest } }, add('other')])
      expect(await lists.tagsOfDigest(line, digest)).toEqual(['wide'])
      expect(await lists.tagsOfDigest(line, digestOf('wide'))).toEqual([])
      expect(await lists.tagsOfDigest(line, 'nonsense')).toEqual([])
    })

    it('history: newest first with what changed, in pages before a list', async () => {
      const first = await publish(lists, [add('a', 1), add('b', 1)])
      const second = await publish(lists, [add('a', 2)])
      const third = await publish(lists, [drop('b')])
      const all = await historyOf(lists, line, null, 10)
      expect(all.map(({ hash }) => hash)).toEqual([third.hash, second.hash, first.hash])
      expect(all[0]!.changes).toEqual([{ tag: 'b', before: entryOf(1, 1), after: null }])
      expect(all[1]!.changes).toEqual([{ tag: 'a', before: entryOf(1, 1), after: entryOf(2, 2) }])
      expect(all[2]!.changes).toHaveLength(2)
      expect(await historyOf(lists, line, null, 2)).toEqual(all.slice(0, 2))
      expect(await historyOf(lists, line, third.hash, 2)).toEqual(all.slice(1))
      expect(await historyOf(lists, line, first.hash, 2)).toEqual([])
      expect((await lists.history(line, null, 3)).map(({ changeCount }) => changeCount)).toEqual([1, 1, 2])
      expect(await historyOf(lists, line, `0x${'99'.repeat(32)}`, 2)).toEqual([])
    })

    it('readChanges: what one version changed, in pages; nothing of an unknown version or another line', async () => {
      const tags = ['a', 'b', 'c', 'd']
      const first = await publish(
        lists,
        tags.map((tag) => add(tag)),
      )
      await publish(lists, [add('e')])
      const tagsFrom = async (of: ListLine, hash: Hex, from: number, limit: number) =>
        (await lists.readChanges(of, hash, from, limit)).map(({ tag }) => tag)
      expect(await tagsFrom(line, first.hash, 0, 9)).toEqual(tags)
      expect(await tagsFrom(line, first.hash, 1, 2)).toEqual(['b', 'c'])
      expect(await tagsFrom(line, first.hash, 4, 2)).toEqual([])
      expect(await tagsFrom(line, `0x${'99'.repeat(32)}`, 0, 9)).toEqual([])
      expect(await tagsFrom({ ...line, epoch: 1n }, first.hash, 0, 9)).toEqual([])
    })

    it('lines are apart: by chain, resolver, name, owner and epoch', async () => {
      const lines: ListLine[] = [
        { ...line, chainId: 1 },
        { ...line, resolver: `0x${'55'.repeat(20)}` },
        { ...line, ensName: 'api.acme.eth' },
        { ...line, owner: otherOwner },
        { ...line, epoch: 1n },
      ]
      await publish(lists, [add('a')])
      for (const other of lines) {
        expect(await lists.findHead(other)).toBeUndefined()
        await publish(lists, [add('b'), add('c')], other)
      }
      for (const other of lines) expect((await lists.listTags(other, '', 9))!.tags).toEqual(['b', 'c'])
      expect((await lists.listTags(line, '', 9))!.tags).toEqual(['a'])
    })

    it('a list of another name, owner or epoch is no list of this line: thrown, nothing written', async () => {
      const { signed, delta } = await planNext(lists, [add('a')])
      const others = [{ name: 'api.acme.eth' }, { owner: otherOwner }, { epoch: 1n }]
      for (const other of others) {
        const foreign = { ...signed, list: { ...signed.list, ...other } }
        await expect(lists.commit(line, foreign, delta)).rejects.toThrow('does not belong')
      }
      expect(await lists.findHead(line)).toBeUndefined()
      expect(await lists.commit(line, signed, delta)).toBe(true)
    })

    it('commit and replace on a list that is not the head: false, and nothing is written', async () => {
      const stale = await planNext(lists, [add('stale')])
      const staleWhole = await wholeOf(lists, ['stale', 'too'])
      const first = await publish(lists, [add('a')])
      const again = await planNext(lists, [add('again')])
      await publish(lists, [add('b')])
      expect(await lists.commit(line, stale.signed, stale.delta)).toBe(false)
      expect(await lists.commit(line, again.signed, again.delta)).toBe(false)
      expect(await lists.commit(line, first, again.delta)).toBe(false)
      expect(await lists.replace(line, staleWhole.signed, staleWhole.whole)).toBe(false)
      expect((await expectWholeList(lists)).list.version).toBe(2n)
      expect((await lists.listTags(line, '', 9))!.tags).toEqual(['a', 'b'])
      expect(await historyOf(lists, line, null, 9)).toHaveLength(2)
    })

    it('the current list sent again: false, and nothing is written', async () => {
      const { signed, delta } = await planNext(lists, [add('a')])
      expect(await lists.commit(line, signed, delta)).toBe(true)
      expect(await lists.commit(line, signed, delta)).toBe(false)
      await expectWholeList(lists)
    })

    it('ten committers of one version at once: exactly one is true, and its list is the head', async () => {
      await publish(lists, [add('base')])
      for (let round = 0; round < 5; round++) {
        const plans = await Promise.all(
          Array.from({ length: 10 }, (_, i) => planNext(lists, [add(`round-${round}-${i}`), add(`shared`, i)])),
        )
        const won = await Promise.all(plans.map(({ signed, delta }) => lists.commit(line, signed, delta)))
        expect(won.filter(Boolean)).toHaveLength(1)
        const head = await expectWholeList(lists)
        expect(head.hash).toBe(plans[won.indexOf(true)]!.signed.hash)
      }
      expect(await historyOf(lists, line, null, 20)).toHaveLength(6)
    })

    it('first committers and replacers at once: exactly one is true', async () => {
      const commits = await Promise.all(['a', 'b', 'c'].map((tag) => planNext(lists, [add(tag)])))
      const wholes = await Promise.all(['d', 'e', 'f'].map((tag) => wholeOf(lists, [tag, 'more'])))
      const won = await Promise.all([
        ...wholes.map(({ signed, whole }) => lists.replace(line, signed, whole)),
        ...commits.map(({ signed, delta }) => lists.commit(line, signed, delta)),
      ])
      expect(won.filter(Boolean)).toHaveLength(1)
      await expectWholeList(lists)
    })

    it('replace: the whole new list is the head, the next publish builds on it', async () => {
      await publish(lists, [add('old'), add('kept')])
      const tags = Array.from({ length: 100 }, (_, i) => `n${String(i).padStart(3, '0')}`)
      const { signed, whole } = await wholeOf(lists, ['kept', ...tags])
      expect(await lists.replace(line, signed, whole)).toBe(true)
      expect((await lists.listTags(line, '', 1_000))!.tags).toEqual(['kept', ...tags])
      await expectWholeList(lists)
      await publish(lists, [drop('n050'), add('z')])
      await expectWholeList(lists)
      expect((await historyOf(lists, line, null, 9)).map(({ changes }) => changes.length)).toEqual([2, 101, 2])
      await publish(lists, tags.filter((tag) => tag !== 'n050').map(drop))
      expect((await lists.listTags(line, '', 9))!.tags).toEqual(['kept', 'z'])
      await expectWholeList(lists)
    })

    it('begin: a line without a list begins with a later version, and the next publish builds on it', async () => {
      const { signed, whole } = await wholeOf(lists, ['a', 'b'])
      const list = {
        ...signed.list,
        version: 7n,
        previous: digestOf('the version before').replace('sha256:', '0x') as Hex,
      }
      const later: SignedList = { ...signed, list, hash: `0x${'77'.repeat(32)}` }
      expect(await lists.replace(line, later, whole)).toBe(false)
      expect(await lists.findHead(line)).toBeUndefined()
      expect(await lists.begin(line, later, whole)).toBe(true)
      expect(await lists.findHead(line)).toEqual(later)
      expect(await lists.begin(line, { ...later, hash: `0x${'78'.repeat(32)}` }, whole)).toBe(false)
      await expectWholeList(lists)
      await publish(lists, [drop('a'), add('z')])
      expect((await lists.listTags(line, '', 9))!.tags).toEqual(['b', 'z'])
      await expectWholeList(lists)
      const history = await historyOf(lists, line, null, 9)
      expect(history.map(({ list, changes }) => [list.version, changes.length])).toEqual([
        [8n, 2],
        [7n, 2],
      ])
    })

    it('begin: of several at once exactly one is true', async () => {
      const { signed, whole } = await wholeOf(lists, ['a', 'b'])
      const begun = await Promise.all(
        [1, 2, 3].map((n) => lists.begin(line, { ...signed, hash: `0x${`0${n}`.repeat(32)}` }, whole)),
      )
      expect(begun.filter(Boolean)).toHaveLength(1)
      await expectWholeList(lists)
    })

    it('a reader of a list that is no longer the head says ListMoved instead of mixing versions', async () => {
      const first = await publish(lists, [add('a'), add('b')])
      const reader = await lists.openTree(line, first.hash)
      expect((await reader.findSlot(encodeTagKey('b'))).slot.key).toBe(encodeTagKey('b'))
      expect((await reader.slotAt(0)).key).toBe('0x')
      expect(await reader.nodeAt(0, 0)).toMatch(/^0x[0-9a-f]{64}$/)
      expect(await reader.nodeAt(9, 3)).toBeUndefined()
      await expect(reader.slotAt(99)).rejects.toThrow('broken')
      await publish(lists, [drop('b')])
      await expect(reader.findSlot(encodeTagKey('b'))).rejects.toThrow(ListMoved)
      await expect(reader.slotAt(1)).rejects.toThrow(ListMoved)
      await expect(reader.nodeAt(0, 0)).rejects.toThrow(ListMoved)
      await expect(lists.openTree(line, first.hash)).rejects.toThrow(ListMoved)
    })

    it('reads during commits and a replace: header and proofs are always of one version', async () => {
      await publish(lists, [add('base')])
      let isDone = false
      let reads = 0
      const read = async () => {
        while (!isDone) {
          const proven = await lists.prove(line, ['base', 'tag-3', 'zzz'].map(encodeTagKey))
          for (const proof of proven!.proofs) expect(rootOfProof(proof)).toBe(proven!.head.list.root)
          const found = await lists.findSlot(line, encodeTagKey('moving'))
          if (found?.slot)
            expect(found.slot.value.slice(4, 20)).toBe(found.head.list.version.toString(16).padStart(16, '0'))
          reads++
          await new Promise((resolve) => setImmediate(resolve))
        }
      }
      const write = async () => {
        for (let i = 0; i < 30; i++) await publish(lists, [add(`tag-${i}`), add('moving', i)])
        const { signed, whole } = await wholeOf(lists, ['base', ...Array.from({ length: 3_000 }, (_, i) => `w${i}`)])
        await lists.replace(line, signed, whole)
        isDone = true
      }
      await Promise.all([read(), read(), write()])
      expect(reads).toBeGreaterThan(1)
    })

    it('readSlots: pages by position; undefined as soon as the list is another', async () => {
      const first = await publish(lists, [add('a'), add('b'), add('c')])
      const slots = await lists.readSlots(line, first.hash, 0, 10)
      expect(slots).toHaveLength(4)
      expect(await lists.readSlots(line, first.hash, 1, 2)).toEqual(slots!.slice(1, 3))
      expect(await lists.readSlots(line, first.hash, 4, 2)).toEqual([])
      await publish(lists, [add('d')])
      expect(await lists.readSlots(line, first.hash, 1, 2)).toBeUndefined()
    })

    it('putTimestamp replaces that of the current list only, by one that was issued later', async () => {
      const first = await publish(lists, [add('a')])
      const stamp = (issuedAt: bigint) => ({ issuedAt, expiresAt: issuedAt + 10n, signature: '0x1234' as Hex })
      expect(await lists.putTimestamp(line, first.hash, stamp(9n))).toBe(true)
      expect(await lists.findHead(line)).toEqual({ ...first, timestamp: stamp(9n) })
      expect(await lists.putTimestamp(line, first.hash, stamp(9n))).toBe(false)
      expect(await lists.putTimestamp(line, first.hash, stamp(8n))).toBe(false)
      expect(await lists.putTimestamp(line, first.hash, stamp(10n))).toBe(true)
      expect(await lists.findHead(line)).toEqual({ ...first, timestamp: stamp(10n) })
      const second = await publish(lists, [add('b')])
      expect(await lists.findHead(line)).toMatchObject({ hash: second.hash, timestamp: null })
      expect(await lists.putTimestamp(line, first.hash, stamp(11n))).toBe(false)
      expect(await lists.putTimestamp({ ...line, epoch: 9n }, second.hash, stamp(11n))).toBe(false)
    })

    it('putSignatures replaces those of the current list only', async () => {
      const first = await publish(lists, [add('a')])
      const signatures = [{ signer: otherOwner, signature: '0x1234' as Hex }]
      expect(await lists.putSignatures(line, first.hash, signatures)).toBe(true)
      expect(await lists.findHead(line)).toEqual({ ...first, signatures })
      const second = await publish(lists, [add('b')])
      expect(await lists.putSignatures(line, first.hash, [])).toBe(false)
      expect(await lists.putSignatures({ ...line, epoch: 9n }, second.hash, [])).toBe(false)
      expect(await lists.findHead(line)).toEqual(second)
      expect((await historyOf(lists, line, null, 9))[1]!.signatures).toEqual(signatures)
    })
  })
}
