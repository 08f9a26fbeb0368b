import { bob } from './accounts.ts'
import { accept, type Case, refuse } from './cases.ts'
import { type Chain, day, grace, noOne, now, otherResolver, resolver, wrapper } from './flat.ts'
import type { Scenario } from './scenario.ts'

/** Row 2: the first resolver on the path is this contract, and the authority has an owner. */
export async function rowTwo(): Promise<Case[]> {
  const cases = await Promise.all([...unreachable(), ...unowned(), ...lapsed(), ...clocks()])
  return cases.flat()
}

const web = ['web', 'acme', 'eth']
const deep = ['a', 'b', 'web', 'acme', 'eth']

type ChainHook = (chain: Chain) => void

function resolversAre(...resolvers: [string, `0x${string}`][]): ChainHook {
  return (chain) => {
    chain.resolvers = resolvers.map(([name, address]) => ({ name, resolver: address }))
  }
}

function ownersAre(...owners: [string, `0x${string}`][]): ChainHook {
  return (chain) => {
    chain.owners = owners.map(([name, owner]) => ({ name, owner }))
  }
}

/** Alice owns acme.eth, whatever else. */
function besideAlice(...owners: [string, `0x${string}`][]): ChainHook {
  return (chain) => chain.owners.push(...owners.map(([name, owner]) => ({ name, owner })))
}

function wrappedAre(owner: `0x${string}` | undefined, ...names: string[]): ChainHook {
  return (chain) => {
    chain.owners = chain.owners.filter(({ name }) => !names.includes(name))
    chain.owners.push(...names.map((name) => ({ name, owner: wrapper })))
    if (owner !== undefined) chain.wrapped = names.map((name) => ({ name, owner }))
  }
}

function expires(name: string, expiresAt: number, also?: ChainHook): ChainHook {
  return (chain) => {
    chain.expiries = [{ name, expiresAt }]
    also?.(chain)
  }
}

function no(error: string, name: string, labels: string[], fault: ChainHook, twin: ChainHook, signer?: typeof bob) {
  const signed: Scenario = signer === undefined ? {} : { signers: [signer], header: { owner: signer.address } }
  return refuse(2, error, name, { labels, ...signed, chain: fault }, { labels, ...signed, chain: twin })
}

function unreachable() {
  const acme = ['acme', 'eth']
  const ours = resolversAre(['acme.eth', resolver])
  const cases: [string, string[], ChainHook, ChainHook][] = [
    ['no resolver on the path', acme, resolversAre(), ours],
    ['resolver is the zero address', acme, resolversAre(['acme.eth', noOne]), ours],
    ['resolver is another contract', acme, resolversAre(['acme.eth', otherResolver]), ours],
    [
      'only the top-level domain has a resolver and it is another',
      acme,
      resolversAre(['eth', otherResolver]),
      resolversAre(['eth', resolver]),
    ],
    ['no resolver on the path of a subname', web, resolversAre(), ours],
    [
      'subname has another resolver',
      web,
      resolversAre(['web.acme.eth', otherResolver], ['acme.eth', resolver]),
      resolversAre(['web.acme.eth', resolver], ['acme.eth', otherResolver]),
    ],
    [
      'parent of a subname has another resolver',
      web,
      resolversAre(['acme.eth', otherResolver]),
      resolversAre(['web.acme.eth', noOne], ['acme.eth', resolver]),
    ],
    [
      'a name in the middle has another resolver',
      deep,
      resolversAre(['web.acme.eth', otherResolver], ['acme.eth', resolver]),
      resolversAre(['web.acme.eth', resolver], ['acme.eth', otherResolver]),
    ],
    [
      'only a sibling has this resolver',
      web,
      resolversAre(['www.acme.eth', resolver]),
      resolversAre(['www.acme.eth', otherResolver], ['acme.eth', resolver]),
    ],
    [
      'only a name below has this resolver',
      acme,
      resolversAre(['web.acme.eth', resolver]),
      resolversAre(['web.acme.eth', otherResolver], ['acme.eth', resolver]),
    ],
    [
      'the other resolver stands above this one',
      acme,
      resolversAre(['acme.eth', otherResolver], ['eth', resolver]),
      resolversAre(['acme.eth', resolver], ['eth', otherResolver]),
    ],
  ]
  return cases.map(([name, labels, fault, twin]) => no('UnreachableName', name, labels, fault, twin))
}

function unowned() {
  const acme = ['acme', 'eth']
  const alicesOwn: ChainHook = () => {}
  return [
    no('NoOwner', 'no owner on the path', acme, ownersAre(), alicesOwn),
    no('NoOwner', 'owner is the zero address', acme, ownersAre(['acme.eth', noOne]), alicesOwn),
    no(
      'NoOwner',
      'only the top-level domain has an owner',
      acme,
      ownersAre(['eth', bob.address]),
      ownersAre(['acme.eth', bob.address], ['eth', otherResolver]),
      bob,
    ),
    no(
      'NoOwner',
      'only the top-level domain of a subname has an owner',
      web,
      ownersAre(['eth', bob.address]),
      ownersAre(['web.acme.eth', bob.address]),
      bob,
    ),
    no(
      'NoOwner',
      'only a sibling has an owner',
      web,
      ownersAre(['www.acme.eth', bob.address]),
      ownersAre(['acme.eth', bob.address]),
      bob,
    ),
    no(
      'NoOwner',
      'only a name below has an owner',
      acme,
      ownersAre(['web.acme.eth', bob.address]),
      ownersAre(['acme.eth', bob.address], ['web.acme.eth', otherResolver]),
      bob,
    ),
    no(
      'NoOwner',
      'wrapped name whose wrapper knows no owner',
      acme,
      wrappedAre(undefined, 'acme.eth'),
      wrappedAre(bob.address, 'acme.eth'),
      bob,
    ),
    no(
      'NoOwner',
      'wrapped name whose wrapped owner is the zero address',
      acme,
      wrappedAre(noOne, 'acme.eth'),
      wrappedAre(bob.address, 'acme.eth'),
      bob,
    ),
    no(
      'NoOwner',
      'wrapped parent of a subname has no wrapped owner',
      web,
      wrappedAre(noOne, 'acme.eth'),
      wrappedAre(bob.address, 'acme.eth'),
      bob,
    ),
    no(
      'NoOwner',
      'neither a wrapped subname nor its wrapped parent has a wrapped owner',
      web,
      wrappedAre(noOne, 'acme.eth', 'web.acme.eth'),
      wrappedAre(bob.address, 'acme.eth', 'web.acme.eth'),
      bob,
    ),
    no('NoOwner', 'no owner on the path of a name outside .eth', ['acme', 'com'], ownersAre(), alicesOwn),
    no(
      'NoOwner',
      'wrapped owner of a name that the registry gives to nobody',
      acme,
      (chain) => {
        chain.owners = []
        chain.wrapped = [{ name: 'acme.eth', owner: bob.address }]
      },
      wrappedAre(bob.address, 'acme.eth'),
      bob,
    ),
  ]
}

/** Past expiry and 90 days of grace a second-level name, and all below it, has no owner. */
function lapsed() {
  const last = now - grace
  const registered = besideAlice(['web.acme.eth', bob.address])
  const wrappedWeb = wrappedAre(bob.address, 'web.acme.eth')
  const both = (name: string, labels: string[], also?: ChainHook, signer?: typeof bob) =>
    no('NoOwner', name, labels, expires('acme.eth', last - 1, also), expires('acme.eth', last, also), signer)
  return [
    both('second-level name past its grace', ['acme', 'eth']),
    both('unregistered subname of a name past its grace', web),
    both('deep subname of a name past its grace', deep),
    both('registered subname of a name past its grace', web, registered, bob),
    both('wrapped subname of a name past its grace', web, wrappedWeb, bob),
    both('wrapped second-level name past its grace', ['acme', 'eth'], wrappedAre(bob.address, 'acme.eth'), bob),
    no(
      'NoOwner',
      'name that expired years ago',
      ['acme', 'eth'],
      expires('acme.eth', now - 1000 * day),
      expires('acme.eth', now - day),
    ),
    no(
      'NoOwner',
      'name that the registrar never registered',
      ['acme', 'eth'],
      expires('acme.eth', 0),
      expires('acme.eth', now),
    ),
  ]
}

/** Whether a name has lapsed is block time's word, in the verifier too. */
function clocks() {
  const lastDay: Scenario = { chain: expires('acme.eth', now - grace) }
  const past: Scenario = { chain: expires('acme.eth', now - grace - 1) }
  return [
    refuse(
      2,
      'NoOwner',
      'name past its grace by block time, not by the local clock',
      { ...past, localTime: now - 100 },
      { ...lastDay, localTime: now - 100 },
    ),
    accept(2, 'name past its grace by the local clock only', { ...lastDay, localTime: now + 200 }),
    accept(2, 'name outside .eth has no expiry', { labels: ['web', 'acme', 'com'] }),
    accept(2, 'eth as a second-level label has no expiry', { labels: ['acme', 'eth', 'com'] }),
    accept(2, 'expiry of a subname means nothing', {
      labels: web,
      chain: (chain) => chain.expiries.push({ name: 'web.acme.eth', expiresAt: 1 }),
    }),
  ]
}
