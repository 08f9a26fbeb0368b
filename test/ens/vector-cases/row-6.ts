import { concat, type Hex, hashMessage, hashStruct, numberToHex, pad, slice, stringToHex } from 'viem'
import { type Account, addressOf, alice, bob, carol, publishers } from './accounts.ts'
import { accept, type Case, refuse } from './cases.ts'
import { type Chain, floorOf, noOne, otherResolver, type Policy, policyOf } from './flat.ts'
import { hashList, type Made, type Scenario, type Signature } from './scenario.ts'

/** Row 6: anchored, or signed by enough publishers; one loop checks each signature in turn. */
export async function rowSix(): Promise<Case[]> {
  const cases = await Promise.all([
    ...order(),
    ...publisherRules(),
    ...revocations(),
    ...signatureForms(),
    ...otherHashes(),
    ...codeAnswers(),
    ...thresholds(),
    ...anchoredLists(),
  ])
  return cases.flat()
}

const web = ['web', 'acme', 'eth']
const [first, second, third] = publishers as [Account, Account, Account]

function policy(signers: readonly { address: Hex }[], more: Partial<Policy> = {}) {
  return (chain: Chain) => {
    chain.policies.push(policyOf(signers, more))
  }
}

function order() {
  const two = { signers: [first, second], chain: policy([first, second], { threshold: 2 }) }
  const zeroFirst = (plain: Signature[]) => [{ signer: noOne, signature: plain[0]?.signature ?? '0x' }, ...plain]
  const no = (name: string, faulty: Scenario, twin: Scenario) =>
    refuse(6, 'SignersNotAscending', name, { ...twin, ...faulty }, twin)
  return [
    no('signers descending', { signers: [second, first] }, two),
    no('one signer twice', { signers: [first, first] }, two),
    no('one signer twice behind enough', { signers: [first, second, second] }, two),
    no('owner twice without a policy', { signers: [alice, alice] }, {}),
    no(
      'third signer below the second',
      { signers: [first, third, second] },
      { signers: [first, second, third], chain: policy(publishers.slice(0, 3), { threshold: 3 }) },
    ),
    no('zero address as the only signer', { signatures: (plain) => zeroFirst(plain).slice(0, 1) }, {}),
    no('zero address in front of the owner', { signatures: zeroFirst }, {}),
  ]
}

function publisherRules() {
  const no = (name: string, faulty: Scenario, twin: Scenario = {}) =>
    refuse(6, 'NotPublisher', name, { ...twin, ...faulty }, twin)
  const team = policy([first, second])
  return [
    no('signed by somebody else, without a policy', { signers: [bob] }),
    no('signed by somebody else beside the owner', {
      signers: [alice, bob].toSorted((a, b) => (a.address < b.address ? -1 : 1)),
    }),
    no('signed by the owner, whom the policy does not name', { signers: [alice] }, { signers: [first], chain: team }),
    no('signed by a publisher who left', { signers: [third] }, { signers: [second], chain: team }),
    no(
      'a stranger beside enough publishers',
      { signers: [first, second, third] },
      { signers: [first, second], chain: team },
    ),
    no(
      'publisher of a former owner',
      { signers: [first], chain: policy([first], { owner: bob.address }) },
      { signers: [alice] },
    ),
    no(
      'publisher of another name of the owner',
      { signers: [first], chain: policy([first], { name: 'other.eth' }) },
      { signers: [alice] },
    ),
    no(
      'publisher of the parent for a registered subname of the same owner',
      {
        labels: web,
        signers: [first],
        chain: (chain) => {
          chain.owners.push({ name: 'web.acme.eth', owner: alice.address })
          policy([first])(chain)
        },
      },
      { labels: web, signers: [first], chain: policy([first]) },
    ),
    no(
      'publisher of an unregistered subname, which is no authority',
      { labels: web, signers: [first], chain: policy([first], { name: 'web.acme.eth' }) },
      { labels: web, signers: [alice], chain: policy([first], { name: 'web.acme.eth' }) },
    ),
    no(
      'list for a registered subname signed by the owner of the parent',
      {
        labels: web,
        signers: [alice],
      },
      {
        labels: web,
        signers: [bob],
        header: { owner: bob.address },
        chain: (chain) => chain.owners.push({ name: 'web.acme.eth', owner: bob.address }),
      },
    ),
    no('ninth key beside eight publishers', { signers: [carol] }, { signers: [first], chain: policy(publishers) }),
  ]
}

function revokes(key: Hex, more: { owner?: Hex; name?: string } = {}) {
  return (chain: Chain) => {
    chain.revoked.push({ owner: alice.address, name: 'acme.eth', key, ...more })
  }
}

function both(...hooks: ((chain: Chain) => void)[]) {
  return (chain: Chain) => {
    for (const hook of hooks) hook(chain)
  }
}

function revocations() {
  const team = policy([first, second])
  const wallet = addressOf('wallet')
  const coded: Scenario = {
    signatures: () => [{ signer: wallet, signature: '0x01' }],
    chain: both(policy([{ address: wallet }]), (chain) => chain.code.push({ address: wallet, returns: magic })),
  }
  const no = (name: string, faulty: Scenario, twin: Scenario) =>
    refuse(6, 'Revoked', name, { ...twin, ...faulty }, twin)
  return [
    no('owner revoked her own key', { chain: revokes(alice.address) }, { chain: revokes(bob.address) }),
    no(
      'revoked publisher',
      { chain: both(team, revokes(first.address)) },
      { signers: [first], chain: both(team, revokes(second.address)) },
    ),
    no(
      'revoked publisher beside enough others',
      { signers: [first, second] },
      { signers: [second], chain: both(team, revokes(first.address)) },
    ),
    no(
      'revoked for the authority of an unregistered subname',
      { chain: revokes(alice.address) },
      { labels: web, chain: revokes(alice.address, { name: 'web.acme.eth' }) },
    ),
    no('revoked contract account', { chain: both(coded.chain as (chain: Chain) => void, revokes(wallet)) }, coded),
    no(
      'revoked by the present owner',
      { chain: revokes(alice.address) },
      { chain: revokes(alice.address, { owner: bob.address }) },
    ),
    no(
      'revoked for this name',
      { chain: revokes(alice.address) },
      { chain: revokes(alice.address, { name: 'other.eth' }) },
    ),
    no(
      'revoked in an earlier epoch: it survives a reset',
      {
        header: { epoch: 4n },
        chain: both(revokes(alice.address), (chain) => chain.epochs.push({ name: 'acme.eth', epoch: 4 })),
      },
      { header: { epoch: 4n }, chain: (chain) => chain.epochs.push({ name: 'acme.eth', epoch: 4 }) },
    ),
  ]
}

const curveOrder = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141n

type Change = (signature: Hex) => Hex

function parts(signature: Hex): { r: Hex; s: Hex; v: number } {
  return { r: slice(signature, 0, 32), s: slice(signature, 32, 64), v: Number(slice(signature, 64)) }
}

function join(r: Hex, s: Hex, v: number): Hex {
  return concat([r, s, numberToHex(v, { size: 1 })])
}

/** The other signature of the same key over the same hash. */
const highS: Change = (signature) => {
  const { r, s, v } = parts(signature)
  return join(r, numberToHex(curveOrder - BigInt(s), { size: 32 }), 55 - v)
}

/** ERC-2098: 64 bytes, the parity in the top bit of s. */
const compact: Change = (signature) => {
  const { r, s, v } = parts(signature)
  return concat([r, numberToHex(BigInt(s) | (BigInt(v - 27) << 255n), { size: 32 })])
}

/** ERC-6492: factory, its call and the signature, then a magic word. */
const wrapped6492: Change = (signature) =>
  concat([
    pad(noOne),
    pad('0x60'),
    pad('0x80'),
    pad('0x'),
    pad('0x41'),
    signature,
    pad('0x', { size: 31 }),
    `0x${'6492'.repeat(16)}`,
  ])

function signatureForms() {
  const forms: [string, Change][] = [
    ['empty signature', () => '0x'],
    ['signature of 64 bytes, cut', (signature) => slice(signature, 0, 64)],
    ['signature of 66 bytes', (signature) => concat([signature, '0x00'])],
    ['signature of 65 zero bytes', () => `0x${'00'.repeat(65)}`],
    ['compact signature of ERC-2098', compact],
    ['signature wrapped as ERC-6492 says', wrapped6492],
    ['high s', highS],
    ['v is 0 or 1', (signature) => join(parts(signature).r, parts(signature).s, parts(signature).v - 27)],
    ['v is 29', (signature) => join(parts(signature).r, parts(signature).s, 29)],
    ['v is the other one', (signature) => join(parts(signature).r, parts(signature).s, 55 - parts(signature).v)],
    ['v of EIP-155', (signature) => join(parts(signature).r, parts(signature).s, parts(signature).v + 10)],
    ['r is zero', (signature) => join(pad('0x'), parts(signature).s, parts(signature).v)],
    ['s is zero', (signature) => join(parts(signature).r, pad('0x'), parts(signature).v)],
    [
      'r is the order of the curve',
      (signature) => join(numberToHex(curveOrder), parts(signature).s, parts(signature).v),
    ],
    [
      's is the order of the curve',
      (signature) => join(parts(signature).r, numberToHex(curveOrder), parts(signature).v),
    ],
    ['all bits of r are set', (signature) => join(`0x${'ff'.repeat(32)}`, parts(signature).s, parts(signature).v)],
    ['v in front of r and s', (signature) => concat([slice(signature, 64), slice(signature, 0, 64)])],
    ['one bit of r is wrong', (signature) => flipBit(signature, 31)],
    ['one bit of s is wrong', (signature) => flipBit(signature, 63)],
  ]
  const changed = (change: Change): Scenario => ({
    signatures: (plain) => plain.map(({ signer, signature }) => ({ signer, signature: change(signature) })),
  })
  const twoPublishers: Scenario = { signers: [first, second], chain: policy([first, second]) }
  const lastBroken: Scenario = {
    ...twoPublishers,
    signatures: (plain) =>
      plain.map(({ signer, signature }, i) => ({ signer, signature: i === 1 ? highS(signature) : signature })),
  }
  const swapped: Scenario = {
    ...twoPublishers,
    signatures: ([a, b]) =>
      a && b
        ? [
            { ...a, signature: b.signature },
            { ...b, signature: a.signature },
          ]
        : [],
  }
  return [
    ...forms.map(([name, change]) => refuse(6, 'BadSignature', name, changed(change))),
    refuse(6, 'BadSignature', 'second signature is bad and the first reaches the threshold', lastBroken, twoPublishers),
    refuse(6, 'BadSignature', 'two signatures under the wrong signers', swapped, twoPublishers),
  ]
}

function flipBit(signature: Hex, at: number): Hex {
  const byte = numberToHex(Number(slice(signature, at, at + 1)) ^ 1, { size: 1 })
  return concat([slice(signature, 0, at), byte, slice(signature, at + 1)])
}

/** The owner signed something else. */
function otherHashes() {
  const signed = (hash: (made: Made) => Hex): Scenario => ({
    signatures: async (_, made) => [{ signer: alice.address, signature: await alice.sign(hash(made)) }],
  })
  const domains: [string, Scenario][] = [
    ['signed for another chain', { domain: { chainId: 1 } }],
    ['signed for another resolver', { domain: { verifyingContract: otherResolver } }],
    ['signed for another program', { domain: { name: 'Moorings' } }],
    ['signed for another version of the format', { domain: { version: '2' } }],
    ['signed for the name of the parent', { labels: web, signedName: 'acme.eth' }],
    ['signed for the name in upper case', { signedName: 'ACME.eth' }],
    ['signed for the name with a final dot', { signedName: 'acme.eth.' }],
    ['signed without a name', { signedName: '' }],
  ]
  const hashes: [string, (made: Made) => Hex][] = [
    ['another root was signed', ({ name, node, header }) => hashList(name, node, { ...header, root: pad('0x01') })],
    [
      'another count was signed',
      ({ name, node, header }) => hashList(name, node, { ...header, count: header.count + 1n }),
    ],
    ['another version was signed', ({ name, node, header }) => hashList(name, node, { ...header, version: 6n })],
    ['another epoch was signed', ({ name, node, header }) => hashList(name, node, { ...header, epoch: 1n })],
    ['another owner was signed', ({ name, node, header }) => hashList(name, node, { ...header, owner: bob.address })],
    [
      'another previous was signed',
      ({ name, node, header }) => hashList(name, node, { ...header, previous: pad('0x') }),
    ],
    [
      'another expiresAt was signed',
      ({ name, node, header }) => hashList(name, node, { ...header, expiresAt: header.expiresAt - 1n }),
    ],
    [
      'another issuedAt was signed',
      ({ name, node, header }) => hashList(name, node, { ...header, issuedAt: header.issuedAt + 1n }),
    ],
    ['another node was signed', ({ name, header }) => hashList(name, pad('0x01'), header)],
    ['the root alone was signed', ({ header }) => header.root],
    ['the list hash was signed as a personal message', ({ hash }) => hashMessage({ raw: hash })],
    ['the struct hash was signed without the domain', structHash],
  ]
  return [
    ...domains.map(([name, faulty]) =>
      refuse(6, 'BadSignature', name, faulty, faulty.labels ? { labels: faulty.labels } : {}),
    ),
    ...hashes.map(([name, hash]) => refuse(6, 'BadSignature', name, signed(hash))),
  ]
}

function structHash({ name, node, header }: Made): Hex {
  const fields = ['name:string', 'node:bytes32', 'owner:address', 'epoch:uint64', 'version:uint64', 'previous:bytes32']
  const more = ['root:bytes32', 'count:uint64', 'delegations:bytes32', 'issuedAt:uint64', 'expiresAt:uint64']
  const types = {
    TagList: [...fields, ...more].map((field) => ({
      name: field.split(':')[0] as string,
      type: field.split(':')[1] as string,
    })),
  }
  return hashStruct({ data: { name, node, ...header }, primaryType: 'TagList', types })
}

const magic: Hex = pad('0x1626ba7e', { dir: 'right' })

/** What `isValidSignature` returns (ERC-1271) where ECDSA does not hold. */
function codeAnswers() {
  const wallet = addressOf('wallet')
  const answering = (returns: Hex | null, signature: Hex = '0x'): Scenario => ({
    signatures: () => [{ signer: wallet, signature }],
    chain: both(policy([{ address: wallet }]), (chain) => chain.code.push({ address: wallet, returns })),
  })
  const good = answering(magic)
  const junk: [string, Hex | null][] = [
    ['code that reverts', null],
    ['code that returns nothing', '0x'],
    ['code that returns the magic in 4 bytes', '0x1626ba7e'],
    ['code that returns 31 bytes of the magic word', slice(magic, 0, 31)],
    ['code that returns the magic to the right', pad('0x1626ba7e')],
    ['code that returns the magic and then junk in one word', concat(['0x1626ba7e', `0x${'11'.repeat(28)}`])],
    ['code that returns the magic with its last bit set', concat([slice(magic, 0, 31), '0x01'])],
    ['code that returns true', pad('0x01')],
    ['code that returns zero', pad('0x')],
    ['code that returns all bits', `0x${'ff'.repeat(32)}`],
    ['code that returns the magic in the second word', concat([pad('0x'), magic])],
    ['code that returns the magic of another call', pad('0x20c13b0b', { dir: 'right' })],
  ]
  return [
    ...junk.map(([name, returns]) => refuse(6, 'BadSignature', name, answering(returns), good)),
    refuse(
      6,
      'BadSignature',
      'account without code',
      { signatures: () => [{ signer: wallet, signature: '0x' }], chain: policy([{ address: wallet }]) },
      good,
    ),
    refuse(
      6,
      'BadSignature',
      'code of another account',
      {
        ...good,
        chain: both(policy([{ address: wallet }]), (chain) =>
          chain.code.push({ address: bob.address, returns: magic }),
        ),
      },
      good,
    ),
    accept(6, 'code that returns the magic and a word of junk', answering(concat([magic, `0x${'11'.repeat(32)}`]))),
    accept(6, 'code that returns the magic and a byte more', answering(concat([magic, '0x00']))),
    accept(6, 'code that returns the magic and 4 KiB of junk', answering(concat([magic, `0x${'22'.repeat(4096)}`]))),
    accept(6, 'code that approves an ECDSA signature in its own form', answering(magic, `0x${'5a'.repeat(65)}`)),
    accept(6, 'ECDSA signature of an account whose code says no', {
      chain: (chain) => chain.code.push({ address: alice.address, returns: pad('0x') }),
    }),
    accept(6, 'ECDSA signature of an account whose code reverts', {
      chain: (chain) => chain.code.push({ address: alice.address, returns: null }),
    }),
    accept(6, 'code of a keyed account approves what its key did not sign', {
      signatures: () => [{ signer: alice.address, signature: stringToHex('approved') }],
      chain: (chain) => chain.code.push({ address: alice.address, returns: magic }),
    }),
    accept(6, 'owner is a contract', {
      header: { owner: wallet },
      signatures: () => [{ signer: wallet, signature: '0x1234' }],
      chain: (chain) => {
        chain.owners = [{ name: 'acme.eth', owner: wallet }]
        chain.code.push({ address: wallet, returns: magic })
      },
    }),
  ]
}

function thresholds() {
  const no = (name: string, faulty: Scenario, twin: Scenario = {}) =>
    refuse(6, 'ThresholdNotMet', name, { ...twin, ...faulty }, twin)
  const of = (threshold: number, count: number): Scenario => ({
    signers: publishers.slice(0, threshold),
    chain: policy(publishers.slice(0, count), { threshold }),
  })
  return [
    no('no signature, without a policy', { signers: [] }),
    no('no signature under a policy', { signers: [] }, of(1, 1)),
    no('one signature of two', { signers: [first] }, of(2, 2)),
    no('one signature of two, the second publisher', { signers: [second] }, of(2, 2)),
    no('one signature where two of three are wanted', { signers: [third] }, of(2, 3)),
    no('two signatures where three of five are wanted', { signers: [first, third] }, of(3, 5)),
    no('seven signatures of eight', { signers: publishers.slice(1) }, of(8, 8)),
    no('no signature for an unregistered subname', { signers: [] }, { labels: web }),
    accept(6, 'more signatures than the threshold', { ...of(2, 4), signers: publishers.slice(0, 4) }),
    accept(6, 'one of eight publishers, the last', { signers: publishers.slice(7), chain: policy(publishers) }),
    accept(6, 'two of eight publishers, first and last', {
      signers: [publishers[0], publishers[7]] as Account[],
      chain: policy(publishers, { threshold: 2 }),
    }),
  ]
}

/** At the anchored version and hash no signature is looked at. */
function anchoredLists() {
  const anchor =
    (version: number) =>
    (chain: Chain, { hash }: Made) => {
      chain.floors.push(floorOf({ minVersion: version, anchorVersion: version, anchorHash: hash }))
    }
  const unsigned: Scenario = { signers: [], header: { version: 7n } }
  return [
    refuse(
      6,
      'ThresholdNotMet',
      'unsigned list where only an older version is anchored',
      { ...unsigned, chain: anchor(6) },
      { ...unsigned, chain: anchor(7) },
    ),
    refuse(
      6,
      'ThresholdNotMet',
      'unsigned list that a former owner anchored',
      {
        ...unsigned,
        chain: (chain, made) =>
          chain.floors.push(floorOf({ owner: bob.address, anchorVersion: 7, anchorHash: made.hash })),
      },
      { ...unsigned, chain: anchor(7) },
    ),
    refuse(
      6,
      'ThresholdNotMet',
      'unsigned list anchored in another epoch',
      {
        ...unsigned,
        chain: (chain, made) => chain.floors.push(floorOf({ epoch: 1, anchorVersion: 7, anchorHash: made.hash })),
      },
      { ...unsigned, chain: anchor(7) },
    ),
    refuse(
      6,
      'ThresholdNotMet',
      'unsigned list anchored under another name',
      {
        ...unsigned,
        chain: (chain, made) =>
          chain.floors.push(floorOf({ name: 'web.acme.eth', anchorVersion: 7, anchorHash: made.hash })),
      },
      { ...unsigned, chain: anchor(7) },
    ),
    accept(6, 'anchored list with the signature of a stranger', { ...unsigned, signers: [bob], chain: anchor(7) }),
    accept(6, 'anchored list with a broken signature', {
      ...unsigned,
      signatures: () => [{ signer: alice.address, signature: '0x00' }],
      chain: anchor(7),
    }),
    accept(6, 'anchored list with descending signers', { ...unsigned, signers: [second, first], chain: anchor(7) }),
    accept(6, 'anchored list of an owner who revoked her key', {
      ...unsigned,
      chain: (chain, made) => {
        anchor(7)(chain, made)
        revokes(alice.address)(chain)
      },
    }),
    accept(6, 'anchored list under a threshold of two', {
      ...unsigned,
      chain: (chain, made) => {
        anchor(7)(chain, made)
        policy([first, second], { threshold: 2 })(chain)
      },
    }),
  ]
}
