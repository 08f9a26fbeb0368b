import { noStamp, type Stamp } from '../../ens/vector-cases/scenario.ts'
import { magic } from '../../ens/vector-cases/signature-forms.ts'
import type { Draft } from '../draft.ts'
import { type Fault, faultsOf, maxUint64, moveTime, ownPolicies } from './fault.ts'
import { spoilSignature } from './signatures.ts'

/** Only where the policy asks for a timestamp. */
function stamped(apply: Fault['apply']): Fault['apply'] {
  return (draft, random) => draft.timestamper !== undefined && apply(draft, random)
}

function approvesAll({ chain, timestamper }: Draft): boolean {
  return chain.code.some(({ address, returns }) => address === timestamper?.address && returns === magic)
}

/** Other members than those signed. */
function restamped(change: (stamp: Stamp) => Partial<Stamp>): Fault['apply'] {
  return stamped((draft) => {
    draft.stamp = { ...draft.stamp, ...change(draft.stamp) }
    return !approvesAll(draft)
  })
}

const bad = faultsOf('BadTimestamp', {
  'no timestamp': stamped((draft) => {
    draft.stamp = noStamp
    return !approvesAll(draft)
  }),
  'a timestamp spoilt': stamped((draft, random) => {
    const { stamp, timestamper } = draft
    if (timestamper === undefined) return false
    draft.stamp = { ...stamp, signature: spoilSignature(draft, random, timestamper.address, stamp.signature) }
    return true
  }),
  'issued a second later than signed': restamped(({ issuedAt }) => ({ issuedAt: issuedAt + 1n })),
  'expires later than signed': restamped(({ expiresAt }) => ({ expiresAt: expiresAt + 1n })),
  'issued at the end of time': restamped(() => ({ issuedAt: maxUint64 })),
  'before it was issued': stamped((draft, random) => {
    const blockTime = Number(draft.stamp.issuedAt) - 301 - random.pick([0, 1, 3600])
    if (blockTime < Number(draft.header.issuedAt) - 300) return false
    moveTime(draft, blockTime)
    return true
  }),
  'the timestamper is revoked': stamped(({ chain, list, authority, timestamper }) => {
    if (timestamper !== undefined)
      chain.revoked.push({ owner: list.owner.address, name: authority, key: timestamper.address })
    return true
  }),
  'the policy names another timestamper': stamped((draft) => {
    const other = draft.list.stamps.find(({ party }) => party !== draft.timestamper)?.party
    if (
      other === undefined ||
      draft.chain.code.some(({ address, returns }) => address === other.address && returns === magic)
    )
      return false
    for (const policy of ownPolicies(draft)) policy.timestamper = other.address
    return true
  }),
})

const stale = faultsOf('StaleTimestamp', {
  'older than its age allows': stamped((draft, random) => {
    const { stamp, header, maxAge } = draft
    const blockTime = Number(stamp.issuedAt) + maxAge + random.pick([1, 2, 3600])
    if (blockTime >= Number(header.expiresAt)) return false
    moveTime(draft, blockTime)
    return true
  }),
  expired: stamped((draft, random) => {
    const { stamp, header } = draft
    const blockTime = Number(stamp.expiresAt) + random.pick([0, 1, 3600])
    if (blockTime >= Number(header.expiresAt)) return false
    moveTime(draft, blockTime)
    return true
  }),
  'the policy allows less age': stamped((draft) => {
    const age = draft.chain.blockTime - Number(draft.stamp.issuedAt)
    if (age <= 3600) return false
    for (const policy of ownPolicies(draft)) policy.maxAge = Math.min(policy.maxAge, age - 1)
    return true
  }),
})

/** Row 7. */
export const timestampFaults: readonly Fault[] = [...bad, ...stale]
