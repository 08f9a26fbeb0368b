import { type Hex, keccak256, stringToHex } from 'viem'
import { bob } from './accounts.ts'
import { accept, type Case, refuse } from './cases.ts'
import { type Chain, type Floor, floorOf } from './flat.ts'
import { hashList, type Made, type Scenario } from './scenario.ts'

/** Row 4: the version lies in its window, and the anchored version is the anchored list. */
export async function rowFour(): Promise<Case[]> {
  const cases = await Promise.all([...versions(), ...anchors(), ...unaffected()])
  return cases.flat()
}

const web = ['web', 'acme', 'eth']
const max = 2n ** 53n - 1n

function versionOf(version: bigint, floor?: Partial<Floor>, more: Scenario = {}): Scenario {
  return { ...more, header: { version }, chain: (chain) => floor && chain.floors.push(floorOf(floor)) }
}

function versions() {
  const absent: Scenario = { calls: ['nothing'] }
  const webFloor = { name: 'web.acme.eth', minVersion: 8 }
  const cases: [string, Scenario, Scenario][] = [
    ['version 0', versionOf(0n, undefined, absent), versionOf(1n, undefined, absent)],
    [
      'version 0 under a floor of 0',
      versionOf(0n, { minVersion: 0 }, absent),
      versionOf(1n, { minVersion: 0 }, absent),
    ],
    ['version below the floor', versionOf(7n, { minVersion: 8 }), versionOf(8n, { minVersion: 8 })],
    [
      'version far below the floor',
      versionOf(1n, { minVersion: 1_000_000 }),
      versionOf(1_000_000n, { minVersion: 1_000_000 }),
    ],
    [
      'version below the highest floor',
      versionOf(max - 1n, { minVersion: Number(max) }),
      versionOf(max, { minVersion: Number(max) }),
    ],
    [
      'version of an unregistered subname below its own floor',
      versionOf(7n, webFloor, { labels: web }),
      versionOf(8n, webFloor, { labels: web }),
    ],
    ['version 2^53', versionOf(max + 1n), versionOf(max)],
    ['version 2^64 - 1', versionOf(2n ** 64n - 1n), versionOf(max)],
    ['version 2^63', versionOf(2n ** 63n), versionOf(max - 1n)],
  ]
  return cases.map(([name, faulty, twin]) => refuse(4, 'Rollback', name, faulty, twin))
}

function anchorAt(version: number, hash: (made: Made) => Hex, more: Partial<Floor> = {}) {
  return (chain: Chain, made: Made) => {
    chain.floors.push(floorOf({ minVersion: version, anchorVersion: version, anchorHash: hash(made), ...more }))
  }
}

/** The name was reset three times, and its owner then set a floor. */
function inEpochThree(floor: Partial<Floor>) {
  return (chain: Chain) => {
    chain.epochs.push({ name: 'acme.eth', epoch: 3 })
    chain.floors.push(floorOf({ ...floor, epoch: 3 }))
  }
}

function anchors() {
  const own = ({ hash }: Made) => hash
  const other = () => keccak256(stringToHex('another list'))
  const root = ({ header }: Made) => header.root
  const beforeHash = ({ name, node, header }: Made) => hashList(name, node, { ...header, version: 6n })
  const otherChain = ({ name, node, header }: Made) => hashList(name, node, header, { chainId: 1 })
  const seven: Scenario = { header: { version: 7n } }
  const unsigned: Scenario = { ...seven, signers: [] }
  const mismatch = (name: string, hash: (made: Made) => Hex, scenario: Scenario) =>
    refuse(
      4,
      'AnchorMismatch',
      name,
      { ...scenario, chain: anchorAt(7, hash) },
      { ...scenario, chain: anchorAt(7, own) },
    )
  return [
    mismatch('another list at the anchored version, signed', other, seven),
    mismatch('another list at the anchored version, unsigned', other, unsigned),
    mismatch('anchor is the root instead of the list hash', root, unsigned),
    mismatch('anchor is the hash of the version before', beforeHash, seven),
    mismatch('anchor is the hash for another chain', otherChain, unsigned),
    refuse(
      4,
      'AnchorMismatch',
      'another list at an anchored version above the floor',
      { ...seven, chain: anchorAt(7, other, { minVersion: 3 }) },
      { ...seven, chain: anchorAt(7, own, { minVersion: 3 }) },
    ),
    refuse(
      4,
      'Rollback',
      'version below the anchored one',
      { ...seven, chain: anchorAt(8, other) },
      { header: { version: 9n }, chain: anchorAt(8, other) },
    ),
    refuse(
      4,
      'AnchorMismatch',
      'another list at the anchored version of a subname',
      { labels: web, ...seven, chain: anchorAt(7, other, { name: 'web.acme.eth' }) },
      { labels: web, ...unsigned, chain: anchorAt(7, own, { name: 'web.acme.eth' }) },
    ),
    refuse(
      4,
      'Rollback',
      'version below the floor of a later epoch',
      { header: { version: 7n, epoch: 3n }, chain: inEpochThree({ minVersion: 8 }) },
      { header: { version: 8n, epoch: 3n }, chain: inEpochThree({ minVersion: 8 }) },
    ),
    refuse(
      4,
      'AnchorMismatch',
      'another list at the anchored version of a later epoch',
      { header: { version: 7n, epoch: 3n }, chain: inEpochThree({ anchorVersion: 7, anchorHash: other() }) },
      { header: { version: 8n, epoch: 3n }, chain: inEpochThree({ anchorVersion: 7, anchorHash: other() }) },
    ),
    accept(4, 'a signed list above the anchored version', { header: { version: 8n }, chain: anchorAt(7, other) }),
    accept(4, 'an anchor that was cleared', {
      ...seven,
      chain: anchorAt(7, own, { anchorVersion: 0, anchorHash: null }),
    }),
  ]
}

/** Floors and anchors count for one owner, one list and one epoch. */
function unaffected() {
  const floor = { minVersion: 100, anchorVersion: 100, anchorHash: keccak256(stringToHex('another list')) }
  const others: [string, Partial<Floor>, string[]?][] = [
    ['floor of a former owner', { owner: bob.address }],
    ['floor of another epoch', { epoch: 1 }],
    ['floor of the subname', { name: 'web.acme.eth' }],
    ['floor of the parent', { name: 'acme.eth' }, web],
  ]
  return others.map(([name, other, labels]) =>
    refuse(
      4,
      'Rollback',
      `${name} is not its own: the own one counts`,
      {
        ...(labels && { labels }),
        chain: (chain) => chain.floors.push(floorOf({ ...floor, name: (labels ?? ['acme', 'eth']).join('.') })),
      },
      { ...(labels && { labels }), chain: (chain) => chain.floors.push(floorOf({ ...floor, ...other })) },
    ),
  )
}
