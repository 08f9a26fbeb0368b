import {
  type Address,
  encodeAbiParameters,
  type Hex,
  hashTypedData,
  keccak256,
  parseAbiParameters,
  stringToHex,
} from 'viem'
import { type Account, alice } from './accounts.ts'
import { type Chain, chainFor, chainId, day, type Memory, now, resolver } from './flat.ts'
import { type Entry, type Proof, proofOf, rootOf, type Slot, slotsOf, type Tagged, tagsOf } from './merkle.ts'
import { type Call, callsFor, encodeRequest, namehash, tagOf } from './request.ts'

export type Header = {
  owner: Address
  epoch: bigint
  version: bigint
  previous: Hex
  root: Hex
  count: bigint
  delegations: Hex
  issuedAt: bigint
  expiresAt: bigint
}
export type Signature = { signer: Address; signature: Hex }
export type Stamp = { issuedAt: bigint; expiresAt: bigint; signature: Hex }
export type Domain = { name: string; version: string; chainId: number; verifyingContract: Address }

/** What a gateway would send, part by part. */
export type Parts = { header: Header; signatures: Signature[]; stamp: Stamp; proofs: Proof[] }

/** What hooks may look at when they run. */
export type Made = { name: string; node: Hex; header: Header; hash: Hex; slots: Slot[] }

/** A case before it is built: everything left out is the plain accepted thing. Hooks run in the order they stand here. */
export type Scenario = {
  labels?: string[]
  /** What is asked; `['v1']` are tags, asked by text. */
  calls?: (string | Call)[]
  multicall?: boolean
  tags?: Tagged[]
  slots?: (slots: Slot[]) => Slot[]
  proofs?: (proofs: Proof[], slots: Slot[]) => Proof[]
  header?: Partial<Header> | ((header: Header, proofs: Proof[]) => Partial<Header>)
  domain?: Partial<Domain>
  signedName?: string
  signers?: Account[]
  signatures?: (signatures: Signature[], made: Made) => Signature[] | Promise<Signature[]>
  stamp?: (made: Made) => Stamp | Promise<Stamp>
  chain?: (chain: Chain, made: Made) => void
  localTime?: number
  memory?: (made: Made) => Memory
  encode?: (parts: Parts) => Hex
  response?: (response: Hex) => Hex
  request?: (request: Hex) => Hex
  wire?: Hex
}

export type Built = { chain: Chain; localTime: number; memory: Memory | null; request: Hex; response: Hex; ok: Hex }

const listTypes = {
  TagList: [
    { name: 'name', type: 'string' },
    { name: 'node', type: 'bytes32' },
    { name: 'owner', type: 'address' },
    { name: 'epoch', type: 'uint64' },
    { name: 'version', type: 'uint64' },
    { name: 'previous', type: 'bytes32' },
    { name: 'root', type: 'bytes32' },
    { name: 'count', type: 'uint64' },
    { name: 'delegations', type: 'bytes32' },
    { name: 'issuedAt', type: 'uint64' },
    { name: 'expiresAt', type: 'uint64' },
  ],
} as const

const timestampTypes = {
  Timestamp: [
    { name: 'node', type: 'bytes32' },
    { name: 'epoch', type: 'uint64' },
    { name: 'version', type: 'uint64' },
    { name: 'list', type: 'bytes32' },
    { name: 'issuedAt', type: 'uint64' },
    { name: 'expiresAt', type: 'uint64' },
  ],
} as const

const plainDomain: Domain = { name: 'Mooring', version: '1', chainId, verifyingContract: resolver }
export const noStamp: Stamp = { issuedAt: 0n, expiresAt: 0n, signature: '0x' }
export const plainName = ['acme', 'eth']
export const plainTags: Tagged[] = tagsOf('latest', 'v1', 'v2')

export function hashList(name: string, node: Hex, header: Header, domain: Partial<Domain> = {}): Hex {
  return hashTypedData({
    domain: { ...plainDomain, ...domain },
    types: listTypes,
    primaryType: 'TagList',
    message: { name, node, ...header },
  })
}

export type StampMessage = { node: Hex; epoch: bigint; version: bigint; list: Hex; issuedAt: bigint; expiresAt: bigint }

/** A timestamp over the list made; `more` changes what is signed and sent, `signed` only what is signed. */
export function stampBy(signer: Account, more: Partial<Stamp> = {}, signed: Partial<StampMessage> = {}) {
  return async ({ node, header, hash }: Made): Promise<Stamp> => {
    const times = { issuedAt: BigInt(now - 60), expiresAt: BigInt(now + day), ...more }
    const message = { node, epoch: header.epoch, version: header.version, list: hash, ...times, ...signed }
    const toSign = hashTypedData({ domain: plainDomain, types: timestampTypes, primaryType: 'Timestamp', message })
    return { ...times, signature: await signer.sign(toSign), ...more }
  }
}

function plainHeader(slots: readonly Slot[]): Header {
  return {
    owner: alice.address,
    epoch: 0n,
    version: 7n,
    previous: keccak256(stringToHex('the list before')),
    root: rootOf(slots),
    count: BigInt(slots.length),
    delegations: keccak256('0x'),
    issuedAt: BigInt(now - 1000),
    expiresAt: BigInt(now - 1000 + 90 * day),
  }
}

const answerParameters = parseAbiParameters([
  'Header header, Signature[] signatures, Stamp stamp, Proof[] proofs',
  'struct Header { address owner; uint64 epoch; uint64 version; bytes32 previous; bytes32 root; uint64 count; bytes32 delegations; uint64 issuedAt; uint64 expiresAt; }',
  'struct Signature { address signer; bytes signature; }',
  'struct Stamp { uint64 issuedAt; uint64 expiresAt; bytes signature; }',
  'struct Proof { bytes key; bytes nextKey; bytes value; bytes32[] path; }',
])

export function encodeParts({ header, signatures, stamp, proofs }: Parts): Hex {
  return encodeAbiParameters(answerParameters, [header, signatures, stamp, proofs])
}

export async function build(scenario: Scenario): Promise<Built> {
  const labels = scenario.labels ?? plainName
  const tags = scenario.tags ?? plainTags
  const calls = callsFor(scenario.calls ?? ['v1'])
  const slots = (scenario.slots ?? same)(slotsOf(tags))
  const asked = calls.flatMap((call) => tagOf(call) ?? [])
  const proofs = (scenario.proofs ?? same)(
    asked.map((tag) => proofOf(slots, tag)),
    slots,
  )
  const made = makeList(scenario, labels, slots, proofs)
  const signatures = await signList(scenario, made)
  const stamp = (await scenario.stamp?.(made)) ?? noStamp
  const chain = chainFor(labels)
  scenario.chain?.(chain, made)
  const response = (scenario.encode ?? encodeParts)({ header: made.header, signatures, stamp, proofs })
  const multicall = scenario.multicall ?? calls.length !== 1
  return {
    chain,
    localTime: scenario.localTime ?? chain.blockTime,
    memory: scenario.memory?.(made) ?? null,
    request: (scenario.request ?? same)(encodeRequest(labels, calls, multicall, scenario.wire)),
    response: (scenario.response ?? same)(response),
    ok: expectedResult(calls, multicall, tags, made.header, chain),
  }
}

function makeList(scenario: Scenario, labels: string[], slots: Slot[], proofs: Proof[]): Made {
  const plain = plainHeader(slots)
  const changed = typeof scenario.header === 'function' ? scenario.header(plain, proofs) : scenario.header
  const header = { ...plain, ...changed }
  const [name, node] = [labels.join('.'), namehash(labels)]
  const hash = hashList(scenario.signedName ?? name, node, header, scenario.domain)
  return { name, node, header, hash, slots }
}

async function signList(scenario: Scenario, made: Made): Promise<Signature[]> {
  const signers = scenario.signers ?? [alice]
  const plain = await Promise.all(
    signers.map(async ({ address, sign }) => ({ signer: address, signature: await sign(made.hash) })),
  )
  return (await scenario.signatures?.(plain, made)) ?? plain
}

/** What `resolve` returns by protocol 4, from what the list was made of. */
function expectedResult(calls: Call[], multicall: boolean, tags: Tagged[], header: Header, chain: Chain): Hex {
  const results = calls.map((call) => expectedRecord(call, tags, header, chain))
  return multicall ? encodeAbiParameters([{ type: 'bytes[]' }], [results]) : (results[0] as Hex)
}

function expectedRecord(call: Call, tags: Tagged[], header: Header, chain: Chain): Hex {
  if (call.getter === 'data' && !call.key.startsWith('oci-tag[')) return unknownData
  if (call.key === 'oci-version') return encodeString(header.version.toString())
  if (call.key === 'oci-root') return encodeString(header.root)
  if (call.key === 'oci-registry') return encodeString(chain.gateways?.flatMap(({ urls }) => urls).join(' ') ?? '')
  const entry = tags.find(({ tag }) => call.key === `oci-tag[${tag}]`)?.entry
  const present = entry !== undefined && (entry.flags & 2) === 0 ? entry : undefined
  if (call.getter === 'text') return encodeString(present?.digest ?? '')
  return encodeAbiParameters([{ type: 'bytes' }], [present === undefined ? '0x' : twinOf(present, header.version)])
}

/** `UnsupportedResolverProfile(bytes4)` for `data(bytes32,string)`: a public resolver does not know it. */
const unknownData: Hex = `0x7b1c461becbfada3${'00'.repeat(28)}`

function encodeString(text: string): Hex {
  return encodeAbiParameters([{ type: 'string' }], [text])
}

function twinOf(entry: Entry, version: bigint): Hex {
  return encodeAbiParameters(
    parseAbiParameters('string digest, uint64 size, string mediaType, bytes32 swarmReference, uint64 version'),
    [entry.digest, BigInt(entry.size), entry.mediaType, entry.swarmReference, version],
  )
}

function same<Value>(value: Value): Value {
  return value
}
