import { concat, type Hex, hashMessage, hashStruct, numberToHex, pad, slice, stringToHex } from 'viem'
import { type Account, addressOf, alice, bob, publishers } from './accounts.ts'
import { accept, refuse } from './cases.ts'
import { type Chain, noOne, otherResolver, policyOf } from './flat.ts'
import { hashList, type Made, type Scenario } from './scenario.ts'

const web = ['web', 'acme', 'eth']
const [first, second] = publishers as [Account, Account]

/** ERC-1271's answer for a valid signature. */
export const magic: Hex = pad('0x1626ba7e', { dir: 'right' })

function policy(signers: readonly { address: Hex }[]) {
  return (chain: Chain) => {
    chain.policies.push(policyOf(signers))
  }
}

/** Applies several changes to a chain. */
export function both(...hooks: ((chain: Chain) => void)[]) {
  return (chain: Chain) => {
    for (const hook of hooks) hook(chain)
  }
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

/** Bytes that are no signature by protocol 2.3. */
export function signatureForms() {
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
export function otherHashes() {
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

/** What `isValidSignature` returns (ERC-1271) where ECDSA does not hold. */
export function codeAnswers() {
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
