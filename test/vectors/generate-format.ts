/**
 * Writes tree.json, list.json and signature.json beside this file (docs/vectors.md): `npx tsx test/vectors/generate-format.ts`.
 * Expected values come from test/tags/naive.ts and from viem's general functions, never from the code under test. A change of these
 * files is a change of the format.
 *
 * `ops` of tree.json: a case named "one publish: ..." applies all of them in one publish (removals, updates, additions, each by
 * ascending key); every other case is one publish per op, in the order given.
 */
import { writeFileSync } from 'node:fs'
import { encodeAbiParameters, hashStruct, hashTypedData, type Hex, keccak256, recoverAddress, sha256, stringToHex } from 'viem'
import { namehash } from 'viem/ens'
import { privateKeyToAddress, sign } from 'viem/accounts'
import type { TagEntry } from '../../gateway/tags/entry.ts'
import type { Slot, TagChange } from '../../gateway/tags/tree.ts'
import { naiveKey, naiveProof, naivePublish, naiveRoot } from '../tags/naive.ts'

const hashOf = (title: string) => keccak256(stringToHex(`mooring format vectors: ${title}`))
const addressOf = (title: string): Hex => `0x${hashOf(title).slice(26)}`
const zeroWord: Hex = `0x${'00'.repeat(32)}`

function write(file: string, cases: readonly object[]): void {
  const text = cases.map((each) => JSON.stringify(each)).join(',\n')
  writeFileSync(new URL(file, import.meta.url), `[\n${text}\n]\n`)
}

// tree.json

type Op = { put: [string, TagEntry] } | { delete: string }

const entry = (seed: string, fields: Partial<TagEntry> = {}): TagEntry => ({
  digest: `sha256:${sha256(stringToHex(seed)).slice(2)}`,
  size: 1000 + seed.length,
  mediaType: 'application/vnd.oci.image.manifest.v1+json',
  swarmReference: zeroWord,
  updatedVersion: 1,
  flags: 0,
  ...fields,
})
const put = (tag: string, fields: Partial<TagEntry> = {}, seed = tag): Op => ({ put: [tag, entry(seed, fields)] })
const remove = (tag: string): Op => ({ delete: tag })
const changeOf = (op: Op): TagChange => ('put' in op ? { tag: op.put[0], entry: op.put[1] } : { tag: op.delete, entry: null })
const sentinel: Slot = { key: '0x', nextKey: '0x', value: '0x' }

function treeCase(name: string, ops: Op[], tags: string[] = []) {
  const changes = ops.map(changeOf)
  const atOnce = name.startsWith('one publish: ')
  const slots = (atOnce ? [changes] : changes.map((each) => [each])).reduce(naivePublish, [sentinel])
  const asked = [...new Set([...ops.map(changeOf).map(({ tag }) => tag).slice(0, 6), 'absent', ...tags])]
  const proofs = asked.map((tag) => {
    const { key, nextKey, value, path } = naiveProof(slots, tag)
    return { tag, present: key === naiveKey(tag), key, nextKey, value, path }
  })
  return { name, ops, slots, count: slots.length, root: naiveRoot(slots), proofs }
}

const numbered = (count: number) => Array.from({ length: count - 1 }, (_, i) => put(`v${i}`))
const longest = (letter: string) => letter.repeat(128)

const treeCases = [
  treeCase('no tag: the sentinel alone, its leaf is the root', []),
  ...[2, 3, 4, 5, 7, 8, 9, 16, 17, 33].map((count) => treeCase(`one by one: ${count} slots`, numbered(count), ['v', 'v00', 'w'])),
  ...[2, 3, 4, 5, 9].map((count) => treeCase(`one publish: ${count} slots`, numbered(count).reverse())),
  treeCase('one publish: additions by ascending key, whatever order they are given in', ['c', 'a', 'b'].map((tag) => put(tag))),
  treeCase('one by one: the slots keep the order of the additions', ['c', 'a', 'b'].map((tag) => put(tag))),
  treeCase('a prefix sorts first', ['ab', 'abc', 'a', 'a-', 'a.', 'a0'].map((tag) => put(tag)), ['aa', 'abb', 'abcd']),
  treeCase('keys compare as raw bytes: digits, capitals, underscore, small letters', ['b', '_', 'B', '0', 'A', 'a', '9'].map((tag) => put(tag)), ['C', 'Z']),
  treeCase('tags of 128 bytes, keys of 129', [put(longest('m')), put(longest('z'))], [longest('n'), longest('A'), 'z']),
  treeCase('tags of one byte', ['_', 'z', '0'].map((tag) => put(tag)), ['a', 'A']),
  treeCase('an update keeps its slot', [...numbered(5), put('v1', { updatedVersion: 2 }, 'moved')]),
  treeCase('an update that changes nothing but its version', [...numbered(4), put('v2', { updatedVersion: 2 })]),
  treeCase('removal of the only tag', [put('a'), remove('a')]),
  treeCase('removal of the last slot', [...['c', 'b', 'a'].map((tag) => put(tag)), remove('a')]),
  treeCase('removal of the first slot: the last one moves into the hole', [...['a', 'b', 'c', 'd'].map((tag) => put(tag)), remove('a')]),
  treeCase('removal of the predecessor of the last slot', [...['a', 'b', 'c'].map((tag) => put(tag)), remove('b')]),
  treeCase('removal whose predecessor is the last slot and moves', [...['b', 'c', 'a'].map((tag) => put(tag)), remove('b')]),
  treeCase('removal that makes the tree smaller: 5 slots to 4', [...numbered(5), remove('v1')], ['v1']),
  treeCase('removal that makes the tree smaller: 3 slots to 2', [...numbered(3), remove('v0')], ['v0']),
  treeCase('removal and the same tag again', [...numbered(4), remove('v0'), put('v0', { updatedVersion: 3 })]),
  treeCase('removal of everything, then one tag', [...numbered(5), ...[0, 1, 2, 3].map((i) => remove(`v${i}`)), put('new')]),
  treeCase('media types of one byte and of 255', [put('short', { mediaType: '!' }), put('long', { mediaType: `a/${'~'.repeat(253)}` })]),
  treeCase('sizes 1 and 4,194,304', [put('least', { size: 1 }), put('most', { size: 4_194_304 })]),
  treeCase('sha512', [put('a', { digest: `sha512:${sha256('0x01').slice(2)}${sha256('0x02').slice(2)}` })]),
  treeCase('a Swarm reference', [put('a', { swarmReference: hashOf('reference') })]),
  treeCase('immutable, and a tombstone: still a slot', [put('fixed', { flags: 1 }), put('gone', { flags: 3 })]),
  treeCase('updatedVersion up to 2^53 - 1', [put('a', { updatedVersion: 2 ** 53 - 1 })]),
]

// list.json

const types = {
  TagList: [
    ['name', 'string'],
    ['node', 'bytes32'],
    ['owner', 'address'],
    ['epoch', 'uint64'],
    ['version', 'uint64'],
    ['previous', 'bytes32'],
    ['root', 'bytes32'],
    ['count', 'uint64'],
    ['delegations', 'bytes32'],
    ['issuedAt', 'uint64'],
    ['expiresAt', 'uint64'],
  ],
  Timestamp: [
    ['node', 'bytes32'],
    ['epoch', 'uint64'],
    ['version', 'uint64'],
    ['list', 'bytes32'],
    ['issuedAt', 'uint64'],
    ['expiresAt', 'uint64'],
  ],
  Revocation: [
    ['node', 'bytes32'],
    ['owner', 'address'],
    ['key', 'address'],
  ],
}
type TypeName = keyof typeof types
const members: Record<TypeName, string> = { TagList: 'list', Timestamp: 'timestamp', Revocation: 'revocation' }

function hashCase(name: string, primaryType: TypeName, message: Record<string, unknown>, domain: { chainId?: number; resolver?: Hex } = {}) {
  const { chainId = 1, resolver = addressOf('resolver') } = domain
  const fields = { [primaryType]: types[primaryType].map(([field, type]) => ({ name: field!, type: type! })) }
  const eip712Domain = { name: 'Mooring', version: '1', chainId, verifyingContract: resolver }
  const structHash = hashStruct({ primaryType, types: fields, data: message })
  const hash = hashTypedData({ domain: eip712Domain, types: fields, primaryType, message } as Parameters<typeof hashTypedData>[0])
  return { name, chainId, resolver, [members[primaryType]]: message, structHash, hash }
}

const header = {
  name: 'web.acme.eth',
  node: namehash('web.acme.eth'),
  owner: addressOf('owner'),
  epoch: 3,
  version: 7,
  previous: hashOf('previous'),
  root: hashOf('root'),
  count: 42,
  delegations: keccak256('0x'),
  issuedAt: 1_800_000_000,
  expiresAt: 1_807_776_000,
}
const named = (name: string) => ({ ...header, name, node: namehash(name) })
const timestamp = { node: header.node, epoch: 3, version: 7, list: hashOf('list'), issuedAt: 1_800_000_000, expiresAt: 1_800_086_400 }
const revocation = { node: namehash('acme.eth'), owner: header.owner, key: addressOf('key') }

/** The same message with one member at a time changed: each is under the signature. */
function eachMember(title: string, primaryType: TypeName, message: Record<string, unknown>) {
  return Object.entries(message).map(([name, value]) => {
    const other = typeof value === 'number' ? value + 1 : name === 'name' ? 'web2.acme.eth' : `${String(value).slice(0, -1)}${String(value).endsWith('0') ? '1' : '0'}`
    return hashCase(`${title} with another ${name}`, primaryType, { ...message, [name]: other })
  })
}

const listCases = [
  hashCase('a list', 'TagList', header),
  hashCase('the first list of an epoch', 'TagList', { ...header, epoch: 0, version: 1, previous: zeroWord, count: 1 }),
  hashCase('the greatest version, count and epoch', 'TagList', { ...header, epoch: 2 ** 53 - 1, version: 2 ** 53 - 1, count: 1_048_576 }),
  hashCase('a name of two labels', 'TagList', named('acme.eth')),
  hashCase('a name of ten labels', 'TagList', named('a.b.c.d.e.f.g.h.acme.eth')),
  hashCase('a label of 63 bytes', 'TagList', named(`${'x'.repeat(63)}.eth`)),
  hashCase('another chain', 'TagList', header, { chainId: 31_337 }),
  hashCase('a chain id over 32 bits', 'TagList', header, { chainId: 2 ** 40 + 1 }),
  hashCase('another resolver', 'TagList', header, { resolver: addressOf('another resolver') }),
  ...eachMember('a list', 'TagList', header),
  hashCase('a timestamp', 'Timestamp', timestamp),
  hashCase('a timestamp on another chain', 'Timestamp', timestamp, { chainId: 5 }),
  ...eachMember('a timestamp', 'Timestamp', timestamp),
  hashCase('a revocation', 'Revocation', revocation),
  hashCase('a revocation for another resolver', 'Revocation', revocation, { resolver: addressOf('another resolver') }),
  ...eachMember('a revocation', 'Revocation', revocation),
]

// signature.json

const ORDER = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141n
const publisherKey = hashOf('publisher key')
const publisher = privateKeyToAddress(publisherKey).toLowerCase() as Hex
const wallet = addressOf('contract wallet')
const digest = hashOf('signed digest')
const word = (value: bigint) => value.toString(16).padStart(64, '0')
const magic = '1626ba7e'
const validWord: Hex = `0x${magic}${'00'.repeat(28)}`

type SignatureCase = { name: string; signer: Hex; hash: Hex; signature: Hex; code: { returns: Hex | null } | null; valid: boolean }

async function signatureCases(): Promise<SignatureCase[]> {
  const good = (await sign({ hash: digest, privateKey: publisherKey, to: 'hex' })) as Hex
  const r = good.slice(2, 66)
  const s = BigInt(`0x${good.slice(66, 130)}`)
  const v = good.slice(130)
  const otherV = v === '1b' ? '1c' : '1b'
  const recovery = v === '1b' ? 0n : 1n
  const assemble = (first: string, second: bigint, last: string): Hex => `0x${first}${word(second)}${last}`
  const compact: Hex = `0x${r}${word(s | (recovery << 255n))}`
  const wrapped: Hex = `${encodeAbiParameters([{ type: 'address' }, { type: 'bytes' }, { type: 'bytes' }], [addressOf('factory'), '0x', good])}${'6492'.repeat(16)}`
  const byKey = { signer: publisher, hash: digest, signature: good, code: null, valid: true }
  const byCode = { signer: wallet, hash: digest, signature: '0x1234' as Hex, code: { returns: validWord }, valid: true }
  const recovered = async (signature: Hex) => ({
    signer: (await recoverAddress({ hash: digest, signature })).toLowerCase() as Hex,
    signature,
  })
  const greatestS = await recovered(assemble(r, ORDER / 2n, v))
  const leastHighS = await recovered(assemble(r, ORDER / 2n + 1n, v))
  const pair = (name: string, accepted: Omit<SignatureCase, 'name'>, fault: Partial<SignatureCase>): SignatureCase[] => [
    { name, ...accepted, ...fault, valid: false },
    { name: `${name} (twin)`, ...accepted },
  ]
  const accepted = (name: string, fields: Omit<SignatureCase, 'name'>): SignatureCase => ({ name, ...fields })
  return [
    accepted('65 bytes r, s, v of the signer', byKey),
    accepted('contract: the magic word', byCode),
    accepted('contract: more than 32 bytes that begin with the magic word', { ...byCode, code: { returns: `${validWord}ff` } }),
    accepted('contract: an empty signature', { ...byCode, signature: '0x' }),
    accepted('contract: 8,192 bytes', { ...byCode, signature: `0x${'ab'.repeat(8192)}` }),
    accepted('contract: 65 bytes of another key, approved by code', { ...byCode, signature: good }),
    accepted('ECDSA first: an account with code that refuses', { ...byKey, code: { returns: zeroWord } }),
    accepted('ECDSA first: an account with code that reverts', { ...byKey, code: { returns: null } }),
    accepted('then code: an account whose high s its code approves', { ...byKey, signature: assemble(r, ORDER - s, otherV), code: { returns: validWord } }),
    ...pair('high s', byKey, { signature: assemble(r, ORDER - s, otherV) }),
    ...pair('s one above half the order', { ...byKey, ...greatestS }, leastHighS),
    ...pair('v 0 or 1', byKey, { signature: assemble(r, s, `0${recovery}`) }),
    ...pair('v 29', byKey, { signature: assemble(r, s, '1d') }),
    ...pair('v of the other parity', byKey, { signature: assemble(r, s, otherV) }),
    ...pair('v 37, as of EIP-155', byKey, { signature: assemble(r, s, (37n + recovery).toString(16)) }),
    ...pair('64 bytes, as of EIP-2098', byKey, { signature: compact }),
    ...pair('64 bytes, v cut off', byKey, { signature: good.slice(0, -2) as Hex }),
    ...pair('66 bytes', byKey, { signature: `${good}00` }),
    ...pair('no bytes', byKey, { signature: '0x' }),
    ...pair('wrapped as of ERC-6492', byKey, { signature: wrapped }),
    ...pair('another hash', byKey, { hash: hashOf('another digest') }),
    ...pair('another signer', byKey, { signer: addressOf('another signer') }),
    ...pair('r zero', byKey, { signature: assemble('00'.repeat(32), s, v) }),
    ...pair('s zero', byKey, { signature: assemble(r, 0n, v) }),
    ...pair('r not below the order', byKey, { signature: assemble(word(ORDER), s, v) }),
    ...pair('r that is no point', byKey, { signature: assemble(word(5n), s, v) }),
    ...pair('address(0), as ecrecover answers for r zero', byKey, { signer: `0x${'00'.repeat(20)}`, signature: assemble('00'.repeat(32), s, v) }),
    ...pair('contract: no code', byCode, { code: null }),
    ...pair('contract: reverts', byCode, { code: { returns: null } }),
    ...pair('contract: returns nothing', byCode, { code: { returns: '0x' } }),
    ...pair('contract: returns zero', byCode, { code: { returns: zeroWord } }),
    ...pair('contract: returns true', byCode, { code: { returns: `0x${word(1n)}` } }),
    ...pair('contract: returns the magic value in 4 bytes', byCode, { code: { returns: `0x${magic}` } }),
    ...pair('contract: returns the magic value in 31 bytes', byCode, { code: { returns: validWord.slice(0, -2) as Hex } }),
    ...pair('contract: returns the magic value at the right of the word', byCode, { code: { returns: `0x${'00'.repeat(28)}${magic}` } }),
    ...pair('contract: returns the magic value and a last bit', byCode, { code: { returns: `0x${magic}${'00'.repeat(27)}01` } }),
    ...pair('contract: returns the magic value in the second word', byCode, { code: { returns: `${zeroWord}${validWord.slice(2)}` } }),
  ]
}

write('tree.json', treeCases)
write('list.json', listCases)
write('signature.json', await signatureCases())
