import type { Address, Hex } from 'viem'
import { addressOf } from '../ens/vector-cases/accounts.ts'
import { magic } from '../ens/vector-cases/signature-forms.ts'
import type { FlatChain } from '../flat-chain.ts'
import type { Draft } from './draft.ts'
import { suffixesOf } from './names.ts'
import type { Random } from './random.ts'

/** Addresses that own, resolve or sign nothing of the case. */
export const strangers: readonly Address[] = [1, 2, 3].map((i) => addressOf(`fuzz stranger ${i}`))

/** The seconds that the .eth registrar keeps an expired name for its owner. */
export const graceSeconds = 90 * 86_400

type Planned = Omit<Draft, 'chain'>

/** A chain on which the draft holds, with rows of other owners, names and epochs beside those that count. */
export function chainAround(random: Random, draft: Planned, blockTime: number): FlatChain {
  const { chainId, resolver, wrapper } = draft.place
  const chain: FlatChain = {
    ...{ chainId, resolver, blockTime, wrapper },
    ...{ owners: [], resolvers: [], wrapped: [], expiries: [], epochs: [] },
    ...{ policies: [], floors: [], revoked: [], gateways: [], fallbacks: [], code: [] },
  }
  own(random, chain, draft, blockTime)
  resolve(random, chain, draft)
  decide(random, chain, draft)
  bystand(random, chain, draft)
  addCode(random, chain, draft)
  return chain
}

/** The owner at the authority, wrapped or not; other owners above it. */
function own(random: Random, chain: FlatChain, { list, authority, labels }: Planned, blockTime: number): void {
  const suffixes = suffixesOf(labels)
  for (const name of suffixes.slice(suffixes.indexOf(authority))) {
    if (name !== authority && random.chance(0.5)) continue
    const owner = name === authority ? list.owner.address : random.pick(strangers)
    if (name.includes('.') && random.chance(0.35)) {
      chain.owners.push({ name, owner: chain.wrapper })
      chain.wrapped.push({ name, owner })
    } else chain.owners.push({ name, owner })
  }
  if (labels.at(-1) === 'eth') {
    const expiresAt = blockTime + random.pick([0, 1, 365 * 86_400, -1, -graceSeconds, 1 - graceSeconds])
    chain.expiries.push({ name: labels.slice(-2).join('.'), expiresAt })
  }
}

/** Ours is the first on the way up; above it any other. */
function resolve(random: Random, chain: FlatChain, { labels }: Planned): void {
  const suffixes = suffixesOf(labels)
  const first = random.chance(0.7)
    ? random.between(0, Math.max(0, suffixes.length - 2))
    : random.between(0, suffixes.length - 1)
  suffixes.slice(first).forEach((name, position) => {
    if (position === 0) chain.resolvers.push({ name, resolver: chain.resolver })
    else if (random.chance(0.3)) chain.resolvers.push({ name, resolver: random.pick([...strangers, chain.resolver]) })
  })
}

/** What the owner set: policy, floor, anchor, gateways, fallback; the epoch as the list has it. */
function decide(random: Random, chain: FlatChain, draft: Planned): void {
  const { list, header, publishers, threshold, timestamper, maxAge, authority } = draft
  const owner = list.owner.address
  const epoch = Number(header.epoch)
  if (epoch > 0) chain.epochs.push({ name: list.ensName, epoch })
  if (publishers !== undefined) {
    const addresses = publishers.map(({ address }) => address)
    const freshness = { timestamper: timestamper?.address ?? null, maxAge }
    chain.policies.push({ owner, name: authority, publishers: addresses, threshold, ...freshness })
  } else if (random.chance(0.2)) {
    const none = { publishers: [], threshold: random.pick([0, 1]), timestamper: null, maxAge: 0 }
    chain.policies.push({ owner, name: authority, ...none })
  }
  if (random.chance(0.35)) chain.floors.push(randomFloor(random, draft))
  if (random.chance(0.5)) chain.gateways?.push({ owner, name: authority, urls: randomUrls(random) })
  if (random.chance(0.3)) chain.fallbacks?.push({ owner, name: authority, resolver: addressOf('fuzz fallback') })
}

/** A floor that the list is not below; an anchor at its version is its own. */
function randomFloor(random: Random, { list, header }: Planned): FlatChain['floors'][number] {
  const [version, epoch] = [Number(header.version), Number(header.epoch)]
  const floor = {
    owner: list.owner.address,
    name: list.ensName,
    epoch,
    minVersion: random.pick([0, 1, version, random.between(0, version)]),
  }
  if (random.chance(0.4)) return { ...floor, anchorVersion: 0, anchorHash: null }
  if (random.chance(0.6)) return { ...floor, anchorVersion: version, anchorHash: list.hash }
  const other = version > 1 && random.chance(0.5) ? version - 1 : Math.min(version + 1, Number.MAX_SAFE_INTEGER)
  return other === version ? floorless(floor) : { ...floor, anchorVersion: other, anchorHash: random.bytes(32) }
}

function floorless(
  floor: Omit<FlatChain['floors'][number], 'anchorVersion' | 'anchorHash'>,
): FlatChain['floors'][number] {
  return { ...floor, anchorVersion: 0, anchorHash: null }
}

function randomUrls(random: Random): string[] {
  return Array.from(
    { length: random.between(1, 3) },
    (_, i) => `https://gateway-${i}.example${random.pick(['', '/a', ':8443'])}`,
  )
}

/** Settings that must not count: of another owner, of another name, of another epoch; revocations of keys that do not sign. */
function bystand(random: Random, chain: FlatChain, { list, header, authority, timestamper }: Planned): void {
  const [stranger, owner] = [random.pick(strangers), list.owner.address]
  const anyone = list.signers.map(({ party }) => party.address)
  const elsewhere = random.pick([`other.${authority}`, 'bystander.eth'])
  const strict = { publishers: [stranger], threshold: 1, timestamper: null, maxAge: 0 }
  if (random.chance(0.2)) chain.policies.push({ owner: stranger, name: authority, ...strict })
  if (random.chance(0.2)) chain.policies.push({ owner, name: elsewhere, ...strict })
  if (random.chance(0.2)) chain.revoked.push({ owner: stranger, name: authority, key: random.pick(anyone) })
  if (random.chance(0.2)) chain.revoked.push({ owner, name: elsewhere, key: random.pick(anyone) })
  const unused = [...strangers, ...list.stamps.map(({ party }) => party.address)].filter(
    (each) => each !== timestamper?.address,
  )
  if (random.chance(0.3)) chain.revoked.push({ owner, name: authority, key: random.pick(unused) })
  const [epoch, high] = [Number(header.epoch), Number.MAX_SAFE_INTEGER]
  const closed = { name: list.ensName, minVersion: high, anchorVersion: 0, anchorHash: null }
  if (random.chance(0.15)) chain.floors.push({ ...closed, owner: stranger, epoch })
  if (random.chance(0.15)) chain.floors.push({ ...closed, owner, epoch: epoch + 1 })
  if (random.chance(0.1)) chain.epochs.push({ name: elsewhere, epoch: epoch + 1 })
}

const fallbackAnswers: readonly (Hex | null)[] = [magic, null, '0x', `0x${'00'.repeat(64)}`, '0x1234']

/** Code of every party that has some, and of the fallback resolver. */
function addCode(random: Random, chain: FlatChain, { list }: Planned): void {
  const parties = [list.owner, ...list.signers.map(({ party }) => party), ...list.stamps.map(({ party }) => party)]
  const rows = new Map(
    parties.flatMap(({ address, code }) => (code === undefined ? [] : [[address, { ...code }] as const])),
  )
  chain.code.push(...rows.values())
  if (chain.fallbacks?.length) {
    chain.code.push({ address: addressOf('fuzz fallback'), returns: random.pick(fallbackAnswers) })
  }
}
