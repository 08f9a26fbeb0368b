import type { Hex } from 'viem'
import { alice, bob, clockmaker, publishers } from './accounts.ts'
import { type Case, refuse } from './cases.ts'
import { type Chain, day, floorOf, noOne, now, otherResolver, policyOf } from './flat.ts'
import { entryOf, type Tagged, tagsOf } from './merkle.ts'
import { namehash, textOf } from './request.ts'
import { type Scenario, stampBy } from './scenario.ts'

/** Two faults in one lookup: the check order of protocol 3.1 says which of them is the error. */
export async function checkOrder(): Promise<Case[]> {
  const cases = await Promise.all([...names(), ...lists(), ...signatures(), ...timestamps(), ...proofs()])
  return cases.flat()
}

const zero: Hex = `0x${'00'.repeat(32)}`
const [first, second] = publishers as [typeof alice, typeof alice]

function order(row: number, error: string, before: string, scenario: Scenario, twin: Scenario = {}) {
  return refuse(row, error, `${error} before ${before}`, scenario, twin)
}

function on(...changes: ((chain: Chain) => void)[]): NonNullable<Scenario['chain']> {
  return (chain) => {
    for (const change of changes) change(chain)
  }
}

const unreachable = (chain: Chain) => {
  chain.resolvers = [{ name: 'acme.eth', resolver: otherResolver }]
}
const unowned = (chain: Chain) => {
  chain.owners = []
}
const sold = (chain: Chain) => {
  chain.owners = [{ name: 'acme.eth', owner: bob.address }]
}
const reset = (chain: Chain) => {
  chain.epochs.push({ name: 'acme.eth', epoch: 1 })
}

function names() {
  const away = { ...textOf('oci-tag[v1]'), node: namehash(['web', 'acme', 'eth']) }
  const badTag = { ...textOf('oci-tag[v 1]') }
  const proofs: NonNullable<Scenario['proofs']> = (made) => made.slice(0, 1)
  return [
    order(1, 'InvalidName', 'NodeMismatch', { labels: ['Acme', 'eth'], calls: [away] }),
    order(1, 'NodeMismatch', 'InvalidTag', { calls: [{ ...badTag, node: away.node }], proofs }),
    order(1, 'NodeMismatch', 'UnreachableName', { calls: [away], chain: on(unreachable) }),
    order(1, 'InvalidTag', 'UnreachableName', { calls: [badTag], proofs, chain: on(unreachable) }),
    order(2, 'UnreachableName', 'NoOwner', { chain: on(unreachable, unowned) }),
    order(2, 'UnreachableName', 'OwnerMismatch', { chain: on(unreachable, sold) }),
    order(2, 'NoOwner', 'EpochMismatch', { chain: on(unowned, reset) }),
  ]
}

function lists() {
  const old = { issuedAt: BigInt(now - 100 * day), expiresAt: BigInt(now - 10 * day) }
  const backward = { issuedAt: BigInt(now + 200), expiresAt: BigInt(now + 100) }
  const farAway = { issuedAt: BigInt(now + 301), expiresAt: BigInt(now - 1) }
  const floor = (chain: Chain) => chain.floors.push(floorOf({ minVersion: 8 }))
  const anchor = (chain: Chain) =>
    chain.floors.push(floorOf({ anchorVersion: 7, anchorHash: zero.replace('00', 'ab') as Hex }))
  const floorAndAnchor = (chain: Chain) =>
    chain.floors.push(floorOf({ minVersion: 8, anchorVersion: 7, anchorHash: zero.replace('00', 'ab') as Hex }))
  return [
    order(3, 'OwnerMismatch', 'EpochMismatch', { chain: on(sold, reset) }),
    order(3, 'EpochMismatch', 'UnsupportedDelegations', { header: { delegations: zero }, chain: on(reset) }),
    order(3, 'UnsupportedDelegations', 'Rollback', { header: { delegations: zero }, chain: on(floor) }),
    order(4, 'Rollback', 'AnchorMismatch', { chain: on(floorAndAnchor) }),
    order(4, 'Rollback', 'Expired', { header: old, chain: on(floor) }),
    order(4, 'AnchorMismatch', 'Expired', { header: old, chain: on(anchor) }),
    order(5, 'IssuedInFuture', 'Expired', { header: farAway }),
    order(5, 'Expired', 'LifetimeTooLong', { header: { issuedAt: 1n, expiresAt: BigInt(now) } }),
    order(5, 'LifetimeTooLong', 'ThresholdNotMet', { header: backward, signers: [] }),
    order(5, 'Expired', 'BadSignature', { header: old, signatures: spoilt }),
  ]
}

const spoilt: NonNullable<Scenario['signatures']> = (signatures) =>
  signatures.map((given) => ({ ...given, signature: '0x' }))

function signatures() {
  const policy = (chain: Chain) => chain.policies.push(policyOf([first, second], { threshold: 2 }))
  const both: Scenario = { signers: [first, second], chain: on(policy) }
  const revoked = (key: Hex) => (chain: Chain) => chain.revoked.push({ owner: alice.address, name: 'acme.eth', key })
  const order6 = (error: string, before: string, scenario: Scenario) => order(6, error, before, scenario, both)
  return [
    order6('SignersNotAscending', 'NotPublisher', {
      ...both,
      signatures: (given) => [{ signer: noOne, signature: '0x' }, ...given],
    }),
    order6('NotPublisher', 'Revoked', { signers: [bob], chain: on(policy, revoked(bob.address)) }),
    order6('Revoked', 'BadSignature', { ...both, chain: on(policy, revoked(first.address)), signatures: spoilt }),
    order6('BadSignature', 'SignersNotAscending', {
      ...both,
      signatures: ([a]) => (a ? [{ ...a, signature: '0x' }, a] : []),
    }),
    order6('BadSignature', 'ThresholdNotMet', { signers: [first], chain: on(policy), signatures: spoilt }),
    order6('Revoked', 'ThresholdNotMet', { signers: [first], chain: on(policy, revoked(first.address)) }),
  ]
}

function timestamps() {
  const freshness = { timestamper: clockmaker.address, maxAge: 3600 }
  const policy = (chain: Chain) => chain.policies.push(policyOf([alice], freshness))
  const held: Scenario = { chain: on(policy), stamp: stampBy(clockmaker) }
  const stale = { issuedAt: BigInt(now - 3601) }
  const wrongPath: NonNullable<Scenario['proofs']> = (made) => made.map((proof) => ({ ...proof, path: [] }))
  return [
    order(6, 'ThresholdNotMet', 'BadTimestamp', { chain: on(policy), signers: [] }, held),
    order(7, 'BadTimestamp', 'StaleTimestamp', { ...held, stamp: stampBy(bob, stale) }, held),
    order(7, 'StaleTimestamp', 'BadProof', { ...held, stamp: stampBy(clockmaker, stale), proofs: wrongPath }, held),
    order(7, 'BadTimestamp', 'BadProof', { chain: on(policy), proofs: wrongPath }, held),
  ]
}

function proofs() {
  const tags: Tagged[] = [...tagsOf('v1'), { tag: 'v2', entry: entryOf('v2', { size: 0 }) }]
  const calls = ['v1', 'v2']
  const cutFirst: NonNullable<Scenario['proofs']> = ([a, b]) => (a && b ? [{ ...a, path: [] }, b] : [])
  const cutSecond: NonNullable<Scenario['proofs']> = ([a, b]) => (a && b ? [a, { ...b, path: [] }] : [])
  return [
    order(8, 'BadProof', 'InvalidEntry of the same call', { tags, calls, proofs: cutSecond }),
    order(8, 'BadProof', 'InvalidEntry of a later call', { tags, calls, proofs: cutFirst }),
    order(8, 'InvalidEntry', 'BadProof of a later call', { tags, calls: ['v2', 'v1'], proofs: cutSecond }),
  ]
}
