import { concat, type Hex, keccak256, numberToHex, pad, size, slice, stringToHex } from 'viem'
import { accept, type Case, refuse } from './cases.ts'
import {
  type Entry,
  encodeValue,
  entryOf,
  foldPath,
  keyOf,
  leafOf,
  type Proof,
  pairHash,
  proofAt,
  proofOf,
  rootOf,
  type Slot,
  slotsOf,
  type Tagged,
  tagsOf,
} from './merkle.ts'
import { dataOf } from './request.ts'
import type { Scenario } from './scenario.ts'

/** Row 8: count and path, inclusion or absence, and the limits of the entry asked for. */
export async function rowEight(): Promise<Case[]> {
  const cases = await Promise.all([
    ...counts(),
    ...paths(),
    ...leaves(),
    ...absences(),
    ...secondPreimages(),
    ...inMulticalls(),
    ...entryLimits(),
    ...valueBytes(),
    ...unasked(),
  ])
  return cases.flat()
}

function bad(name: string, faulty: Scenario, twin: Scenario = {}) {
  return refuse(8, 'BadProof', name, { ...twin, ...faulty }, twin)
}

const four = tagsOf('latest', 'v1', 'v2', 'v3').slice(0, 3)
const seven = tagsOf('a', 'b', 'c', 'd', 'e', 'f', 'g')

/** One slot at the bottom of a made-up tree: its root follows from the path. */
function deep(hashes: number, count: bigint): Scenario {
  const path = Array.from({ length: hashes }, (_, height) => pad(numberToHex(height + 1)))
  return {
    proofs: (proofs) => proofs.map((proof) => ({ ...proof, path })),
    header: (_, proofs) => ({ root: foldPath(proofs[0] as Slot, path), count }),
  }
}

function counts() {
  const alone: Scenario = { calls: ['v1'], tags: [] }
  const max = 2n ** 20n
  return [
    bad('count 0', { header: { count: 0n } }, alone),
    bad('count 2^20 + 1', deep(20, max + 1n), deep(20, max)),
    bad('count 2^64 - 1', deep(20, 2n ** 64n - 1n), deep(20, max)),
    bad('count 2^32 + 4', { header: { count: 2n ** 32n + 4n } }),
    bad('count is one too high for the path', { header: { count: 5n } }, { tags: four, header: { count: 4n } }),
    bad('count is one too low for the path', { header: { count: 2n } }, { tags: tagsOf('v1', 'v2') }),
    bad('count 1 with a path', { header: { count: 1n } }, { tags: tagsOf('v1') }),
    bad('count 2^19 with a path of 20 hashes', deep(20, max / 2n), deep(19, max / 2n)),
    bad('count 2^19 + 1 with a path of 19 hashes', deep(19, max / 2n + 1n), deep(20, max / 2n + 1n)),
  ]
}

function withPath(change: (path: Hex[]) => Hex[]): Scenario {
  return { proofs: (proofs) => proofs.map((proof) => ({ ...proof, path: change(proof.path) })) }
}

function paths() {
  const flipped = (hash: Hex | undefined): Hex =>
    hash === undefined ? '0x' : `0x${(BigInt(hash) ^ 1n).toString(16).padStart(64, '0')}`
  return [
    bad(
      'path without its last hash',
      withPath((path) => path.slice(0, -1)),
    ),
    bad(
      'path without its first hash',
      withPath((path) => path.slice(1)),
    ),
    bad(
      'path with a hash of zeros behind',
      withPath((path) => [...path, pad('0x')]),
    ),
    bad('path with its root behind', {
      proofs: (proofs, slots) => proofs.map((proof) => ({ ...proof, path: [...proof.path, rootOf(slots)] })),
    }),
    bad(
      'empty path',
      withPath(() => []),
    ),
    bad(
      'hashes of a path in another order',
      withPath((path) => path.toReversed()),
    ),
    bad(
      'first hash of a path differs in one bit',
      withPath(([first, ...rest]) => [flipped(first), ...rest]),
    ),
    bad(
      'last hash of a path differs in one bit',
      withPath((path) => [...path.slice(0, -1), flipped(path.at(-1))]),
    ),
    bad('path of another slot', {
      proofs: (proofs, slots) => proofs.map((proof) => ({ ...proof, path: proofAt(slots, 0).path })),
    }),
    bad(
      'path of zeros',
      withPath((path) => path.map(() => pad('0x'))),
    ),
    bad('path from another list', {
      proofs: (proofs) =>
        proofs.map((proof) => ({ ...proof, path: proofOf(slotsOf(tagsOf('v1', 'v2', 'v3')), 'v1').path })),
    }),
    bad('root of another list', { header: { root: rootOf(slotsOf(tagsOf('v1', 'v2', 'v3'))) } }),
    bad('root is zero', { header: { root: pad('0x') } }),
    bad('root is the leaf', { header: (_, proofs) => ({ root: leafOf(proofs[0] as Slot) }) }),
  ]
}

function withSlot(change: (proof: Proof) => Partial<Slot>): Scenario {
  return { proofs: (proofs) => proofs.map((proof) => ({ ...proof, ...change(proof) })) }
}

/** The leaf was changed behind the root's back. */
function leaves() {
  const other = encodeValue(entryOf('v2'))
  return [
    bad(
      'value of another entry',
      withSlot(() => ({ value: other })),
    ),
    bad(
      'digest differs in one bit',
      withSlot(({ value }) => ({
        value: encodeValue(
          entryOf('v1', { digest: `sha256:${(BigInt(slice(value, 50, 82)) ^ 1n).toString(16).padStart(64, '0')}` }),
        ),
      })),
    ),
    bad(
      'size is one more',
      withSlot(() => ({ value: encodeValue(entryOf('v1', { size: entryOf('v1').size + 1 })) })),
    ),
    bad(
      'media type is another',
      withSlot(() => ({ value: encodeValue(entryOf('v1', { mediaType: 'text/plain' })) })),
    ),
    bad(
      'flags are others',
      withSlot(() => ({ value: encodeValue(entryOf('v1', { flags: 1 })) })),
    ),
    bad(
      'Swarm reference is another',
      withSlot(() => ({ value: encodeValue(entryOf('v1', { swarmReference: pad('0x') })) })),
    ),
    bad(
      'updatedVersion is another',
      withSlot(() => ({ value: encodeValue(entryOf('v1', { updatedVersion: 2 })) })),
    ),
    bad(
      'nextKey is another',
      withSlot(() => ({ nextKey: keyOf('v3') })),
    ),
    bad(
      'nextKey is empty',
      withSlot(() => ({ nextKey: '0x' })),
    ),
    bad(
      'key of another entry over the value of this one',
      withSlot(() => ({ key: keyOf('latest') })),
    ),
    bad(
      'value with a byte more',
      withSlot(({ value }) => ({ value: concat([value, '0x21']) })),
    ),
    bad(
      'value with a byte less',
      withSlot(({ value }) => ({ value: slice(value, 0, size(value) - 1) })),
    ),
    bad(
      'empty value',
      withSlot(() => ({ value: '0x' })),
    ),
    bad(
      'byte moved from nextKey to value',
      withSlot(({ nextKey, value }) => ({
        nextKey: slice(nextKey, 0, size(nextKey) - 1),
        value: concat([slice(nextKey, size(nextKey) - 1), value]),
      })),
    ),
    bad(
      'absent tag claimed present under the key of its neighbour',
      { proofs: (_, slots) => [{ ...proofOf(slots, 'v1'), key: keyOf('v1x') }] },
      { calls: ['v1x'] },
    ),
  ]
}

/** A true leaf that says nothing about the tag asked. */
function absences() {
  const at = (position: number): Scenario => ({ proofs: (_, slots) => [proofAt(slots, position)] })
  const leafOfTag = (tag: string): Scenario => ({ proofs: (_, slots) => [proofOf(slots, tag)] })
  const asking = (tag: string, tags: Tagged[] = four): Scenario => ({ calls: [tag], tags })
  const sentinelOnly = { key: '0x', nextKey: '0x', value: '0x' } as const
  return [
    bad('present tag shown absent by its predecessor', leafOfTag('latest'), asking('v1')),
    bad('present tag shown absent by the sentinel', at(0), asking('v1')),
    bad('first tag shown absent by the sentinel', at(0), asking('latest')),
    bad('present tag shown absent by its successor', leafOfTag('v2'), asking('v1')),
    bad('last tag shown absent by its predecessor', leafOfTag('v1'), asking('v2')),
    bad('absent tag below all shown by the first entry', leafOfTag('latest'), asking('a')),
    bad('absent tag between two shown by the one above', leafOfTag('v2'), asking('v1x')),
    bad('absent tag between two shown by the one two below', leafOfTag('latest'), asking('v1x')),
    bad('absent tag above all shown by the last but one', leafOfTag('v1'), asking('v9')),
    bad('absent tag above all shown by the sentinel', at(0), asking('v9')),
    bad('tag of the other case shown by the entry itself', leafOfTag('v1'), asking('V1')),
    bad('shorter tag shown by the longer one', leafOfTag('v1.0'), asking('v1', tagsOf('v1.0'))),
    bad('longer tag shown by the entry behind the shorter one', leafOfTag('v2'), asking('v1.0', tagsOf('v1', 'v2'))),
    bad(
      'empty sentinel as the only slot of a list that has another',
      { proofs: () => [{ ...sentinelOnly, path: [] }] },
      asking('v9', tagsOf('v1')),
    ),
    bad(
      'empty sentinel with the path of the true one',
      { proofs: (_, slots) => [{ ...sentinelOnly, path: proofAt(slots, 0).path }] },
      asking('v9'),
    ),
    bad(
      'absence by a leaf of another list',
      { proofs: () => [proofOf(slotsOf(tagsOf('v1', 'v3')), 'v2')] },
      asking('v2', tagsOf('v1', 'v3', 'v4')),
    ),
    bad(
      'key of another kind with the same tag',
      { slots: kindTwo, proofs: (_, slots) => [proofAt(slots, 1)] },
      { calls: ['v1'], tags: tagsOf('v1') },
    ),
  ]
}

/** The slot of v1 under kind byte 2. */
function kindTwo(slots: Slot[]): Slot[] {
  const key = concat(['0x02', stringToHex('v1')])
  return slots.map((slot, position) => (position === 0 ? { ...slot, nextKey: key } : { ...slot, key }))
}

/** Nothing but a leaf hashes like a leaf. */
function secondPreimages() {
  const asInner: Scenario = {
    proofs: (_, slots) => {
      const { path, ...slot } = proofOf(slots, 'b')
      const inner = pairHash(leafOf(slot), path[0] as Hex)
      return [{ key: '0x', nextKey: '0x', value: inner, path: path.slice(1) }]
    },
  }
  const crafted: Scenario = {
    proofs: (_, slots) => {
      const { path, ...slot } = proofOf(slots, 'b')
      const pair = [leafOf(slot), path[0] as Hex].toSorted()
      return [{ key: keyOf('b'), nextKey: '0x', value: concat(pair), path: path.slice(1) }]
    },
  }
  const single = (slot: Slot): Hex => {
    const packed = concat([
      numberToHex(size(slot.key), { size: 1 }),
      slot.key,
      numberToHex(size(slot.nextKey), { size: 1 }),
      slot.nextKey,
      slot.value,
    ])
    return keccak256(packed)
  }
  return [
    bad('inner node given as a leaf', asInner, { calls: ['b'], tags: seven, header: { count: 8n } }),
    bad('two hashes given as the value of a leaf', crafted, { calls: ['b'], tags: seven }),
    bad(
      'root over a leaf that was hashed once',
      { header: (_, proofs) => ({ root: pairHash(single(proofs[0] as Slot), proofs[0]?.path[0] as Hex) }) },
      { tags: tagsOf('v1') },
    ),
    bad(
      'root over unsorted pairs',
      { header: (_, proofs) => ({ root: unsortedPair(proofs[0] as Proof) }) },
      { tags: tagsOf('v1') },
    ),
    bad(
      'path doubles the leaf where a slot is empty',
      {
        proofs: (_, slots) => [
          { ...proofAt(slots, 2), path: [leafOf(slots[2] as Slot), ...proofAt(slots, 2).path.slice(1)] },
        ],
      },
      { calls: ['v2'], tags: tagsOf('v1', 'v2') },
    ),
  ]
}

function unsortedPair({ path, ...slot }: Proof): Hex {
  return keccak256(concat([leafOf(slot), path[0] as Hex].toSorted().toReversed()))
}

function inMulticalls() {
  const three: Scenario = { calls: ['v1', dataOf('v2'), 'v9'] }
  const swap = (a: number, b: number): Scenario => ({
    proofs: (proofs) => proofs.map((proof, i) => (i === a ? proofs[b] : i === b ? proofs[a] : proof) as Proof),
  })
  const breakAt = (at: number): Scenario => ({
    proofs: (proofs) => proofs.map((proof, i) => (i === at ? { ...proof, path: proof.path.toReversed() } : proof)),
  })
  return [
    bad('first proof of a multicall is bad', breakAt(0), three),
    bad('second proof of a multicall is bad', breakAt(1), three),
    bad('last proof of a multicall is bad', breakAt(2), three),
    bad('proofs of a multicall in another order', swap(0, 1), three),
    bad(
      'two calls share the proof of one',
      { proofs: ([first]) => [first, first] as Proof[] },
      { calls: ['v1', 'v2'] },
    ),
  ]
}

/** A list whose one entry breaks a limit: root and proof are true. */
function limited(entry: Partial<Entry>, version = 7n): Scenario {
  return { tags: [{ tag: 'v1', entry: entryOf('v1', entry) }], header: { version } }
}

const hex64 = 'ab'.repeat(32)

function entryLimits() {
  const limits: [string, Partial<Entry>, Partial<Entry>][] = [
    ['size 0', { size: 0 }, { size: 1 }],
    ['size 4,194,305', { size: 4_194_305 }, { size: 4_194_304 }],
    ['size 2^32 + 1', { size: 2 ** 32 + 1 }, { size: 4_194_304 }],
    ['updatedVersion 0', { updatedVersion: 0 }, { updatedVersion: 1 }],
    ['updatedVersion above the version', { updatedVersion: 8 }, { updatedVersion: 7 }],
    ['updatedVersion 2^53 - 1', { updatedVersion: 2 ** 53 - 1 }, { updatedVersion: 7 }],
    ['tombstone that is not immutable', { flags: 2 }, { flags: 3 }],
    ['flag 4', { flags: 4 }, { flags: 1 }],
    ['flag 4 on an immutable entry', { flags: 5 }, { flags: 1 }],
    ['flag 8 on a tombstone', { flags: 11 }, { flags: 3 }],
    ['flag 128', { flags: 128 }, { flags: 0 }],
    ['all flags', { flags: 255 }, { flags: 3 }],
    ['algorithm 0', { digest: `0:${hex64}` }, { digest: `sha256:${hex64}` }],
    ['algorithm 3', { digest: `3:${hex64}` }, { digest: `sha256:${hex64}` }],
    ['algorithm 3 with 64 bytes', { digest: `3:${hex64}${hex64}` }, { digest: `sha512:${hex64}${hex64}` }],
    ['algorithm 255', { digest: `255:${hex64}` }, { digest: `sha256:${hex64}` }],
    ['no media type', { mediaType: '' }, { mediaType: 'a' }],
    ['media type of 256 bytes', { mediaType: 'a'.repeat(256) }, { mediaType: 'a'.repeat(255) }],
    ['media type with a space', { mediaType: 'text/ plain' }, { mediaType: 'text/!plain' }],
    ['media type that ends in a line break', { mediaType: 'text/plain\n' }, { mediaType: 'text/plain' }],
    ['media type with a delete character', { mediaType: 'text/plain\x7f' }, { mediaType: 'text/plain~' }],
    ['media type with a zero byte', { mediaType: '\0text/plain' }, { mediaType: 'text/plain' }],
    [
      'media type with a space behind 32 bytes',
      { mediaType: `${'a'.repeat(36)} b` },
      { mediaType: `${'a'.repeat(36)}-b` },
    ],
    ['media type outside ASCII', { mediaType: 'text/caf\u00e9' }, { mediaType: 'text/cafe' }],
    [
      'no media type behind sha512',
      { digest: `sha512:${hex64}${hex64}`, mediaType: '' },
      { digest: `sha512:${hex64}${hex64}`, mediaType: 'a' },
    ],
    [
      'media type of 256 bytes behind sha512',
      { digest: `sha512:${hex64}${hex64}`, mediaType: 'a'.repeat(256) },
      { digest: `sha512:${hex64}${hex64}`, mediaType: 'a'.repeat(255) },
    ],
  ]
  const asked = limits.map(([name, faulty, twin]) => refuse(8, 'InvalidEntry', name, limited(faulty), limited(twin)))
  const byData = limits
    .slice(0, 3)
    .map(([name, faulty, twin]) =>
      refuse(
        8,
        'InvalidEntry',
        `${name}, asked by data`,
        { ...limited(faulty), calls: [dataOf('v1')] },
        { ...limited(twin), calls: [dataOf('v1')] },
      ),
    )
  const inMulticall = refuse(
    8,
    'InvalidEntry',
    'second entry of a multicall breaks a limit',
    { ...limitedSecond({ size: 0 }), calls: ['v1', 'v2'] },
    { ...limitedSecond({ size: 1 }), calls: ['v1', 'v2'] },
  )
  return [...asked, ...byData, inMulticall]
}

function limitedSecond(entry: Partial<Entry>): Scenario {
  return { tags: [...tagsOf('v1'), { tag: 'v2', entry: entryOf('v2', entry) }] }
}

/** Values that are no entry at all; the leaf is true. */
function valueBytes() {
  const whole = encodeValue(entryOf('v1'))
  const held = (value: Hex): Scenario => ({
    tags: tagsOf('v1'),
    slots: ([sentinel, slot]) => [sentinel as Slot, { ...(slot as Slot), value }],
  })
  const values: [string, Hex][] = [
    ['empty value in the list', '0x'],
    ['value of one byte', '0x00'],
    ['value that ends inside the sizes', slice(whole, 0, 12)],
    ['value that ends before the algorithm', slice(whole, 0, 49)],
    ['value that ends before the digest', slice(whole, 0, 50)],
    ['value that ends inside the digest', slice(whole, 0, 81)],
    ['value that ends behind the digest', slice(whole, 0, 82)],
    [
      'sha512 with a digest of 32 bytes and a short media type',
      concat([slice(whole, 0, 49), '0x02', slice(whole, 50, 82), stringToHex('text/plain')]),
    ],
    ['value of a kilobyte of zeros', `0x${'00'.repeat(1024)}`],
  ]
  return values.map(([name, value]) => refuse(8, 'InvalidEntry', name, held(value), held(whole)))
}

/** What the spanning leaf of an absence holds is not looked at. */
function unasked() {
  const spanned = (value: Hex): Scenario => ({
    calls: ['v1x'],
    tags: tagsOf('v1'),
    slots: ([sentinel, slot]) => [sentinel as Slot, { ...(slot as Slot), value }],
  })
  const sentinelHolds: Scenario = {
    calls: ['a'],
    slots: ([sentinel, ...rest]) => [{ ...(sentinel as Slot), value: '0xff' }, ...rest],
  }
  return [
    accept(8, 'absence over a leaf whose value is empty', spanned('0x')),
    accept(8, 'absence over a leaf whose value is junk', spanned(stringToHex('junk'))),
    accept(
      8,
      'absence over a leaf whose entry breaks a limit',
      spanned(encodeValue(entryOf('v1', { size: 0, flags: 255 }))),
    ),
    accept(8, 'absence over a sentinel that holds a value', sentinelHolds),
    accept(8, 'an entry that breaks a limit beside the one asked', {
      ...limitedSecond({ size: 0, mediaType: '' }),
      calls: ['v1'],
    }),
  ]
}
