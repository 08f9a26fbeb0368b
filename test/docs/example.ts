import { concatHex, domainSeparator, type Hex, keccak256, stringToHex } from 'viem'
import { sign } from 'viem/accounts'
import { encodeGetter, encodeResponse, encodeTagLookup, gatewayUrlTemplates } from '../../gateway/ens/lookup.ts'
import { encodeDnsName, nodeOf } from '../../gateway/ens/name.ts'
import { encodeResult } from '../../gateway/ens/result.ts'
import { encodeTagKey, type TagEntry } from '../../gateway/tags/entry.ts'
import {
  hashList,
  hashRevocation,
  hashTimestamp,
  type ListHeader,
  NO_DELEGATIONS,
  structHashOfList,
  structHashOfRevocation,
  structHashOfTimestamp,
  ZERO_HASH,
} from '../../gateway/tags/list.ts'
import {
  createMemoryTree,
  hashLeaf,
  hashPair,
  planChanges,
  proveKey,
  SENTINEL,
  type Slot,
} from '../../gateway/tags/tree.ts'
import { addressOf, testKeys } from '../fixtures.ts'

/** The worked example of docs/ensip-oci-tags.md: what goes in. The key is the well-known first one of development chains. */
export const example = {
  name: 'acme.eth',
  domain: { chainId: 31337, resolver: '0x4d6f6f72696e6700000000000000000000000001' },
  key: testKeys.owner,
  owner: addressOf(testKeys.owner),
  issuedAt: 1_800_000_000n,
  expiresAt: 1_807_776_000n,
  timestamp: { issuedAt: 1_800_003_600n, expiresAt: 1_800_090_000n },
  present: 'latest',
  absent: '2.0',
} as const

/** EIP-712's domain, as a wallet is given it. */
export const typedDomain = {
  name: 'Mooring',
  version: '1',
  chainId: example.domain.chainId,
  verifyingContract: example.domain.resolver,
} as const

const mediaType = 'application/vnd.oci.image.index.v1+json'

/** The two tags, as their publisher knows them. */
export const exampleEntries: Readonly<Record<string, TagEntry>> = {
  '1.0': entryOf('11', 1234, `0x${'5a'.repeat(32)}`, 1),
  latest: entryOf('22', 548, `0x${'00'.repeat(32)}`, 0),
}

function entryOf(digestByte: string, size: number, swarmReference: Hex, flags: number): TagEntry {
  const digest = `sha256:${digestByte.repeat(32)}` as const
  return { digest, size, mediaType, swarmReference, updatedVersion: 1, flags }
}

const tagListType =
  'TagList(string name,bytes32 node,address owner,uint64 epoch,uint64 version,bytes32 previous,bytes32 root,uint64 count,bytes32 delegations,uint64 issuedAt,uint64 expiresAt)'

/** Every number of the example by its name on the page, in the order of the page, computed with the gateway's own code. */
export async function computeExample(): Promise<Map<string, string>> {
  const { slots, root, proofs } = await buildTree()
  const leaves = slots.map(hashLeaf)
  const [sentinel = ZERO_HASH, first = ZERO_HASH, second = ZERO_HASH] = leaves
  const list = headerOf(root, BigInt(slots.length))
  const hash = hashList(example.domain, list)
  const signature = await signHash(hash)
  const signed = { list, signatures: [{ signer: example.owner, signature }], timestamp: null }
  const callData = encodeTagLookup(example.name, example.present, 'text')
  const entry = exampleEntries[example.present]
  const resultOf = (getter: 'text' | 'data', found: TagEntry | undefined) =>
    encodeResult({ multicall: false, records: [{ kind: 'tag', getter, tag: example.present }] }, list, [found])
  return new Map([
    ...nameNumbers(),
    ...slotNumbers(slots),
    ['leaf 1 bytes', leafBytes(slots[1] ?? SENTINEL)],
    ['leaf 0', sentinel],
    ['leaf 1', first],
    ['leaf 2', second],
    ['leaf 3', ZERO_HASH],
    ['inner 0 1', hashPair(sentinel, first)],
    ['inner 2 3', hashPair(second, ZERO_HASH)],
    ['root', root],
    ['TagList type hash', keccak256(stringToHex(tagListType))],
    ['domain separator', domainSeparator({ domain: typedDomain })],
    ['list struct hash', structHashOfList(list)],
    ['list hash', hash],
    ['list signature', signature],
    ['call of text', encodeGetter(example.name, `oci-tag[${example.present}]`, 'text')],
    ['callData', callData],
    ['gateway path', gatewayUrlTemplates('', example.domain.chainId, example.domain.resolver).get],
    ['response for latest', encodeResponse(signed, [proofs.present])],
    ['result of text', resultOf('text', entry)],
    ['result of data', resultOf('data', entry)],
    ['callData for 2.0', encodeTagLookup(example.name, example.absent, 'text')],
    ['response for 2.0', encodeResponse(signed, [proofs.absent])],
    ['result for 2.0', resultOf('text', undefined)],
    ...(await statementNumbers(list, hash)),
  ])
}

async function buildTree() {
  const changes = Object.entries(exampleEntries).map(([tag, entry]) => ({ tag, entry }))
  const empty = createMemoryTree([SENTINEL])
  const { root, slots: written } = await planChanges(empty, changes, 1n)
  const slots = [...written].sort(([a], [b]) => a - b).map(([, slot]) => slot as Slot)
  const tree = createMemoryTree(slots)
  const proofs = {
    present: await proveKey(tree, encodeTagKey(example.present)),
    absent: await proveKey(tree, encodeTagKey(example.absent)),
  }
  return { slots, root, proofs }
}

function headerOf(root: Hex, count: bigint): ListHeader {
  const { name, owner, issuedAt, expiresAt } = example
  const line = { name, node: nodeOf(name), owner, epoch: 0n, version: 1n, previous: ZERO_HASH }
  return { ...line, root, count, delegations: NO_DELEGATIONS, issuedAt, expiresAt }
}

function nameNumbers(): [string, string][] {
  return [
    ['DNS-encoded name', encodeDnsName(example.name)],
    ['node', nodeOf(example.name)],
  ]
}

function slotNumbers(slots: readonly Slot[]): [string, string][] {
  return slots.slice(1).flatMap(({ key, nextKey, value }, position): [string, string][] => [
    [`key ${position + 1}`, key],
    [`nextKey ${position + 1}`, nextKey === '0x' ? 'empty' : nextKey],
    [`value ${position + 1}`, value],
  ])
}

async function statementNumbers(list: ListHeader, hash: Hex): Promise<[string, string][]> {
  const { node, epoch, version, owner } = list
  const timestamp = { node, epoch, version, list: hash, ...example.timestamp }
  const revocation = { node, owner, key: owner }
  return [
    ['Timestamp struct hash', structHashOfTimestamp(timestamp)],
    ['Timestamp hash', hashTimestamp(example.domain, timestamp)],
    ['Timestamp signature', await signHash(hashTimestamp(example.domain, timestamp))],
    ['Revocation struct hash', structHashOfRevocation(revocation)],
    ['Revocation hash', hashRevocation(example.domain, revocation)],
    ['Revocation signature', await signHash(hashRevocation(example.domain, revocation))],
  ]
}

function signHash(hash: Hex): Promise<Hex> {
  return sign({ hash, privateKey: example.key, to: 'hex' })
}

/** A leaf's bytes before they are hashed. */
function leafBytes({ key, nextKey, value }: Slot): Hex {
  const length = (hex: Hex): Hex => `0x${((hex.length - 2) / 2).toString(16).padStart(2, '0')}`
  return concatHex([length(key), key, length(nextKey), nextKey, value])
}
