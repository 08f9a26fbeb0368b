import type { Hex } from 'viem'
import { type Account, addressOf, alice, bob, carol, publishers } from './accounts.ts'
import { accept, type Case, refuse } from './cases.ts'
import { type Chain, floorOf, noOne, type Policy, policyOf } from './flat.ts'
import type { Made, Scenario, Signature } from './scenario.ts'
import { both, codeAnswers, magic, otherHashes, signatureForms } from './signature-forms.ts'

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
