import type { Hex } from 'viem'
import type { Proof } from '../../ens/vector-cases/merkle.ts'
import type { Signature } from '../../ens/vector-cases/scenario.ts'
import type { Draft } from '../draft.ts'
import type { Random } from '../random.ts'
import { bytesIn, cutTo, type Fault, faultsOf, flipBit, joined, putByte } from './fault.ts'

type Edit = (hex: Hex, random: Random) => Hex

function answered(edit: Edit): Fault['apply'] {
  return ({ responseEdits }, random) => responseEdits.push((hex) => edit(hex, random)) > 0
}

function asked(edit: Edit): Fault['apply'] {
  return ({ requestEdits }, random) => requestEdits.push((hex) => edit(hex, random)) > 0
}

/** Lengths out of row 0's limits; each is encoded as it should be. */
const limits = faultsOf('BadResponse', {
  'nine signatures': ({ signatures }, random) => {
    while (signatures.length < 9) signatures.push({ signer: random.bytes(20), signature: random.bytes(65) })
    return true
  },
  'a signature of 8,193 bytes': ({ signatures }, random) => {
    if (signatures.length === 0) return false
    const given = random.pick(signatures)
    given.signature = `0x${'ab'.repeat(8193)}`
    return true
  },
  'a timestamp signature of 8,193 bytes': (draft) => {
    draft.stamp = { ...draft.stamp, signature: `0x${'cd'.repeat(8193)}` }
    return true
  },
  'a proof too many': (draft, random) => {
    draft.proofs.push(draft.list.tree.proofAt(random.between(0, draft.list.tree.slots.length - 1)))
    return true
  },
  'a proof too few': ({ proofs }) => proofs.pop() !== undefined,
  'a key of over 129 bytes': (draft, random) => relength(draft, random, 'key'),
  'a next key of over 129 bytes': (draft, random) => relength(draft, random, 'nextKey'),
  'a leaf cut anew 256 bytes on': (draft, random) => recut(draft, random),
  'a path of 21 hashes': ({ proofs }, random) => {
    if (proofs.length === 0) return false
    const proof = random.pick(proofs)
    while (proof.path.length < 21) proof.path = [...proof.path, random.bytes(32)]
    return true
  },
})

function relength({ proofs }: Draft, random: Random, field: 'key' | 'nextKey'): boolean {
  if (proofs.length === 0) return false
  const at = random.between(0, proofs.length - 1)
  const filling = random.bytes(random.pick([130, 256, 257, 300]))
  const proof = proofs[at] as Proof
  proofs[at] = { ...proof, [field]: cutTo(joined(proof[field], filling), bytesIn(filling)) }
  return true
}

/** The same leaf bytes with the first length 256 more than its byte says: all of nextKey and value under one key. */
function recut({ proofs }: Draft, random: Random): boolean {
  const at = random.between(0, proofs.length - 1)
  const proof = proofs[at]
  if (proof === undefined) return false
  const length = `0x${bytesIn(proof.nextKey).toString(16).padStart(2, '0')}` as const
  const bytes = joined(proof.key, length, proof.nextKey, proof.value)
  const end = bytesIn(proof.key) + 256
  if (end >= bytesIn(bytes)) return false
  const nextLength = Number.parseInt(bytes.slice(2 + 2 * end, 4 + 2 * end), 16)
  const rest: Hex = `0x${bytes.slice(4 + 2 * end)}`
  const nextKey = cutTo(rest, nextLength)
  proofs[at] = { ...proof, key: cutTo(bytes, end), nextKey, value: `0x${rest.slice(nextKey.length)}` }
  return true
}

/** Bytes that do not decode, or that another encoding of the same values would not have. */
const encodings = faultsOf('BadResponse', {
  'an answer cut short': answered((hex, random) => cutTo(hex, random.between(0, bytesIn(hex) - 1))),
  'an answer cut by whole words': answered((hex, random) => cutTo(hex, 32 * random.between(0, bytesIn(hex) / 32 - 1))),
  'bytes behind the answer': answered((hex, random) => joined(hex, random.bytes(random.pick([1, 31, 32, 64])))),
  'an owner of more than 20 bytes': answered((hex, random) =>
    putByte(hex, random.between(0, 11), random.between(1, 255)),
  ),
  'an epoch of more than 64 bits': answered((hex, random) =>
    putByte(hex, random.between(32, 55), random.between(1, 255)),
  ),
  'a time of more than 64 bits': answered((hex, random) =>
    putByte(hex, random.pick([7, 8]) * 32 + random.between(0, 23), random.between(1, 255)),
  ),
  'an offset elsewhere': answered((hex, random) =>
    putByte(hex, random.between(9, 11) * 32 + random.pick([28, 29, 30, 31]), random.between(0, 255)),
  ),
  'an offset without end': answered((hex, random) =>
    putByte(hex, random.between(9, 11) * 32 + random.between(0, 27), random.between(1, 255)),
  ),
  'over 128 KiB': answered((hex) => joined(hex, `0x${'00'.repeat(131_073 - Math.min(bytesIn(hex), 131_072))}`)),
  'no answer': answered(() => '0x'),
  'another selector': asked((hex, random) => flipBit(random, hex, random.between(0, 3))),
  'a call cut short': asked((hex, random) => cutTo(hex, random.between(0, 67))),
  'an argument without end': asked((hex, random) =>
    putByte(hex, 4 + 32 * random.between(0, 1) + random.between(0, 27), random.between(1, 255)),
  ),
  'over 32 calls': (draft) => {
    const call = draft.calls.find(({ tag }) => tag === undefined)
    if (!draft.multicall || call === undefined) return false
    while (draft.calls.length < 33) draft.calls.push({ ...call })
    return true
  },
  'a multicall inside a multicall': (draft, random) => {
    const call = draft.multicall && draft.calls.length > 0 ? random.pick(draft.calls) : undefined
    if (call === undefined) return false
    call.callData = `0xac9650d8${draft.list.node.slice(2)}${'00'.repeat(32)}`
    return true
  },
})

/** Row 0. */
export const responseFaults: readonly Fault[] = [...limits, ...encodings]

/** Changes of bytes that may land anywhere: nobody says beforehand what comes of them. */
export const blindEdits: readonly ((draft: Draft, random: Random) => boolean)[] = [
  answered((hex, random) => flipBit(random, hex)),
  answered((hex, random) => putByte(hex, random.between(0, bytesIn(hex) - 1), random.pick([0, 1, 32, 255]))),
  answered((hex, random) => swapWords(hex, random)),
  asked((hex, random) => flipBit(random, hex)),
  asked((hex, random) => putByte(hex, random.between(4, bytesIn(hex) - 1), random.pick([0, 1, 32, 255]))),
  ({ signatures, list }, random) => replaceOne(signatures, random.pick(list.signers).signature, random),
  ({ header, list }, random) => swapFields(header, list.header, random),
]

function swapWords(hex: Hex, random: Random): Hex {
  const words = hex.slice(2).match(/.{64}/g) ?? []
  const [a, b] = [random.between(0, words.length - 1), random.between(0, words.length - 1)]
  const swapped = words.map((each, position) => words[position === a ? b : position === b ? a : position] ?? each)
  return `0x${swapped.join('')}`
}

function replaceOne(signatures: Signature[], other: Signature, random: Random): boolean {
  if (signatures.length === 0) return false
  signatures[random.between(0, signatures.length - 1)] = { ...other }
  return true
}

/** Two members of one type in each other's place. */
function swapFields(header: Draft['header'], signed: Draft['header'], random: Random): boolean {
  const [a, b] = random.pick([
    ['issuedAt', 'expiresAt'],
    ['epoch', 'version'],
    ['version', 'count'],
  ] as const)
  header[a] = signed[b]
  header[b] = signed[a]
  const [c, d] = random.pick([
    ['previous', 'root'],
    ['root', 'delegations'],
  ] as const)
  if (random.chance(0.5)) Object.assign(header, { [c]: signed[d], [d]: signed[c] })
  return true
}
