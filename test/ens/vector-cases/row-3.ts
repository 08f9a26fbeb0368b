import { type Hex, keccak256, pad } from 'viem'
import { addressOf, bob, carol } from './accounts.ts'
import { accept, type Case, refuse } from './cases.ts'
import { type Chain, noOne, wrapper } from './flat.ts'
import type { Scenario } from './scenario.ts'

/** Row 3: the list is bound to the owner and epoch that the chain names, and has no delegations. */
export async function rowThree(): Promise<Case[]> {
  const cases = await Promise.all([...owners(), ...epochs(), ...delegations()])
  return cases.flat()
}

const web = ['web', 'acme', 'eth']

function owned(...owners: [string, Hex][]) {
  return (chain: Chain) => {
    chain.owners = owners.map(([name, owner]) => ({ name, owner }))
  }
}

function by(signer: typeof bob): Scenario {
  return { signers: [signer], header: { owner: signer.address } }
}

function owners() {
  const bobsWeb = owned(['acme.eth', carol.address], ['web.acme.eth', bob.address])
  const wrapped = (chain: Chain) => {
    owned(['acme.eth', wrapper])(chain)
    chain.wrapped = [{ name: 'acme.eth', owner: bob.address }]
  }
  const faults: [string, Scenario, Scenario][] = [
    ['list for an owner who is not the present one', { header: { owner: bob.address } }, {}],
    ['list for the zero address', { header: { owner: noOne } }, {}],
    ['list of a former owner, signed by him', by(carol), { ...by(bob), chain: owned(['acme.eth', bob.address]) }],
    [
      "parent owner's list for a registered subname",
      { labels: web, ...by(carol), chain: bobsWeb },
      { labels: web, ...by(bob), chain: bobsWeb },
    ],
    ["subname owner's list for the parent", { ...by(bob), chain: bobsWeb }, { ...by(carol), chain: bobsWeb }],
    [
      "registered middle name's owner is the authority",
      { labels: ['a', ...web], ...by(carol), chain: bobsWeb },
      { labels: ['a', ...web], ...by(bob), chain: bobsWeb },
    ],
    [
      'list for the wrapper of a wrapped name',
      { signers: [bob], header: { owner: wrapper }, chain: wrapped },
      { ...by(bob), chain: wrapped },
    ],
    ['list for a publisher who is not the owner', { header: { owner: addressOf('publisher') } }, {}],
  ]
  return faults.map(([name, faulty, twin]) => refuse(3, 'OwnerMismatch', name, faulty, twin))
}

function epochIs(epoch: number, name = 'acme.eth') {
  return (chain: Chain) => {
    chain.epochs.push({ name, epoch })
  }
}

function epochs() {
  const at = (epoch: bigint, chain: (chain: Chain) => void, labels?: string[]): Scenario => ({
    header: { epoch },
    chain,
    ...(labels && { labels }),
  })
  return [
    refuse(3, 'EpochMismatch', 'list of an epoch that was reset', at(0n, epochIs(1)), at(1n, epochIs(1))),
    refuse(3, 'EpochMismatch', 'list of an epoch to come', at(1n, epochIs(0)), at(0n, epochIs(0))),
    refuse(
      3,
      'EpochMismatch',
      'list of an epoch to come where none was begun',
      at(1n, () => {}),
      at(0n, () => {}),
    ),
    refuse(3, 'EpochMismatch', 'list of an old epoch of many', at(6n, epochIs(7)), at(7n, epochIs(7))),
    refuse(
      3,
      'EpochMismatch',
      "subname's list in its parent's epoch",
      at(3n, epochIs(3), web),
      at(0n, epochIs(3), web),
    ),
    refuse(
      3,
      'EpochMismatch',
      "parent's list in its subname's epoch",
      at(3n, epochIs(3, 'web.acme.eth')),
      at(0n, epochIs(3, 'web.acme.eth')),
    ),
    refuse(
      3,
      'EpochMismatch',
      'epoch of an unregistered subname was reset',
      at(0n, epochIs(2, 'web.acme.eth'), web),
      at(2n, epochIs(2, 'web.acme.eth'), web),
    ),
    refuse(3, 'EpochMismatch', 'epoch 2^64 - 1', at(2n ** 64n - 1n, epochIs(1)), at(1n, epochIs(1))),
    accept(3, 'the epoch is one counter across owners', {
      ...by(bob),
      header: { owner: bob.address, epoch: 5n },
      chain: (chain) => {
        owned(['acme.eth', bob.address])(chain)
        epochIs(5)(chain)
      },
    }),
  ]
}

function delegations() {
  const values: [string, Hex][] = [
    ['delegations are zero', pad('0x')],
    ['delegations are the hash of one zero byte', keccak256('0x00')],
    ['delegations are the hash of 32 zero bytes', keccak256(pad('0x'))],
    ['delegations are the hash of one that may be', keccak256(pad(bob.address))],
  ]
  return values.map(([name, delegations]) => refuse(3, 'UnsupportedDelegations', name, { header: { delegations } }))
}
