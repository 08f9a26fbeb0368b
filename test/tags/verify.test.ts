import fc from 'fast-check'
import { type Hex, hashTypedData } from 'viem'
import { privateKeyToAccount } from 'viem/accounts'
import { describe, expect, test } from 'vitest'
import type { NameAuthority } from '../../gateway/tags/authority.ts'
import type { TagEntry } from '../../gateway/tags/entry.ts'
import {
  hashList,
  hashTimestamp,
  type ListHeader,
  NO_DELEGATIONS,
  type SignedList,
  ZERO_HASH,
} from '../../gateway/tags/list.ts'
import { Refusal } from '../../gateway/tags/refusal.ts'
import type { Proof, Slot } from '../../gateway/tags/tree.ts'
import {
  type NameMemory,
  verifyAgainstMemory,
  verifyList,
  verifyPublication,
  verifyStoredEntry,
  verifyTagProof,
  verifyWholeList,
} from '../../gateway/tags/verify.ts'
import { naiveKey, naiveLeaf, naiveLevels, naivePair, naiveProof, naivePublish, naiveRoot } from './naive.ts'
import { sampleEntry, sentinel } from './sample.ts'

const NOW = 1_800_000_000n
const DAY = 86_400n
const accounts = ['11', '22', '33', '44']
  .map((byte) => privateKeyToAccount(`0x${byte.repeat(32)}`))
  .sort((a, b) => (a.address.toLowerCase() < b.address.toLowerCase() ? -1 : 1))
const addresses = accounts.map((account) => account.address.toLowerCase() as Hex)
const [alice, bob, carol, timestamper] = addresses as [Hex, Hex, Hex, Hex]
const resolver: Hex = `0x${'c0'.repeat(20)}`
const node: Hex = `0x${'0d'.repeat(32)}`

const header: ListHeader = {
  name: 'web.acme.eth',
  node,
  owner: alice,
  epoch: 2n,
  version: 7n,
  previous: `0x${'0f'.repeat(32)}`,
  root: `0x${'0e'.repeat(32)}`,
  count: 3n,
  delegations: NO_DELEGATIONS,
  issuedAt: NOW - DAY,
  expiresAt: NOW + DAY,
}

const zeroSetUp: NameAuthority = {
  chainId: 1,
  resolver,
  ensName: 'web.acme.eth',
  node,
  blockNumber: 1n,
  blockTime: NOW,
  reachable: true,
  authorityName: 'acme.eth',
  owner: alice,
  policy: { publishers: [alice], threshold: 1, timestamper: null, maxAgeSeconds: 0 },
  epoch: 2n,
  minVersion: 0n,
  anchorVersion: 0n,
  anchorHash: ZERO_HASH,
  isRevoked: async () => false,
  askContract: async () => undefined,
}

const withPolicy = (fields: Partial<NameAuthority['policy']>, rest: Partial<NameAuthority> = {}): NameAuthority => ({
  ...zeroSetUp,
  ...rest,
  policy: { ...zeroSetUp.policy, ...fields },
})

/** Signed through viem's general typed data, not through the code under test's hash. */
async function signBy(list: ListHeader, signer: Hex): Promise<Hex> {
  const fields: [string, string][] = [
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
  ]
  const hash = hashTypedData({
    domain: { name: 'Mooring', version: '1', chainId: 1, verifyingContract: resolver },
    types: { TagList: fields.map(([name, type]) => ({ name, type })) },
    primaryType: 'TagList',
    message: list,
  })
  return accounts[addresses.indexOf(signer)]!.sign({ hash })
}

type Offer = Omit<SignedList, 'hash'>
async function offer(fields: Partial<ListHeader> = {}, signers: Hex[] = [alice], timestamp: Offer['timestamp'] = null) {
  const list = { ...header, ...fields }
  const signatures = await Promise.all(
    signers.map(async (signer) => ({ signer, signature: await signBy(list, signer) })),
  )
  return { list, signatures, timestamp }
}

async function reasonOf(work: () => unknown): Promise<string> {
  try {
    await work()
  } catch (error) {
    if (error instanceof Refusal) return error.reason
    throw error
  }
  return 'accepted'
}

const check = (signed: Offer, authority = zeroSetUp, localTime = NOW) =>
  reasonOf(() => verifyList(signed, authority, localTime))

describe('rows 2 to 6', () => {
  test('zero set-up: the owner alone signs; the hash is computed, not believed', async () => {
    const signed = await offer()
    expect(await verifyList(signed, zeroSetUp, NOW)).toBe(hashList({ chainId: 1, resolver }, signed.list))
  })

  test('row 2', async () => {
    const signed = await offer()
    expect(await check(signed)).toBe('accepted')
    expect(await check(signed, { ...zeroSetUp, reachable: false })).toBe('UnreachableName')
    expect(await check(signed, { ...zeroSetUp, owner: null })).toBe('NoOwner')
    expect(await check(signed, { ...zeroSetUp, owner: null, reachable: false })).toBe('UnreachableName')
  })

  test('row 3', async () => {
    expect(await check(await offer())).toBe('accepted')
    expect(await check(await offer({ node: ZERO_HASH }))).toBe('NodeMismatch')
    expect(await check(await offer({ name: 'acme.eth' }))).toBe('NodeMismatch')
    expect(await check(await offer({ owner: bob }, [alice]))).toBe('OwnerMismatch')
    expect(await check(await offer({ epoch: 1n }))).toBe('EpochMismatch')
    expect(await check(await offer({ epoch: 3n }))).toBe('EpochMismatch')
    expect(await check(await offer({ delegations: ZERO_HASH }))).toBe('UnsupportedDelegations')
  })

  test('row 4: floor and version window', async () => {
    for (const version of [1n, 2n ** 53n - 1n]) expect(await check(await offer({ version }))).toBe('accepted')
    for (const version of [0n, 2n ** 53n]) expect(await check(await offer({ version }))).toBe('Rollback')
    expect(await check(await offer(), { ...zeroSetUp, minVersion: 7n })).toBe('accepted')
    expect(await check(await offer(), { ...zeroSetUp, minVersion: 8n })).toBe('Rollback')
  })

  test('row 4: an anchored list needs no signature; another of that version is refused', async () => {
    const unsigned = await offer({}, [])
    const anchorHash = hashList({ chainId: 1, resolver }, unsigned.list)
    const anchored = { ...zeroSetUp, anchorVersion: 7n, anchorHash }
    expect(await check(unsigned, anchored)).toBe('accepted')
    expect(await check(unsigned)).toBe('ThresholdNotMet')
    expect(await check(await offer({ count: 4n }), anchored)).toBe('AnchorMismatch')
    expect(await check(await offer({ version: 8n }), anchored)).toBe('accepted')
    expect(await check(await offer({ version: 8n }, []), anchored)).toBe('ThresholdNotMet')
    const garbage = [{ signer: bob, signature: '0x12' as Hex }]
    expect(await check({ ...unsigned, signatures: garbage }, anchored)).toBe('accepted')
    expect(await check(await offer(), { ...zeroSetUp, anchorVersion: 7n, anchorHash: ZERO_HASH })).toBe('accepted')
  })

  test('row 5: expiry by the later clock, the future by the earlier', async () => {
    expect(await check(await offer({ issuedAt: NOW + 300n }))).toBe('accepted')
    expect(await check(await offer({ issuedAt: NOW + 301n }))).toBe('IssuedInFuture')
    expect(await check(await offer({ issuedAt: NOW + 300n }), zeroSetUp, NOW - 1n)).toBe('IssuedInFuture')
    expect(await check(await offer({ issuedAt: NOW + 300n }), zeroSetUp, NOW + 1n)).toBe('accepted')
    expect(await check(await offer({ expiresAt: NOW + 1n }))).toBe('accepted')
    expect(await check(await offer({ expiresAt: NOW }))).toBe('Expired')
    expect(await check(await offer({ expiresAt: NOW + 1n }), zeroSetUp, NOW + 1n)).toBe('Expired')
    expect(await check(await offer({ expiresAt: NOW + 1n }), zeroSetUp, NOW - 9n)).toBe('accepted')
    expect(await check(await offer({ expiresAt: NOW + 1n }), { ...zeroSetUp, blockTime: NOW + 1n })).toBe('Expired')
  })

  test('row 5: a lifetime of 1 s to 400 days', async () => {
    const from = { issuedAt: NOW }
    expect(await check(await offer({ ...from, expiresAt: NOW + 400n * DAY }))).toBe('accepted')
    expect(await check(await offer({ ...from, expiresAt: NOW + 400n * DAY + 1n }))).toBe('LifetimeTooLong')
    expect(await check(await offer({ issuedAt: NOW + 200n, expiresAt: NOW + 201n }))).toBe('accepted')
    expect(await check(await offer({ issuedAt: NOW + 200n, expiresAt: NOW + 200n }))).toBe('LifetimeTooLong')
    expect(await check(await offer({ issuedAt: NOW + 200n, expiresAt: NOW + 100n }))).toBe('LifetimeTooLong')
  })

  test('row 6: ascending, publisher, not revoked, valid, then the threshold', async () => {
    const two = withPolicy({ publishers: [alice, bob, carol], threshold: 2 })
    const good = await offer({}, [alice, carol])
    expect(await check(good, two)).toBe('accepted')
    expect(await check(await offer({}, [alice, bob, carol]), two)).toBe('accepted')
    expect(await check(await offer({}, [carol, alice]), two)).toBe('SignersNotAscending')
    expect(await check(await offer({}, [alice, alice]), two)).toBe('SignersNotAscending')
    expect(await check(await offer({}, [alice, timestamper].sort() as Hex[]), two)).toBe('NotPublisher')
    expect(await check(good, { ...two, isRevoked: async (key) => key === carol })).toBe('Revoked')
    expect(await check(await offer({}, [alice]), two)).toBe('ThresholdNotMet')
    expect(await check(await offer({}, []), two)).toBe('ThresholdNotMet')
    const [first, second] = good.signatures
    const swapped = [first!, { signer: second!.signer, signature: first!.signature }]
    expect(await check({ ...good, signatures: swapped }, two)).toBe('BadSignature')
    const zero = { signer: `0x${'00'.repeat(20)}` as Hex, signature: first!.signature }
    expect(await check({ ...good, signatures: [zero, ...good.signatures] }, two)).toBe('SignersNotAscending')
  })

  test('row 6: the first failure is the error, even when enough others are good', async () => {
    const two = withPolicy({ publishers: [alice, bob], threshold: 1 })
    const good = await offer({}, [alice, bob])
    expect(await check(good, two)).toBe('accepted')
    const broken = [{ signer: alice, signature: '0x' as Hex }, good.signatures[1]!]
    expect(await check({ ...good, signatures: broken }, two)).toBe('BadSignature')
    expect(await check({ ...good, signatures: broken }, { ...two, isRevoked: async () => true })).toBe('Revoked')
  })

  test('row 6: a contract account approves by ERC-1271', async () => {
    const signed = { ...(await offer({}, [])), signatures: [{ signer: alice, signature: '0x1234' as Hex }] }
    const answers = async () => `0x1626ba7e${'00'.repeat(28)}` as Hex
    expect(await check(signed, { ...zeroSetUp, askContract: answers })).toBe('accepted')
    expect(await check(signed)).toBe('BadSignature')
  })

  test('the rows come in their order', async () => {
    const faults: [string, Partial<ListHeader>, Partial<NameAuthority>][] = [
      ['UnreachableName', {}, { reachable: false }],
      ['OwnerMismatch', { owner: bob }, {}],
      ['EpochMismatch', { epoch: 9n }, {}],
      ['UnsupportedDelegations', { delegations: ZERO_HASH }, {}],
      ['Rollback', { version: 0n }, {}],
      ['IssuedInFuture', { issuedAt: NOW + 999n }, {}],
      ['Expired', { expiresAt: NOW - 1n }, {}],
      ['NotPublisher', {}, { policy: { ...zeroSetUp.policy, publishers: [bob] } }],
    ]
    for (let i = 0; i < faults.length; i++) {
      const rest = faults.slice(i)
      const fields = Object.assign({}, ...rest.map(([, list]) => list)) as Partial<ListHeader>
      const authority = { ...zeroSetUp, ...(Object.assign({}, ...rest.map(([, , chain]) => chain)) as object) }
      expect(await check(await offer(fields), authority)).toBe(rest[0]![0])
    }
  })
})

describe('row 7', () => {
  const fresh = withPolicy({ timestamper, maxAgeSeconds: 3600 })
  const at = async (issuedAt: bigint, expiresAt: bigint, by = timestamper, listFields: Partial<ListHeader> = {}) => {
    const list = hashList({ chainId: 1, resolver }, { ...header, ...listFields })
    const hash = hashTimestamp({ chainId: 1, resolver }, { node, epoch: 2n, version: 7n, list, issuedAt, expiresAt })
    return { issuedAt, expiresAt, signature: await accounts[addresses.indexOf(by)]!.sign({ hash }) }
  }
  const withTimestamp = async (timestamp: Offer['timestamp']) => offer({}, [alice], timestamp)

  test('fresh until maxAge, and until it expires', async () => {
    expect(await check(await withTimestamp(await at(NOW - 3600n, NOW + 1n)), fresh)).toBe('accepted')
    expect(await check(await withTimestamp(await at(NOW - 3601n, NOW + 1n)), fresh)).toBe('StaleTimestamp')
    expect(await check(await withTimestamp(await at(NOW - 10n, NOW)), fresh)).toBe('StaleTimestamp')
    expect(await check(await withTimestamp(await at(NOW - 3600n, NOW + 9n)), fresh, NOW + 1n)).toBe('StaleTimestamp')
    expect(await check(await withTimestamp(await at(NOW - 3600n, NOW + 500n * DAY)), fresh)).toBe('accepted')
  })

  test('not from the future', async () => {
    expect(await check(await withTimestamp(await at(NOW + 300n, NOW + DAY)), fresh)).toBe('accepted')
    expect(await check(await withTimestamp(await at(NOW + 301n, NOW + DAY)), fresh)).toBe('BadTimestamp')
  })

  test('signed by the timestamper, over this list, not revoked; none at all', async () => {
    const good = await at(NOW, NOW + DAY)
    expect(await check(await withTimestamp(good), fresh)).toBe('accepted')
    expect(await check(await withTimestamp(await at(NOW, NOW + DAY, bob)), fresh)).toBe('BadTimestamp')
    expect(await check(await withTimestamp(await at(NOW, NOW + DAY, timestamper, { count: 9n })), fresh)).toBe(
      'BadTimestamp',
    )
    expect(await check(await withTimestamp({ ...good, expiresAt: good.expiresAt + 1n }), fresh)).toBe('BadTimestamp')
    expect(await check(await withTimestamp(good), { ...fresh, isRevoked: async (key) => key === timestamper })).toBe(
      'BadTimestamp',
    )
    expect(await check(await withTimestamp(null), fresh)).toBe('BadTimestamp')
    expect(await check(await withTimestamp({ issuedAt: 0n, expiresAt: 0n, signature: '0x' }), fresh)).toBe(
      'BadTimestamp',
    )
  })

  test('BadTimestamp comes before StaleTimestamp, and a list is judged before its timestamp', async () => {
    const staleAndForged = await at(NOW - DAY, NOW - 1n, bob)
    expect(await check(await withTimestamp(staleAndForged), fresh)).toBe('BadTimestamp')
    expect(await check({ ...(await withTimestamp(staleAndForged)), signatures: [] }, fresh)).toBe('ThresholdNotMet')
  })

  test('a timestamp that no policy asks for is ignored; a publication needs none', async () => {
    expect(await check(await withTimestamp({ issuedAt: 1n, expiresAt: 1n, signature: '0x12' }))).toBe('accepted')
    expect(await reasonOf(async () => verifyPublication(await offer(), fresh, NOW))).toBe('accepted')
  })
})

describe('row 8', () => {
  const tags = ['a', 'ab', 'b', 'v1', 'v10', 'v2', 'z']
  const tombstone = sampleEntry('gone', { flags: 3 })
  const slots = naivePublish(
    [sentinel],
    [...tags.map((tag) => ({ tag, entry: sampleEntry(tag) })), { tag: 'gone', entry: tombstone }],
  )
  const list: ListHeader = { ...header, root: naiveRoot(slots), count: BigInt(slots.length) }
  const reason = (tag: string, proof: Proof, of = list) => reasonOf(() => verifyTagProof(of, tag, proof))

  test('present, absent, and a tombstone that reads as absent but is there', () => {
    for (const tag of tags) expect(verifyTagProof(list, tag, naiveProof(slots, tag))).toEqual(sampleEntry(tag))
    for (const tag of ['A', 'aa', 'abc', 'v', 'v11', 'zz', '_']) {
      expect(verifyTagProof(list, tag, naiveProof(slots, tag))).toBeUndefined()
      expect(verifyStoredEntry(list, tag, naiveProof(slots, tag))).toBeUndefined()
    }
    expect(verifyTagProof(list, 'gone', naiveProof(slots, 'gone'))).toBeUndefined()
    expect(verifyStoredEntry(list, 'gone', naiveProof(slots, 'gone'))).toEqual(tombstone)
  })

  test('a list of one slot proves every tag absent; one of none proves nothing', async () => {
    const empty = { ...header, root: naiveLeaf(sentinel), count: 1n }
    expect(verifyTagProof(empty, 'latest', { ...sentinel, path: [] })).toBeUndefined()
    expect(await reason('latest', { ...sentinel, path: [] }, { ...empty, count: 0n })).toBe('BadProof')
  })

  test('the proof of another slot proves nothing about a present tag', async () => {
    for (const tag of tags) {
      for (const slot of slots) {
        const proof = { ...slot, path: pathOf(slots, slot) }
        expect(await reason(tag, proof)).toBe(slot.key === naiveKey(tag) ? 'accepted' : 'BadProof')
      }
    }
  })

  test('every proof answers for exactly the keys it spans: absence at both ends, and of neighbours', async () => {
    const spanning = naiveProof(slots, 'aa')
    expect(await reason('aa', spanning)).toBe('accepted')
    expect(await reason('ab', spanning)).toBe('BadProof')
    expect(await reason('A', spanning)).toBe('BadProof')
    expect(await reason('zz', naiveProof(slots, 'z'))).toBe('accepted')
    expect(await reason('y', naiveProof(slots, 'z'))).toBe('BadProof')
    expect(await reason('0', naiveProof(slots, '0'))).toBe('accepted')
    expect(await reason('a', naiveProof(slots, '0'))).toBe('BadProof')
  })

  test('count outside 1..2^20 and a path of another length', async () => {
    const proof = naiveProof(slots, 'a')
    expect(await reason('a', proof)).toBe('accepted')
    for (const count of [0n, 1n, 8n, 17n, 2n ** 20n + 1n, 2n ** 32n + 9n, 2n ** 64n - 1n]) {
      expect(await reason('a', proof, { ...list, count })).toBe('BadProof')
    }
    expect(await reason('a', { ...proof, path: proof.path.slice(1) })).toBe('BadProof')
    expect(await reason('a', { ...proof, path: [...proof.path, ZERO_HASH] })).toBe('BadProof')
  })

  test('an inner node as a leaf, and a leaf as an inner node', async () => {
    const levels = naiveLevels(slots)
    const [left, right] = [levels[0]![0]!, levels[0]![1]!].sort() as [Hex, Hex]
    const preimage = `${left}${right.slice(2)}` as Hex
    for (const key of ['0x', `0x${preimage.slice(2, 6)}`] as Hex[]) {
      const posing = { key, nextKey: '0x' as Hex, value: preimage, path: levels.slice(1, -1).map((level) => level[1]!) }
      expect(await reason('latest', posing, { ...list, count: 5n })).toBe('BadProof')
    }
    const grown = { ...naiveProof(slots, 'a'), path: [levels[0]![1]!, ...naiveProof(slots, 'a').path.slice(1)] }
    expect(await reason('a', grown)).toBe('BadProof')
    expect(naivePair(left, right)).toBe(levels[1]![0])
  })

  test('keys re-cut: a length is never truncated into its byte', async () => {
    const shifted = (bytes: number): Proof => ({ ...naiveProof(slots, 'a'), nextKey: `0x${'41'.repeat(bytes)}` })
    for (const bytes of [130, 256, 257, 258]) expect(await reason('a', shifted(bytes))).toBe('BadProof')
  })

  test('every single changed nibble of a proof is refused, present and absent', async () => {
    const nibble = fc.record({
      tag: fc.constantFrom(...tags, 'aa', 'zz', '_'),
      part: fc.constantFrom('key', 'nextKey', 'value', 'path'),
      at: fc.nat(),
      flip: fc.integer({ min: 1, max: 15 }),
    })
    await fc.assert(
      fc.asyncProperty(nibble, async ({ tag, part, at, flip }) => {
        const proof = naiveProof(slots, tag)
        const forged = forge(proof, part as keyof Proof, at, flip)
        fc.pre(forged !== undefined)
        expect(await reason(tag, proof)).toBe('accepted')
        expect(await reason(tag, forged!)).toBe('BadProof')
      }),
      { numRuns: 1500 },
    )
  })

  test('bytes moved between key, nextKey and value are refused', async () => {
    const whole = (proof: Proof) => [proof.key, proof.nextKey, proof.value].map((hex) => hex.slice(2)).join('')
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...tags), fc.nat(40), fc.nat(40), async (tag, cut1, cut2) => {
        const proof = naiveProof(slots, tag)
        const text = whole(proof)
        const [a, b] = [2 * cut1, 2 * cut1 + 2 * cut2]
        const forged: Proof = {
          ...proof,
          key: `0x${text.slice(0, a)}`,
          nextKey: `0x${text.slice(a, b)}`,
          value: `0x${text.slice(b)}`,
        }
        fc.pre(forged.key !== proof.key || forged.nextKey !== proof.nextKey)
        expect(await reason(tag, forged)).toBe('BadProof')
      }),
      { numRuns: 500 },
    )
  })

  test('the limits of the entry asked for: InvalidEntry; what a spanning leaf holds is not looked at', async () => {
    const one = (fields: Partial<TagEntry>) => {
      const odd = naivePublish([sentinel], [{ tag: 'm', entry: { ...sampleEntry('m'), ...fields } }])
      return { odd, of: { ...list, root: naiveRoot(odd), count: 2n } }
    }
    const good = one({})
    expect(await reason('m', naiveProof(good.odd, 'm'), good.of)).toBe('accepted')
    for (const fields of [
      { size: 0 },
      { size: 4_194_305 },
      { flags: 2 },
      { flags: 4 },
      { updatedVersion: 0 },
      { updatedVersion: 8 },
      { mediaType: '' },
      { mediaType: 'a b' },
      { mediaType: 'a'.repeat(256) },
    ]) {
      const { odd, of } = one(fields)
      expect(await reason('m', naiveProof(odd, 'm'), of)).toBe('InvalidEntry')
      expect(await reason('n', naiveProof(odd, 'n'), of)).toBe('accepted')
    }
  })

  test('a tag outside the grammar: InvalidTag', async () => {
    expect(await reason('a', naiveProof(slots, 'a'))).toBe('accepted')
    expect(await reason('.a', naiveProof(slots, 'a'))).toBe('InvalidTag')
  })

  test("a whole list is well-formed and of the header's count and root", async () => {
    const whole = (of: ListHeader, given: readonly Slot[]) =>
      reasonOf(() => {
        for (const steps = verifyWholeList(of, given); !steps.next().done; );
      })
    expect(await whole(list, slots)).toBe('accepted')
    expect(await whole({ ...list, count: 8n }, slots)).toBe('MalformedList')
    expect(await whole({ ...list, root: ZERO_HASH }, slots)).toBe('MalformedList')
    expect(await whole(list, slots.slice(0, -1))).toBe('MalformedList')
    const moved = naivePublish(
      [sentinel],
      [...tags, 'gone'].map((tag) => ({ tag, entry: sampleEntry('x') })),
    )
    expect(await whole(list, moved)).toBe('MalformedList')
  })
})

function pathOf(slots: readonly Slot[], slot: Slot): Hex[] {
  let position = slots.indexOf(slot)
  return naiveLevels(slots)
    .slice(0, -1)
    .map((level) => {
      const sibling = level[position ^ 1]!
      position >>= 1
      return sibling
    })
}

function flipNibble(hex: Hex, at: number, flip: number): Hex {
  const place = 2 + (at % (hex.length - 2))
  const changed = (Number.parseInt(hex[place]!, 16) ^ flip).toString(16)
  return `${hex.slice(0, place)}${changed}${hex.slice(place + 1)}` as Hex
}

function forge(proof: Proof, part: keyof Proof, at: number, flip: number): Proof | undefined {
  if (part === 'path') {
    const i = at % proof.path.length
    return { ...proof, path: proof.path.map((hash, j) => (i === j ? flipNibble(hash, at, flip) : hash)) }
  }
  return proof[part] === '0x' ? undefined : { ...proof, [part]: flipNibble(proof[part], at, flip) }
}

describe('row 9', () => {
  const fixed = sampleEntry('fixed', { flags: 1 })
  const hash: Hex = `0x${'aa'.repeat(32)}`
  const memory: NameMemory = {
    owner: alice,
    epoch: 2n,
    version: 7n,
    hash,
    entries: new Map([
      ['fixed', fixed],
      ['free', sampleEntry('free')],
    ]),
  }
  const reason = (fields: Partial<ListHeader>, seen: Hex = hash, tag: string | null = null, stored?: TagEntry) =>
    reasonOf(() => verifyAgainstMemory(memory, { ...header, ...fields }, seen, tag, stored))

  test('no memory accepts anything', () => {
    expect(() => verifyAgainstMemory(null, header, hash, 'fixed', undefined)).not.toThrow()
  })

  test('owner, epoch and version, hash', async () => {
    const other: Hex = `0x${'bb'.repeat(32)}`
    expect(await reason({})).toBe('accepted')
    expect(await reason({ owner: bob })).toBe('OwnerChanged')
    expect(await reason({ owner: bob, version: 1n })).toBe('OwnerChanged')
    expect(await reason({ version: 6n })).toBe('Rollback')
    expect(await reason({ epoch: 1n, version: 99n })).toBe('Rollback')
    expect(await reason({ epoch: 3n, version: 1n }, other)).toBe('accepted')
    expect(await reason({ version: 8n }, other)).toBe('accepted')
    expect(await reason({}, other)).toBe('Equivocation')
  })

  test('an immutable entry keeps digest, size, media type and flags; reference and updatedVersion may change', async () => {
    const now = (fields: Partial<TagEntry> | null, tag = 'fixed', list: Partial<ListHeader> = { version: 8n }) =>
      reason(list, hash, tag, fields === null ? undefined : { ...fixed, ...fields })
    expect(await now({})).toBe('accepted')
    expect(await now({ swarmReference: hash, updatedVersion: 8 })).toBe('accepted')
    expect(await now({ flags: 3 })).toBe('accepted')
    expect(await now({ digest: sampleEntry('moved').digest })).toBe('ImmutableChanged')
    expect(await now({ size: 1 })).toBe('ImmutableChanged')
    expect(await now({ mediaType: 'a/b' })).toBe('ImmutableChanged')
    expect(await now({ flags: 0 })).toBe('ImmutableChanged')
    expect(await now(null)).toBe('ImmutableChanged')
    expect(await now({ size: 1 }, 'free')).toBe('accepted')
    expect(await now(null, 'free')).toBe('accepted')
    expect(await now(null, 'never seen')).toBe('accepted')
    expect(await now(null, 'fixed', { epoch: 3n, version: 1n })).toBe('accepted')
  })
})
