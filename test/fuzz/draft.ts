import type { Hex } from 'viem'
import type { Proof } from '../ens/vector-cases/merkle.ts'
import { encodeParts, type Header, noStamp, type Signature, type Stamp } from '../ens/vector-cases/scenario.ts'
import type { FlatChain } from '../flat-chain.ts'
import { encodeCalls, type FuzzCall, randomCalls } from './calls.ts'
import { chainAround } from './chain.ts'
import type { Party } from './parties.ts'
import { nearEnds, type Random } from './random.ts'
import type { Place, SignedFuzzList } from './signed-list.ts'

/** A case before its bytes are made: a valid one first, then what the faults made of it. */
export type Draft = {
  list: SignedFuzzList
  place: Place
  /** The name whose owner decides: the list's own or one above it. */
  authority: string
  labels: readonly string[]
  wire: Hex | undefined
  calls: FuzzCall[]
  multicall: boolean
  header: Header
  /** Of the parties chosen; `publishers` are who may sign, undefined for the owner alone. */
  signatures: Signature[]
  publishers: Party[] | undefined
  threshold: number
  stamp: Stamp
  timestamper: Party | undefined
  maxAge: number
  /** One per call with a tag, in call order. */
  proofs: Proof[]
  chain: FlatChain
  requestEdits: ((request: Hex) => Hex)[]
  responseEdits: ((response: Hex) => Hex)[]
}

/** What both checkers are asked. `plain` is the same before its bytes were touched; the local clock is the block's. */
export type FuzzCase = {
  name: string
  chain: FlatChain
  request: Hex
  response: Hex
  plain: { request: Hex; response: Hex }
}

/** A lookup that holds: some of the signatures, a policy they satisfy, a time at which all is valid, and bystanders on the chain. */
export function validDraft(random: Random, list: SignedFuzzList): Draft {
  const signing = chooseSigners(random, list)
  const stamping = chooseStamp(random, list, signing.publishers !== undefined)
  const { calls, multicall } = randomCalls(random, list.node, list.tree)
  const authority = chooseAuthority(random, list.labels)
  const blockTime = chooseTime(random, list, stamping)
  const draft = {
    list,
    place: list.place,
    authority,
    labels: list.labels,
    wire: undefined,
    calls,
    multicall,
    header: { ...list.header },
    ...signing,
    ...stamping,
    proofs: calls.flatMap(({ tag }) => (tag === undefined ? [] : [list.tree.proofOf(tag)])),
    requestEdits: [],
    responseEdits: [],
  }
  const signatures = signing.signatures.map((given) => ({ ...given }))
  return { ...draft, signatures, chain: chainAround(random, draft, blockTime) }
}

/** The bytes of a case. */
export function finishDraft(name: string, draft: Draft): FuzzCase {
  const { header, signatures, stamp, proofs } = draft
  const plain = {
    request: encodeCalls(draft.labels, draft.calls, draft.multicall, draft.wire),
    response: encodeParts({ header: fitted(header), signatures, stamp: fitted(stamp), proofs }),
  }
  const request = draft.requestEdits.reduce((hex, edit) => edit(hex), plain.request)
  const response = draft.responseEdits.reduce((hex, edit) => edit(hex), plain.response)
  return { name, chain: draft.chain, request, response, plain }
}

/** Two faults together may leave what 64 bits hold: numbers come round again. */
function fitted<Members extends object>(members: Members): Members {
  const fit = ([name, value]: [string, unknown]) => [
    name,
    typeof value === 'bigint' ? BigInt.asUintN(64, value) : value,
  ]
  return Object.fromEntries(Object.entries(members).map(fit)) as Members
}

type Signing = Pick<Draft, 'publishers' | 'threshold' | 'signatures'>

function chooseSigners(random: Random, { signers, owner }: SignedFuzzList): Signing {
  if (random.chance(0.3)) {
    const own = signers.filter(({ party }) => party.address === owner.address)
    return { publishers: undefined, threshold: 1, signatures: own.map(({ signature }) => signature) }
  }
  const most = random.shuffled(signers).slice(0, random.between(1, signers.length))
  const threshold = random.between(1, most.length)
  const used = random.shuffled(most).slice(0, random.between(threshold, most.length))
  const signatures = signers.filter((each) => used.includes(each)).map(({ signature }) => signature)
  const publishers = signers.filter((each) => most.includes(each)).map(({ party }) => party)
  return { publishers, threshold, signatures }
}

type Stamping = Pick<Draft, 'stamp' | 'timestamper' | 'maxAge'>

/** A timestamp that is asked for, none, or one that nobody asked for. Without publishers there is no policy to name a timestamper. */
function chooseStamp(random: Random, { stamps }: SignedFuzzList, hasPolicy: boolean): Stamping {
  const { party, stamp } = random.pick(stamps)
  if (hasPolicy && random.chance(0.6)) {
    return { timestamper: party, stamp, maxAge: random.pick([3600, 86_400, 604_800, random.between(3600, 604_800)]) }
  }
  return { timestamper: undefined, maxAge: 0, stamp: random.chance(0.3) ? stamp : noStamp }
}

function chooseAuthority(random: Random, labels: readonly string[]): string {
  const depth = random.chance(0.6) ? 0 : random.between(0, labels.length - 2)
  return labels.slice(depth).join('.')
}

const skew = 300

/** Seconds at which list and timestamp are valid, often the first or the last. */
function chooseTime(random: Random, { header }: SignedFuzzList, { timestamper, stamp, maxAge }: Stamping): number {
  const first = Number(header.issuedAt) - skew
  const last = Number(header.expiresAt) - 1
  if (timestamper === undefined) return nearEnds(random, first, last)
  const [issuedAt, expiresAt] = [Number(stamp.issuedAt), Number(stamp.expiresAt)]
  return nearEnds(random, Math.max(first, issuedAt - skew), Math.min(last, issuedAt + maxAge, expiresAt - 1))
}
