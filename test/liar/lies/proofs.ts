import { concat, type Hex, numberToHex, size, slice, stringToHex } from 'viem'
import { encodeTagKey, encodeUncheckedEntry, type TagEntry } from '../../../gateway/tags/entry.ts'
import { createMemoryTree, hashLeaf, type Proof, proveKey, SENTINEL } from '../../../gateway/tags/tree.ts'
import { type Ending, everywhere, type Lie, type Scene, type Told } from '../lie.ts'
import { entryFor, honestEntries, slotsOf } from '../statement.ts'

type Prove = NonNullable<Told['prove']>

const lie = (
  name: string,
  prove: (scene: Scene) => Prove,
  ending: Ending = 'BadProof',
  more: Partial<Lie> = {},
): Lie => ({
  ...{ name, clause: '3.1 row 8', expected: everywhere(ending) },
  tell: (scene) => ({ prove: prove(scene) }),
  ...more,
})

/** The proof with some of its members changed. */
const changed =
  (change: (proof: Proof, scene: Scene) => Partial<Proof>) =>
  (scene: Scene): Prove => {
    return (proof) => [{ ...proof, ...change(proof, scene) }]
  }

/** The proof of what the honest list says of another tag. */
function proofOf(tag: string): Lie['tell'] {
  return async ({ honest }) => {
    const proof = await proveKey(createMemoryTree(honest.slots), encodeTagKey(tag))
    return { prove: () => [proof] }
  }
}

/** `latest` with some members of its entry changed. */
function forged(change: (scene: Scene) => Partial<TagEntry>): (scene: Scene) => Prove {
  return (scene) =>
    changed(() => ({ value: encodeUncheckedEntry({ ...entryFor(scene.image.imageIndex), ...change(scene) }) }))(scene)
}

const slotAt = ({ honest }: Scene, tag: string) => honest.slots.find(({ key }) => key === encodeTagKey(tag)) ?? SENTINEL

/** Values under a tag that nobody signed. */
const entries: readonly Lie[] = [
  lie(
    'an arbitrary digest for a tag',
    forged(() => ({ digest: `sha256:${'f0'.repeat(32)}` })),
  ),
  lie(
    'the digest of another tag',
    forged(({ image }) => ({ digest: image.manifest.digest })),
  ),
  lie(
    'another size of the manifest',
    forged(() => ({ size: 1 })),
  ),
  lie(
    'another media type of the manifest',
    forged(() => ({ mediaType: 'text/html' })),
  ),
  lie(
    'another Swarm reference',
    forged(() => ({ swarmReference: `0x${'5a'.repeat(32)}` })),
  ),
  lie('the proof of another tag', () => (proof) => [proof], 'BadProof', { tell: proofOf('1.0') }),
  lie("another tag's leaf under the asked key", (scene) => (proof) => [{ ...proof, value: slotAt(scene, 'zz').value }]),
  lie(
    'a reserved kind byte before the tag',
    changed((proof) => ({ key: concat(['0x02', slice(proof.key, 1)]) })),
  ),
]

/** Paths that lead elsewhere, or nowhere. */
const paths: readonly Lie[] = [
  lie(
    'a path one hash short',
    changed(({ path }) => ({ path: path.slice(0, -1) })),
  ),
  lie(
    'a path one hash long',
    changed(({ path }) => ({ path: [...path, `0x${'00'.repeat(32)}`] })),
  ),
  lie(
    'a path of no hashes',
    changed(() => ({ path: [] })),
  ),
  lie(
    'siblings swapped',
    changed(({ path: [first, second, ...rest] }) => ({ path: [second, first, ...rest] as Hex[] })),
  ),
  lie(
    'one bit of the path',
    changed(({ path: [first = '0x', ...rest] }) => ({ path: [flipped(first), ...rest] })),
  ),
  lie(
    'a path of 21 hashes',
    changed(({ path }) => ({ path: Array.from({ length: 21 }, () => path[0] as Hex) })),
    'BadResponse',
    {
      clause: '3.1 row 0',
    },
  ),
  lie('an inner node shown as a leaf', innerNode),
  lie('two proofs for one question', () => (proof) => [proof, proof], 'BadResponse', { clause: '3.1 row 0' }),
  lie('no proof for a question', () => () => [], 'BadResponse', { clause: '3.1 row 0' }),
]

function flipped(hash: Hex): Hex {
  return concat([numberToHex(Number(slice(hash, 0, 1)) ^ 1, { size: 1 }), slice(hash, 1)])
}

/** The two leaves below it as the leaf's bytes: leaves are hashed twice, so it is none. */
function innerNode({ honest: { slots } }: Scene): Prove {
  const [left = SENTINEL, right = SENTINEL] = slots
  return (proof) => [
    { key: '0x', nextKey: '0x', value: concat([hashLeaf(left), hashLeaf(right)]), path: proof.path.slice(1) },
  ]
}

/** A present tag shown as absent. */
const absences: readonly Lie[] = [
  lie('absence by the slot before the tag', () => (proof) => [proof], 'BadProof', { tell: proofOf('k0') }),
  lie('absence by a slot that lies elsewhere', () => (proof) => [proof], 'BadProof', { tell: proofOf('zz') }),
  lie('absence by the sentinel', () => (proof) => [proof], 'BadProof', { tell: proofOfSentinel((it) => it) }),
  lie('a sentinel of an empty list', () => (proof) => [proof], 'BadProof', {
    tell: proofOfSentinel((it) => ({ ...it, nextKey: '0x' })),
  }),
  lie('the slot before re-cut past the tag', () => (proof) => [proof], 'BadProof', {
    tell: recut((slot) => ({ nextKey: concat([slot.nextKey, slice(slot.value, 0, 1)]), value: slice(slot.value, 1) })),
  }),
  lie('the slot before re-cut 256 bytes past the tag', () => (proof) => [proof], 'BadResponse', {
    clause: '3.1 row 0',
    tell: recut((slot) => ({
      nextKey: concat([slot.nextKey, slice(slot.value, 0, 256)]),
      value: slice(slot.value, 256),
    })),
  }),
  lie('a key re-cut 256 bytes on', () => (proof) => [proof], 'BadResponse', {
    clause: '3.1 row 0',
    tell: recut((slot) => {
      const rest = concat([numberToHex(size(slot.nextKey), { size: 1 }), slot.nextKey, slot.value])
      return { key: concat([slot.key, slice(rest, 0, 256)]), nextKey: '0x', value: slice(rest, 257) }
    }),
  }),
]

function proofOfSentinel(change: (proof: Proof) => Proof): Lie['tell'] {
  return async ({ honest }) => {
    const proof = await proveKey(createMemoryTree(honest.slots), '0x')
    return { prove: () => [change(proof)] }
  }
}

/** The leaf of `k0`, the tag before `latest`, read at other lengths. */
function recut(change: (proof: Proof) => Partial<Proof>): Lie['tell'] {
  return async ({ honest }) => {
    const proof = await proveKey(createMemoryTree(honest.slots), encodeTagKey('k0'))
    return { prove: () => [{ ...proof, ...change(proof) }] }
  }
}

/** An absent tag shown as present. The twin proves it absent. */
const presences: readonly Lie[] = [
  lie(
    'presence of an absent tag',
    (scene) => (proof, tag) => [{ ...proof, key: encodeTagKey(tag), value: slotAt(scene, 'zz').value }],
    'BadProof',
    { tag: 'nope' },
  ),
  lie(
    'the slot that spans an absent tag under its key',
    () => (proof) => [{ ...proof, key: `0x01${stringToHex('nope').slice(2)}` }],
    'BadProof',
    { tag: 'nope' },
  ),
  lie(
    'a tombstone shown as present',
    ({ image }) =>
      (proof) => [{ ...proof, value: encodeUncheckedEntry(entryFor(image.manifest, { flags: 1 })) }],
    'BadProof',
    { tag: 'gone' },
  ),
]

/** Signed by the publisher, and outside the limits of 2.1. */
const unsound: readonly Lie[] = (
  [
    ['a manifest of more than 4 MiB', { size: 4_194_305 }],
    ['a manifest of no bytes', { size: 0 }],
    ['a flag that nobody knows', { flags: 4 }],
    ['a tombstone that is not immutable', { flags: 2 }],
    ['an entry changed by a later version', { updatedVersion: 9 }],
    ['a media type with a line break', { mediaType: 'text/html\r\nx: y' }],
  ] as const satisfies readonly (readonly [string, Partial<TagEntry>])[]
).map(([name, entry]) => ({
  name,
  clause: '2.1',
  tell: async (scene) => {
    const latest = entryFor(scene.image.imageIndex, entry)
    return { statement: await scene.sign({ entries: { ...honestEntries(scene.image), latest } }) }
  },
  expected: everywhere('InvalidEntry'),
}))

/** A list that is not well-formed: two slots of one tag under a signature, of which the second is shown. */
const malformed: Lie = {
  name: 'a leaf that is not in the tree',
  clause: '2.1',
  tell: async ({ image, honest }) => {
    const other = slotsOf({ ...honestEntries(image), latest: entryFor(image.manifest) })
    const proof = await proveKey(createMemoryTree(other), encodeTagKey('latest'))
    return { prove: () => [proof], statement: honest }
  },
  expected: everywhere('BadProof'),
}

/** Rows 0 and 8. */
export const proofLies: readonly Lie[] = [...entries, ...paths, ...absences, ...presences, ...unsound, malformed]
