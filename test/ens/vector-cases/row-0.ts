import { concat, encodeAbiParameters, encodePacked, type Hex, numberToHex, pad, size, slice, stringToHex } from 'viem'
import { addressOf, ascending, publishers } from './accounts.ts'
import { type Case, type Endings, refuse } from './cases.ts'
import { type Chain, floorOf, policyOf } from './flat.ts'
import { entryOf, foldPath, keyOf, type Proof, proofAt, type Slot, tagsOf } from './merkle.ts'
import { dataOf, encodeInner, encodeMulticall, namehash, textOf } from './request.ts'
import { encodeParts, type Made, type Parts, plainTags, type Scenario } from './scenario.ts'

const limit: Endings = { contract: 'reverted' }
const meaningless: Endings = { contract: 'ignored' }
const magic: Hex = pad('0x1626ba7e', { dir: 'right' })

/** Row 0: the response decodes, within its limits, and is the canonical encoding. */
export async function rowZero(): Promise<Case[]> {
  const cases = await Promise.all([
    ...broken(),
    ...signatureLimits(),
    ...proofCounts(),
    ...proofLimits(),
    ...sizeLimits(),
    ...uncanonical(),
    ...calls(),
  ])
  return cases.flat()
}

function no(name: string, faulty: Scenario, twin: Scenario = {}, endings: Endings = limit): Promise<Case[]> {
  return refuse(0, 'BadResponse', name, { ...twin, ...faulty }, twin, endings)
}

/** Replaces the 32-byte word at a position of an encoding. */
function withWord(encoded: Hex, position: number, word: Hex): Hex {
  return concat([slice(encoded, 0, position * 32), pad(word), slice(encoded, position * 32 + 32)])
}

/** The head has nine words of the header, then the offsets of signatures, timestamp and proofs. */
const [signaturesOffset, stampOffset, proofsOffset] = [9, 10, 11]

function broken() {
  const far = numberToHex(2n ** 255n)
  const broken: [string, (response: Hex) => Hex][] = [
    ['empty response', () => '0x'],
    ['response of one zero word', () => pad('0x')],
    ['response ends inside the header', (response) => slice(response, 0, 8 * 32)],
    ['response ends behind the header', (response) => slice(response, 0, 9 * 32)],
    ['response ends inside the signatures', (response) => slice(response, 0, 15 * 32)],
    ['response lacks its last word', (response) => slice(response, 0, size(response) - 32)],
    ['response lacks its last byte', (response) => slice(response, 0, size(response) - 1)],
    ['offset of the signatures beyond the data', (response) => withWord(response, signaturesOffset, '0xffffffff')],
    ['offset of the signatures near 2^256', (response) => withWord(response, signaturesOffset, far)],
    ['offset of the timestamp beyond the data', (response) => withWord(response, stampOffset, '0xffffffff')],
    ['offset of the proofs beyond the data', (response) => withWord(response, proofsOffset, '0xffffffff')],
    ['offset of the proofs at 2^64', (response) => withWord(response, proofsOffset, numberToHex(2n ** 64n))],
    ['number of signatures is 2^64 - 1', (response) => withWord(response, 12, numberToHex(2n ** 64n - 1n))],
    [
      'an error string instead of a response',
      () => concat(['0x08c379a0', encodeAbiParameters([{ type: 'string' }], ['no'])]),
    ],
  ]
  return broken.map(([name, response]) => no(name, { response }))
}

function anchored(chain: Chain, { header, hash }: Made) {
  const version = Number(header.version)
  chain.floors.push(floorOf({ minVersion: version, anchorVersion: version, anchorHash: hash }))
}

function signedByCode(bytes: number): Scenario {
  const wallet = addressOf('wallet')
  return {
    signatures: () => [{ signer: wallet, signature: `0x${'5a'.repeat(bytes)}` }],
    chain: (chain) => {
      chain.policies.push(policyOf([{ address: wallet }]))
      chain.code.push({ address: wallet, returns: magic })
    },
  }
}

function stampedByCode(bytes: number): Scenario {
  const wallet = addressOf('clock wallet')
  return {
    stamp: ({ header }) => ({
      issuedAt: header.issuedAt,
      expiresAt: header.expiresAt,
      signature: `0x${'5b'.repeat(bytes)}`,
    }),
    chain: (chain, { header }) => {
      const owner = { address: header.owner }
      chain.policies.push(policyOf([owner], { timestamper: wallet, maxAge: 3600 }))
      chain.code.push({ address: wallet, returns: magic })
    },
  }
}

function strayStamp(bytes: number): Scenario {
  return { stamp: () => ({ issuedAt: 1n, expiresAt: 2n, signature: `0x${'5c'.repeat(bytes)}` }) }
}

function signatureLimits() {
  const junk = (count: number): Scenario => ({
    chain: anchored,
    signatures: () =>
      Array.from({ length: count }, (_, i) => ({ signer: addressOf(`signer ${i}`), signature: '0x5a' as const })),
  })
  const nine = ascending([...publishers]).slice(0, 8)
  const eightOfEight: Scenario = {
    signers: nine,
    chain: (chain) => chain.policies.push(policyOf(nine, { threshold: 8 })),
  }
  return [
    no('nine signatures under an anchored list', junk(9), junk(8)),
    no(
      'nine signatures where eight reach the threshold',
      { signatures: (plain) => [...plain, plain[7] as (typeof plain)[number]] },
      eightOfEight,
    ),
    no('signature of 8,193 bytes', signedByCode(8193), signedByCode(8192)),
    no('timestamp signature of 8,193 bytes', stampedByCode(8193), stampedByCode(8192)),
    no('signature of 8,193 bytes of a timestamp that no policy asks for', strayStamp(8193), strayStamp(8192)),
    no(
      'signature of 8,193 bytes under an anchored list',
      { signatures: () => [{ signer: addressOf('signer'), signature: `0x${'5a'.repeat(8193)}` }] },
      { ...junk(1), signatures: () => [{ signer: addressOf('signer'), signature: `0x${'5a'.repeat(8192)}` }] },
    ),
  ]
}

function proofCounts() {
  const twice = (proofs: Proof[]) => [...proofs, ...proofs]
  const none = () => []
  const first = (proofs: Proof[]) => proofs.slice(0, 1)
  const two: Scenario = { calls: ['v1', 'v2'] }
  const mixed: Scenario = { calls: ['v1', textOf('oci-version')] }
  return [
    no('no proof for an oci-tag call', { proofs: none }),
    no('two proofs for one oci-tag call', { proofs: twice }),
    no('one proof for two oci-tag calls', { proofs: first }, two),
    no('three proofs for two oci-tag calls', { proofs: (proofs) => [...proofs, ...first(proofs)] }, two),
    no('one proof for the same tag asked twice', { proofs: first }, { calls: ['v1', 'v1'] }),
    no('one proof for a tag asked by text and by data', { proofs: first }, { calls: ['v1', dataOf('v1')] }),
    no('a proof for a call of oci-version', { proofs: twice }, mixed),
    no(
      'a proof where no call is for a tag',
      { proofs: (_, slots) => [proofAt(slots, 1)] },
      { calls: [textOf('oci-root')] },
    ),
  ]
}

/** A slot at the bottom of a tree that nobody built: its path is made up and the root follows from it. */
function deep(hashes: number, count: bigint): Scenario {
  const path = Array.from({ length: hashes }, (_, height) => pad(numberToHex(height + 1)))
  return {
    proofs: (proofs) => proofs.map((proof) => ({ ...proof, path })),
    header: (_, proofs) => ({ root: foldPath(proofs[0] as Slot, path), count }),
  }
}

function longKeys(keyBytes: number, nextKeyBytes: number): Scenario {
  const key = concat(['0x0161', `0x${'00'.repeat(keyBytes - 2)}`])
  const nextKey = concat(['0x017a', `0x${'7a'.repeat(nextKeyBytes - 2)}`])
  const slot: Slot = { key, nextKey, value: '0x00' }
  return { calls: ['middle'], tags: [], slots: () => [slot], proofs: () => [{ ...slot, path: [] }] }
}

/** One present tag whose value is long enough to be cut again: its media type begins with the bytes given. */
function recut(start: string) {
  const mediaType = start.padEnd(255, '!')
  return [{ tag: 'latest', entry: entryOf('latest', { mediaType }) }, ...tagsOf('v1')]
}

/**
 * The leaf `length | key | length | nextKey | value` read again with a key (or next key) 256 bytes longer: in one byte its length
 * is the same. What it then says spans every tag behind.
 */
function recutKey(slots: Slot[]): Proof[] {
  const proof = proofAt(slots, 1)
  const tail = concat([numberToHex(size(proof.nextKey), { size: 1 }), proof.nextKey, proof.value])
  const key = concat([proof.key, slice(tail, 0, 256)])
  const nextLength = Number(slice(tail, 256, 257))
  return [{ ...proof, key, nextKey: slice(tail, 257, 257 + nextLength), value: slice(tail, 257 + nextLength) }]
}

function recutNextKey(slots: Slot[]): Proof[] {
  const proof = proofAt(slots, 1)
  const nextKey = concat([proof.nextKey, slice(proof.value, 0, 256)])
  return [{ ...proof, nextKey, value: slice(proof.value, 256) }]
}

function proofLimits() {
  const twoTags = recut('!')
  return [
    no('path of 21 hashes', deep(21, 2n ** 20n), deep(20, 2n ** 20n)),
    no('path of 21 hashes for a count above 2^20', deep(21, 2n ** 20n + 1n), deep(20, 2n ** 20n)),
    no('path of 256 hashes', deep(256, 2n ** 20n), deep(20, 2n ** 19n + 1n)),
    no('key of 130 bytes', longKeys(130, 129), longKeys(129, 129)),
    no('nextKey of 130 bytes', longKeys(129, 130), longKeys(129, 129)),
    no('key of 258 bytes, whose length is 2 in one byte', longKeys(258, 129), longKeys(129, 129)),
    no('leaf re-cut with a key 256 bytes longer', { proofs: (_, slots) => recutKey(slots) }, { tags: twoTags }),
    no(
      'leaf re-cut with a nextKey 256 bytes longer',
      { proofs: (_, slots) => recutNextKey(slots) },
      { tags: [...twoTags, ...tagsOf('v2')] },
    ),
  ]
}

/** An absence whose spanning leaf holds this many bytes of value: nobody looks at them, but they count. */
function absenceOver(valueBytes: number): Scenario {
  const slot: Slot = { key: keyOf('a'), nextKey: keyOf('z'), value: `0x${'00'.repeat(valueBytes)}` }
  return { calls: ['m'], tags: [], slots: () => [slot], proofs: () => [{ ...slot, path: [] }] }
}

function sizeLimits() {
  const maxBytes = 128 * 1024
  const { slots, proofs } = absenceOver(0)
  const empty = slots && proofs ? proofs([], []) : []
  const overhead = size(
    encodeParts({
      header: {
        owner: addressOf('nobody'),
        epoch: 0n,
        version: 1n,
        previous: pad('0x'),
        root: pad('0x'),
        count: 1n,
        delegations: pad('0x'),
        issuedAt: 0n,
        expiresAt: 1n,
      },
      signatures: [{ signer: addressOf('nobody'), signature: `0x${'00'.repeat(65)}` }],
      stamp: { issuedAt: 0n, expiresAt: 0n, signature: '0x' },
      proofs: empty,
    }),
  )
  const room = maxBytes - overhead
  return [
    no('response of 128 KiB and a word', absenceOver(room + 32), absenceOver(room)),
    no('response of 128 KiB and one byte', { response: (response) => concat([response, '0x00']) }, absenceOver(room)),
  ]
}

/** Encodes parts with the tails of signatures and timestamp the other way round: every offset is right. */
function swappedTails(parts: Parts): Hex {
  const plain = encodeParts(parts)
  const [from, middle, to] = [9, 10, 11].map((position) => Number(slice(plain, position * 32, position * 32 + 32)))
  if (from === undefined || middle === undefined || to === undefined) throw new Error('the head is three offsets')
  const head = withWord(withWord(plain, 9, numberToHex(from + to - middle)), 10, numberToHex(from))
  return concat([slice(head, 0, from), slice(plain, middle, to), slice(plain, from, middle), slice(plain, to)])
}

/** The last word of a tail moved a word further on, and its offset with it. */
function gapBeforeProofs(response: Hex): Hex {
  const offset = Number(slice(response, 11 * 32, 12 * 32))
  const moved = withWord(response, 11, numberToHex(offset + 32))
  return concat([slice(moved, 0, offset), pad('0x'), slice(moved, offset)])
}

/** Sets one bit in a word that must be zero there. */
function dirty(response: Hex, byte: number): Hex {
  return concat([slice(response, 0, byte), '0x01', slice(response, byte + 1)])
}

function uncanonical() {
  const soil = (byte: number) => ({ response: (response: Hex) => dirty(response, byte) })
  /** Behind the head: number, offset, signer, offset, length, 65 bytes. */
  const signatureFilling = (12 + 5) * 32 + 65
  const cases: [string, Scenario][] = [
    ['a word behind the end', { response: (response) => concat([response, pad('0x')]) }],
    ['a byte behind the end', { response: (response) => concat([response, '0x00']) }],
    ['junk behind the end', { response: (response) => concat([response, stringToHex('junk')]) }],
    ['tails in another order', { encode: swappedTails }],
    ['a gap between two tails', { response: gapBeforeProofs }],
    ['filling of a signature is not zero', soil(signatureFilling)],
    ['last byte of the filling of a signature is not zero', soil(signatureFilling + 30)],
    ['owner has bits above an address', soil(0)],
    ['signer has bits above an address', soil((12 + 2) * 32)],
    ['epoch has bits above 64', soil(1 * 32)],
    ['version has bits above 64', soil(2 * 32 + 23)],
    ['count has bits above 64', soil(5 * 32)],
    ['issuedAt has bits above 64', soil(7 * 32)],
    ['expiresAt has bits above 64', soil(8 * 32 + 23)],
  ]
  const filled = encodePacked(['bytes1'], ['0x2e'])
  const keyFilling: Scenario = {
    encode: (parts) => {
      const encoded = encodeParts(parts)
      const key = concat([pad(numberToHex(3)), pad(keyOf('v1'), { dir: 'right' })])
      const at = (encoded.indexOf(key.slice(2)) - 2) / 2
      return concat([slice(encoded, 0, at + 32 + 3), filled, slice(encoded, at + 32 + 4)])
    },
  }
  return [...cases, ['filling of a key is not zero', keyFilling] as const].map(([name, faulty]) =>
    no(name, faulty, {}, meaningless),
  )
}

function calls() {
  const tags = [...plainTags]
  const asked = (count: number): Scenario => ({ tags, calls: Array.from({ length: count }, (_, i) => `v${i + 1}`) })
  const version: Scenario = { calls: [textOf('oci-version')], multicall: true }
  const inner = concat(['0xac9650d8', namehash(['acme', 'eth']), pad('0x')])
  const nested: Scenario = { request: () => encodeInner(['acme', 'eth'], encodeMulticall([inner])) }
  return [no('multicall of 33 calls', asked(33), asked(32)), no('multicall inside a multicall', nested, version)]
}
