import type { Address, Hex } from 'viem'
import { keccak256 } from 'viem'
import { hashTimestamp } from '../../gateway/tags/list.ts'
import { addressOf } from '../ens/vector-cases/accounts.ts'
import { namehash } from '../ens/vector-cases/request.ts'
import { type Header, hashList, type Signature, type Stamp } from '../ens/vector-cases/scenario.ts'
import { randomName } from './names.ts'
import { chooseParties, type Party } from './parties.ts'
import type { Random } from './random.ts'
import { type ListTree, randomTree } from './tree.ts'

/** One chain with the resolver on it: what the EIP-712 domain names. Cases of one place share the contract's code. */
export type Place = { chainId: number; resolver: Address; wrapper: Address }

export const places: readonly Place[] = [
  { chainId: 31337, resolver: addressOf('fuzz resolver 1'), wrapper: addressOf('fuzz wrapper 1') },
  { chainId: 31337, resolver: addressOf('fuzz resolver 2'), wrapper: addressOf('fuzz wrapper 2') },
  { chainId: 1, resolver: addressOf('fuzz resolver 1'), wrapper: addressOf('fuzz wrapper 1') },
]

/** A list that several parties signed, and two timestamps over it: what some thirty cases are cut from, since signing is slow. */
export type SignedFuzzList = {
  place: Place
  labels: readonly string[]
  ensName: string
  node: Hex
  owner: Party
  header: Header
  hash: Hex
  tree: ListTree
  /** Ascending, 1 to 8, the owner among them. */
  signers: readonly { party: Party; signature: Signature }[]
  /** Of two timestampers, both inside the list's lifetime. */
  stamps: readonly { party: Party; stamp: Stamp }[]
}

const day = 86_400
const earliest = 1_700_000_000
const maxVersion = Number.MAX_SAFE_INTEGER

/** Makes tree, header and signatures; everything but the seconds it takes is repeated by the same choices. */
export async function signFuzzList(random: Random): Promise<SignedFuzzList> {
  const place = random.pick(places)
  const labels = randomName(random)
  const [ensName, node] = [labels.join('.'), namehash(labels)]
  const version = random.pick([1, 2, 7, random.between(1, 1_000_000), maxVersion])
  const tree = randomTree(random, version)
  const [parties, stampers] = splitParties(random)
  const owner = random.pick(parties)
  const header = randomHeader(random, owner.address, version, tree)
  const hash = hashList(ensName, node, header, { chainId: place.chainId, verifyingContract: place.resolver })
  const signers = []
  for (const party of parties) {
    signers.push({ party, signature: { signer: party.address, signature: await party.sign(hash, random) } })
  }
  const list = { place, labels, ensName, node, owner, header, hash, tree, signers }
  const stamps = []
  for (const party of stampers) stamps.push({ party, stamp: await stampList(random, list, party) })
  return { ...list, stamps }
}

function splitParties(random: Random): [Party[], Party[]] {
  const signers = random.pick([1, 1, 2, 3, 4, 5, 8])
  const all = random.shuffled(chooseParties(random, signers + 2))
  return [all.slice(0, signers).toSorted((a, b) => (a.address < b.address ? -1 : 1)), all.slice(signers)]
}

function randomHeader(random: Random, owner: Address, version: number, tree: ListTree): Header {
  const issuedAt = earliest + random.between(0, 1000 * day)
  const lifetime = random.pick([600, 3600, day, 90 * day, 400 * day, random.between(600, 400 * day)])
  return {
    owner,
    epoch: BigInt(random.pick([0, 0, 1, 2, random.between(0, 1_000_000)])),
    version: BigInt(version),
    previous: version === 1 ? `0x${'00'.repeat(32)}` : random.bytes(32),
    root: tree.root,
    count: BigInt(tree.count),
    delegations: keccak256('0x'),
    issuedAt: BigInt(issuedAt),
    expiresAt: BigInt(issuedAt + lifetime),
  }
}

async function stampList(
  random: Random,
  { place, node, header, hash }: Pick<SignedFuzzList, 'place' | 'node' | 'header' | 'hash'>,
  party: Party,
): Promise<Stamp> {
  const [first, last] = [Number(header.issuedAt), Number(header.expiresAt)]
  const issuedAt = random.between(first, Math.floor((first + last) / 2))
  const expiresAt = issuedAt + random.pick([300, day, 2000 * day])
  const times = { issuedAt: BigInt(issuedAt), expiresAt: BigInt(expiresAt) }
  const claim = { node, epoch: header.epoch, version: header.version, list: hash, ...times }
  return { ...times, signature: await party.sign(hashTimestamp(place, claim), random) }
}
