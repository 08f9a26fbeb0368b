import { size } from 'viem'
import { keyOf, type Proof } from '../../ens/vector-cases/merkle.ts'
import { chooseTag, tagCall } from '../calls.ts'
import type { Draft } from '../draft.ts'
import type { Random } from '../random.ts'
import { anchorList, cutTo, type Fault, faultsOf, flipBit, floorOf, joined, noHash } from './fault.ts'

/** Changes one proof; false where none is asked for or the change does not fit. */
function reproved(
  change: (proof: Proof, random: Random, draft: Draft, tag: string) => Proof | undefined,
): Fault['apply'] {
  return (draft, random) => {
    if (draft.proofs.length === 0) return false
    const position = random.between(0, draft.proofs.length - 1)
    const tag = draft.calls.flatMap((call) => call.tag ?? [])[position] as string
    const changed = change(draft.proofs[position] as Proof, random, draft, tag)
    if (changed === undefined) return false
    draft.proofs[position] = changed
    return true
  }
}

/** A header that signs for something else, anchored so that its signatures do not matter. */
function provenFor(change: (draft: Draft, random: Random) => void): Fault['apply'] {
  return (draft, random) => {
    if (draft.proofs.length === 0) return false
    change(draft, random)
    return anchorList(draft)
  }
}

const bad = faultsOf('BadProof', {
  'one bit of the path': reproved((proof, random) => {
    if (proof.path.length === 0) return undefined
    const at = random.between(0, proof.path.length - 1)
    return { ...proof, path: proof.path.map((hash, position) => (position === at ? flipBit(random, hash) : hash)) }
  }),
  'one bit of the key': reproved((proof, random) =>
    size(proof.key) > 0 ? { ...proof, key: flipBit(random, proof.key) } : undefined,
  ),
  'one bit of the next key': reproved((proof, random) =>
    size(proof.nextKey) > 0 ? { ...proof, nextKey: flipBit(random, proof.nextKey) } : undefined,
  ),
  'one bit of the value': reproved((proof, random) =>
    size(proof.value) > 0 ? { ...proof, value: flipBit(random, proof.value) } : undefined,
  ),
  'a byte moves from value to next key': reproved(({ value, nextKey, ...proof }) =>
    size(value) > 0 && size(nextKey) < 129
      ? { ...proof, nextKey: joined(nextKey, cutTo(value, 1)), value: `0x${value.slice(4)}` }
      : undefined,
  ),
  'a byte moves from key to next key': reproved(({ key, nextKey, ...proof }) =>
    size(key) > 1 && size(nextKey) < 129
      ? { ...proof, key: cutTo(key, size(key) - 1), nextKey: joined(`0x${key.slice(-2)}`, nextKey) }
      : undefined,
  ),
  'the path lacks its last hash': reproved((proof) =>
    proof.path.length > 0 ? { ...proof, path: proof.path.slice(0, -1) } : undefined,
  ),
  'the path has one hash more': reproved((proof, random) =>
    proof.path.length < 20 ? { ...proof, path: [...proof.path, random.bytes(32)] } : undefined,
  ),
  'the path the other way round': reproved((proof) =>
    proof.path.length > 1 && proof.path[0] !== proof.path.at(-1)
      ? { ...proof, path: proof.path.toReversed() }
      : undefined,
  ),
  'an inner node as a leaf': reproved((_, random, { list }) => {
    const inner = list.tree.innerNode(random)
    if (inner === undefined) return undefined
    return random.chance(0.5)
      ? { key: '0x', nextKey: '0x', value: joined(inner.left, inner.right), path: inner.path }
      : { key: cutTo(inner.left, 31), nextKey: '0x', value: inner.right, path: inner.path }
  }),
  'the proof of another leaf': reproved((proof, random, { list: { tree } }, tag) => {
    const other = tree.proofAt(random.between(0, tree.slots.length - 1))
    const spans = other.key < keyOf(tag) && (other.nextKey === '0x' || other.nextKey > keyOf(tag))
    return other.key === keyOf(tag) || spans || other.key === proof.key ? undefined : other
  }),
  'two proofs the other way round': (draft) => {
    const [first, second] = draft.proofs
    if (first === undefined || second === undefined || first.key === second.key) return false
    draft.proofs.push(draft.proofs.shift() as Proof)
    return true
  },
  'a count of nothing': provenFor(({ header }) => {
    header.count = 0n
  }),
  'a count of another depth': provenFor(({ header, proofs }, random) => {
    const depth = BigInt(proofs[0]?.path.length ?? 0)
    header.count = random.pick([
      2n ** depth + 1n,
      depth === 0n ? 2n : 2n ** (depth - 1n),
      2n ** 20n + 1n,
      2n ** 32n + 1n,
      2n ** 64n - 1n,
    ])
  }),
  'another root': provenFor(({ header }, random) => {
    header.root = random.pick([flipBit(random, header.root), noHash])
  }),
})

const entries = faultsOf('InvalidEntry', {
  'a tag whose entry is broken': (draft, random) => askFor(draft, random, draft.list.tree.broken),
  'a version below that of the entry': (draft, random) => {
    const { broken, tags, proofOf } = draft.list.tree
    const later = tags.filter((tag) => !broken.includes(tag) && !proofOf(tag).value.startsWith('0000000000000001', 4))
    if (!askFor(draft, random, later)) return false
    draft.header.version = 1n
    floorOf(draft).minVersion = 1
    return anchorList(draft)
  },
})

/** Asks for one tag of those given in place of one that is asked. */
function askFor(draft: Draft, random: Random, tags: readonly string[]): boolean {
  const positions = draft.calls.flatMap(({ tag }, position) => (tag === undefined ? [] : [position]))
  if (positions.length === 0 || tags.length === 0) return false
  const nth = random.between(0, positions.length - 1)
  const tag = random.pick(tags)
  draft.calls[positions[nth] as number] = tagCall(random, draft.list.node, tag)
  draft.proofs[nth] = draft.list.tree.proofOf(tag)
  return true
}

/** Proofs of leaves that no well-formed list holds, whatever they then prove: both must say the same. */
export function oddProof(draft: Draft, random: Random): boolean {
  const { odd, proofAt } = draft.list.tree
  if (odd.length === 0 || draft.proofs.length === 0) return false
  draft.proofs[random.between(0, draft.proofs.length - 1)] = proofAt(random.pick(odd))
  return true
}

/** Another sound tag in place of one asked, its proof left as it was. */
export function otherTag(draft: Draft, random: Random): boolean {
  const positions = draft.calls.flatMap(({ tag }, position) => (tag === undefined ? [] : [position]))
  if (positions.length === 0) return false
  draft.calls[random.pick(positions)] = tagCall(random, draft.list.node, chooseTag(random, draft.list.tree))
  return true
}

/** Row 8. */
export const proofFaults: readonly Fault[] = [...bad, ...entries]
