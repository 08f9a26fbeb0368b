import { keccak256, stringToHex } from 'viem'
import { bob } from './accounts.ts'
import { accept, type Case, type Endings, refuse } from './cases.ts'
import type { Memory } from './flat.ts'
import { type Entry, entryOf, type Tagged, tagsOf } from './merkle.ts'
import { dataOf, textOf } from './request.ts'
import type { Made, Scenario } from './scenario.ts'

/** Row 9: what a verifier saw before. The contract has no memory and accepts. */
export async function rowNine(): Promise<Case[]> {
  const cases = await Promise.all([...lists(), ...entries(), ...allowed()])
  return cases.flat()
}

const verifierOnly: Endings = { contract: 'accepted' }

/** A verifier that saw this very list, but for `more`. */
function saw(more: Partial<Memory> | ((made: Made) => Partial<Memory>) = {}): (made: Made) => Memory {
  return (made) => ({
    owner: made.header.owner,
    epoch: Number(made.header.epoch),
    version: Number(made.header.version),
    hash: made.hash,
    entries: [],
    ...(typeof more === 'function' ? more(made) : more),
  })
}

const otherHash = keccak256(stringToHex('another list'))
const before = { version: 6, hash: otherHash }

function no(error: string, name: string, faulty: Scenario, twin: Scenario) {
  return refuse(9, error, name, { ...twin, ...faulty }, twin, verifierOnly)
}

function lists() {
  const seen: Scenario = { memory: saw(before) }
  const epochTwo: Scenario = {
    header: { epoch: 2n },
    chain: (chain) => chain.epochs.push({ name: 'acme.eth', epoch: 2 }),
  }
  return [
    no('OwnerChanged', 'another owner than the one seen', { memory: saw({ ...before, owner: bob.address }) }, seen),
    no(
      'OwnerChanged',
      'another owner in a later epoch',
      { memory: saw({ ...before, epoch: 1, owner: bob.address }) },
      { ...epochTwo, memory: saw({ ...before, epoch: 1 }) },
    ),
    no(
      'OwnerChanged',
      'another owner, and no tag asked',
      { memory: saw({ ...before, owner: bob.address }) },
      { ...seen, calls: [textOf('oci-version')] },
    ),
    no('Rollback', 'version below the one seen', { memory: saw({ version: 8, hash: otherHash }) }, seen),
    no(
      'Rollback',
      'version far below the one seen',
      { memory: saw({ version: 2 ** 53 - 1, hash: otherHash }) },
      { memory: saw({ version: 1, hash: otherHash }) },
    ),
    no(
      'Rollback',
      'version below the one seen, and no tag asked',
      { memory: saw({ version: 8, hash: otherHash }) },
      { ...seen, calls: [textOf('oci-root')] },
    ),
    no(
      'Rollback',
      'epoch below the one seen',
      { memory: saw({ epoch: 3, version: 1, hash: otherHash }) },
      { ...epochTwo, memory: saw({ epoch: 1, version: 100, hash: otherHash }) },
    ),
    no(
      'Rollback',
      'version below the one seen in the same later epoch',
      { memory: saw({ version: 8, hash: otherHash }) },
      { ...epochTwo, memory: saw({ version: 6, hash: otherHash }) },
    ),
    no('Equivocation', 'another list of the version seen', { memory: saw({ hash: otherHash }) }, { memory: saw() }),
    no(
      'Equivocation',
      'another list of the version seen, and no tag asked',
      { memory: saw({ hash: otherHash }) },
      { memory: saw(), calls: [textOf('oci-version')] },
    ),
    no(
      'Equivocation',
      'another list of the version seen in a later epoch',
      { memory: saw({ hash: otherHash }) },
      { ...epochTwo, memory: saw() },
    ),
  ]
}

/** The list holds `now`; the verifier remembers `then`, both under the tag v1. */
function moved(then: Partial<Entry>, now: Partial<Entry>, more: Scenario = {}): Scenario {
  return { ...holding([{ tag: 'v1', entry: entryOf('v1', now) }]), ...remembering(then), ...more }
}

function holding(tags: Tagged[]): Scenario {
  return { tags: [...tags, ...tagsOf('v2')] }
}

function remembering(then: Partial<Entry>, more: Partial<Memory> = {}): Scenario {
  return { memory: saw({ ...before, entries: [{ tag: 'v1', ...entryOf('v1', then) }], ...more }) }
}

const other = entryOf('another')

function entries() {
  const immutable = { flags: 1 }
  const kept = moved(immutable, { ...immutable, updatedVersion: 7, swarmReference: other.swarmReference })
  const cases: [string, Scenario, Scenario][] = [
    ['digest of an immutable tag', moved(immutable, { ...immutable, digest: other.digest }), kept],
    [
      'digest of an immutable tag, to sha512',
      moved(immutable, { ...immutable, digest: `sha512:${'cd'.repeat(64)}` }),
      kept,
    ],
    ['size of an immutable tag', moved(immutable, { ...immutable, size: 2 }), kept],
    ['media type of an immutable tag', moved(immutable, { ...immutable, mediaType: 'text/plain' }), kept],
    ['immutable tag became mutable', moved(immutable, { flags: 0 }), kept],
    [
      'immutable tag became mutable and moved',
      moved(immutable, { flags: 0, digest: other.digest }),
      moved({ flags: 0 }, { flags: 0, digest: other.digest }),
    ],
    [
      'slot of an immutable tag was removed',
      { ...remembering(immutable), ...holding([]) },
      { ...remembering({ flags: 0 }), ...holding([]) },
    ],
    ['tombstone came to life', moved({ flags: 3 }, { flags: 1 }), moved({ flags: 3 }, { flags: 3 })],
    ['tombstone became a mutable tag', moved({ flags: 3 }, { flags: 0 }), moved({ flags: 0 }, { flags: 0 })],
    [
      'slot of a tombstone was removed',
      { ...remembering({ flags: 3 }), ...holding([]) },
      { ...remembering({ flags: 3 }), ...holding([{ tag: 'v1', entry: entryOf('v1', { flags: 3 }) }]) },
    ],
    [
      'digest of an immutable tag while it was deleted',
      moved(immutable, { flags: 3, digest: other.digest }),
      moved(immutable, { flags: 3 }),
    ],
    [
      'digest of a tombstone',
      moved({ flags: 3 }, { flags: 3, digest: other.digest }),
      moved({ flags: 3 }, { flags: 3, updatedVersion: 7 }),
    ],
    [
      'digest of an immutable tag, asked by data',
      moved(immutable, { ...immutable, digest: other.digest }, { calls: [dataOf('v1')] }),
      { ...kept, calls: [dataOf('v1')] },
    ],
    [
      'digest of an immutable tag, asked second',
      moved(immutable, { ...immutable, digest: other.digest }, { calls: ['v2', 'v1'] }),
      { ...kept, calls: ['v2', 'v1'] },
    ],
    [
      'digest of an immutable tag in the version seen',
      moved(immutable, { ...immutable, digest: other.digest }, rememberingThis(immutable)),
      { ...kept, ...rememberingThis(immutable) },
    ],
  ]
  return cases.map(([name, faulty, twin]) => refuse(9, 'ImmutableChanged', name, faulty, twin, verifierOnly))
}

function rememberingThis(then: Partial<Entry>): Scenario {
  return { memory: saw({ entries: [{ tag: 'v1', ...entryOf('v1', then) }] }) }
}

function allowed() {
  const immutable = { flags: 1 }
  const epochOne: Scenario = {
    header: { epoch: 1n },
    chain: (chain) => chain.epochs.push({ name: 'acme.eth', epoch: 1 }),
  }
  const inEpochZero = { ...before, epoch: 0 }
  return [
    accept(9, 'no memory', {}),
    accept(9, 'the same list again', { memory: saw() }),
    accept(9, 'many versions later', { header: { version: 1_000_000n }, memory: saw(before) }),
    accept(
      9,
      'a mutable tag moved',
      moved({ flags: 0 }, { flags: 0, digest: other.digest, size: 5, mediaType: 'text/plain' }),
    ),
    accept(9, 'a mutable tag became immutable', moved({ flags: 0 }, { flags: 1, digest: other.digest })),
    accept(9, 'a mutable tag was removed', { ...remembering({ flags: 0 }), ...holding([]) }),
    accept(9, 'an immutable tag was deleted', moved(immutable, { flags: 3, updatedVersion: 7 })),
    accept(
      9,
      'an immutable tag has another Swarm reference',
      moved(immutable, { ...immutable, swarmReference: other.swarmReference }),
    ),
    accept(9, 'an immutable tag was never seen', {
      ...holding([{ tag: 'v1', entry: entryOf('v1', immutable) }]),
      memory: saw(before),
    }),
    accept(
      9,
      'an immutable tag changed and another was asked',
      moved(immutable, { ...immutable, digest: other.digest }, { calls: ['v2'] }),
    ),
    accept(9, 'an immutable tag changed in a new epoch', {
      ...moved(immutable, { flags: 0, digest: other.digest }),
      ...epochOne,
      ...remembering(immutable, inEpochZero),
    }),
    accept(9, 'an immutable tag was removed in a new epoch', {
      ...holding([]),
      ...epochOne,
      ...remembering(immutable, inEpochZero),
    }),
    accept(9, 'a lower version in a new epoch', {
      ...epochOne,
      memory: saw({ epoch: 0, version: 500, hash: otherHash }),
    }),
  ]
}
