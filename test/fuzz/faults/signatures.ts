import type { Address, Hex } from 'viem'
import { addressOf } from '../../ens/vector-cases/accounts.ts'
import type { Signature } from '../../ens/vector-cases/scenario.ts'
import { magic } from '../../ens/vector-cases/signature-forms.ts'
import { strangers } from '../chain.ts'
import type { Draft } from '../draft.ts'
import { ascending } from '../parties.ts'
import type { Random } from '../random.ts'
import { places } from '../signed-list.ts'
import { bytesIn, cutTo, type Fault, faultsOf, flipBit, isAnchored, joined, ownPolicies, putByte } from './fault.ts'

/** Only where signatures are looked at. */
function signed(apply: Fault['apply']): Fault['apply'] {
  return (draft, random) => !isAnchored(draft) && draft.signatures.length > 0 && apply(draft, random)
}

const order = faultsOf('SignersNotAscending', {
  'a signer twice': signed(({ signatures }, random) => {
    const at = random.between(0, signatures.length - 1)
    signatures.splice(at, 0, signatures[at] as Signature)
    return signatures.length <= 8
  }),
  'two signers the other way round': signed(({ signatures }) => {
    if (signatures.length < 2) return false
    signatures.push(signatures.shift() as Signature)
    return true
  }),
  'nobody in front': signed((draft, random) => {
    draft.signatures.unshift({ signer: `0x${'00'.repeat(20)}`, signature: random.pick(['0x', random.bytes(65)]) })
    return draft.signatures.length <= 8
  }),
})

const publishers = faultsOf('NotPublisher', {
  'a signer who is no publisher': signed(({ signatures }, random) => {
    const given = random.pick(signatures)
    given.signer = random.pick(strangers)
    return signatures.length === 1
  }),
  'a stranger behind the publishers': signed(({ signatures }, random) => {
    signatures.push({ signer: `0x${'ff'.repeat(20)}`, signature: random.bytes(65) })
    return signatures.length <= 8
  }),
  'a publisher struck out': signed((draft, random) => {
    const policy = ownPolicies(draft)[0]
    if (policy === undefined || policy.publishers.length < 2) return false
    const gone = random.pick(draft.signatures).signer
    policy.publishers = policy.publishers.filter((each) => each !== gone)
    policy.threshold = Math.min(policy.threshold, policy.publishers.length)
    return true
  }),
  "the policy is now another's": signed((draft, random) => {
    draft.chain.policies = draft.chain.policies.filter((row) => !ownPolicies(draft).includes(row))
    const { address } = draft.list.owner
    const others = [random.pick(strangers), addressOf('fuzz publisher')].filter((each) => each !== address)
    const row = {
      owner: address,
      name: draft.authority,
      publishers: ascending(others.map((each) => ({ address: each }))).map((each) => each.address),
    }
    draft.chain.policies.push({ ...row, threshold: 1, timestamper: null, maxAge: 0 })
    return true
  }),
  'the policy is gone and the owner has not signed': signed((draft) => {
    if (draft.signatures[0]?.signer === draft.list.owner.address) return false
    draft.chain.policies = draft.chain.policies.filter((row) => !ownPolicies(draft).includes(row))
    return true
  }),
})

const revoked = faultsOf('Revoked', {
  'a signer is revoked': signed(({ chain, list, authority, signatures }, random) => {
    chain.revoked.push({ owner: list.owner.address, name: authority, key: random.pick(signatures).signer })
    return true
  }),
  'all signers are revoked': signed(({ chain, list, authority, signatures }) => {
    for (const { signer } of signatures) chain.revoked.push({ owner: list.owner.address, name: authority, key: signer })
    return true
  }),
})

const curveOrder = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141n
const word = (value: bigint): Hex => `0x${BigInt.asUintN(256, value).toString(16).padStart(64, '0')}`
const part = (signature: Hex, from: number, to: number): Hex => `0x${signature.slice(2 + 2 * from, 2 + 2 * to)}`
const lastByte = (signature: Hex): number => Number.parseInt(signature.slice(-2), 16)

/** 65 bytes, as a key makes them, made into what is no signature (protocol 2.3). */
export const brokenForms: readonly ((signature: Hex, random: Random) => Hex)[] = [
  (signature, random) => flipBit(random, signature),
  (signature) => {
    const s = word(curveOrder - BigInt(part(signature, 32, 64)))
    return putByte(joined(part(signature, 0, 32), s, '0x00'), 64, 55 - lastByte(signature))
  },
  (signature) => putByte(signature, 64, lastByte(signature) - 27),
  (signature) => putByte(signature, 64, 55 - lastByte(signature)),
  (signature, random) => putByte(signature, 64, random.pick([0, 1, 26, 29, 37, 38, 255])),
  (signature) =>
    joined(part(signature, 0, 32), word(BigInt(part(signature, 32, 64)) | (BigInt(lastByte(signature) - 27) << 255n))),
  (signature) => joined(word(0n), part(signature, 32, 65)),
  (signature) => joined(part(signature, 0, 32), word(0n), part(signature, 64, 65)),
  (signature) => joined(word(curveOrder), part(signature, 32, 65)),
  (signature) => joined(part(signature, 0, 32), word(curveOrder), part(signature, 64, 65)),
  (signature, random) => cutTo(signature, random.between(0, 64)),
  (signature, random) => joined(signature, random.bytes(random.pick([1, 32]))),
  (_, random) => random.bytes(65),
]

/** What a contract may answer that is not ERC-1271's yes. */
export const refusingAnswers: readonly (Hex | null)[] = [
  ...([null, '0x', '0x1626ba7e', cutTo(magic, 31), `0x${'00'.repeat(32)}`, `0x${'ff'.repeat(32)}`] as const),
  ...([
    `0x${'00'.repeat(28)}1626ba7e`,
    putByte(magic, 31, 1),
    putByte(magic, 4, 1),
    joined(`0x${'00'.repeat(32)}`, magic),
  ] as const),
]

/** Makes a signer's signature bad, be it a key's or a contract's. */
export function spoilSignature({ chain }: Draft, random: Random, signer: Address, signature: Hex): Hex {
  const code = chain.code.find(({ address }) => address === signer)
  if (code !== undefined) code.returns = random.pick(refusingAnswers)
  if (code === undefined && bytesIn(signature) === 65) return random.pick(brokenForms)(signature, random)
  return code === undefined || bytesIn(signature) !== 65 ? signature : random.pick(brokenForms)(signature, random)
}

const bad = faultsOf('BadSignature', {
  'a signature spoilt': signed((draft, random) => {
    const given = random.pick(draft.signatures)
    given.signature = spoilSignature(draft, random, given.signer, given.signature)
    return true
  }),
  'the list follows another': signed(
    keysOnly(({ header }, random) => {
      header.previous = random.bytes(32)
    }),
  ),
  'the list has another root': signed(
    keysOnly(({ header }, random) => {
      header.root = flipBit(random, header.root)
    }),
  ),
  'the list has another count': signed(
    keysOnly(({ header }) => {
      header.count += 1n
    }),
  ),
  'the list was issued a second earlier or, where it may not live longer, later': signed(
    keysOnly(({ header, chain }) => {
      const isLongest = header.expiresAt === header.issuedAt + 400n * 86_400n
      // A second less at the end that is far from now, so that its times stay right.
      const isAtItsEnd = isLongest && BigInt(chain.blockTime) >= header.expiresAt - 300n
      if (isAtItsEnd) header.issuedAt += 1n
      else if (isLongest) header.expiresAt -= 1n
      else header.issuedAt -= 1n
    }),
  ),
  'the version is the next one': signed(
    keysOnly(({ header, chain }) => {
      chain.floors = []
      header.version += header.version === BigInt(Number.MAX_SAFE_INTEGER) ? -1n : 1n
    }),
  ),
  'signed for another place': signed(
    keysOnly((draft, random) => {
      movePlace(draft, random)
    }),
  ),
})

/** Where a contract that approves everything has signed there is no bad signature. */
function keysOnly(change: (draft: Draft, random: Random) => void): Fault['apply'] {
  return (draft, random) => {
    const answers = new Set(draft.chain.code.filter(({ returns }) => returns === magic).map(({ address }) => address))
    if (draft.signatures.some(({ signer }) => answers.has(signer))) return false
    change(draft, random)
    return true
  }
}

/** The same name with the same settings at another contract or on another chain. */
function movePlace({ chain, list }: Draft, random: Random): void {
  const { chainId, resolver, wrapper } = random.pick(places.filter((each) => each !== list.place))
  for (const row of chain.owners) if (row.owner === chain.wrapper) row.owner = wrapper
  for (const row of chain.resolvers) if (row.resolver === chain.resolver) row.resolver = resolver
  Object.assign(chain, { chainId, resolver, wrapper })
}

const threshold = faultsOf('ThresholdNotMet', {
  'no signature': (draft) => {
    draft.signatures = []
    return !isAnchored(draft)
  },
  'one signature too few': signed((draft, random) => {
    const policy = ownPolicies(draft)[0]
    if (policy === undefined || policy.publishers.length < draft.signatures.length + 1) return false
    policy.threshold = random.between(draft.signatures.length + 1, policy.publishers.length)
    return true
  }),
  'a signature is missing': signed((draft, random) => {
    const policy = ownPolicies(draft)[0]
    if (policy === undefined || policy.threshold < 2) return false
    draft.signatures = random.shuffled(draft.signatures).slice(0, policy.threshold - 1)
    draft.signatures = draft.signatures.toSorted((a, b) => (a.signer < b.signer ? -1 : 1))
    return true
  }),
})

/** Row 6. */
export const signatureFaults: readonly Fault[] = [...order, ...publishers, ...revoked, ...bad, ...threshold]
