import type { Address, Hex } from 'viem'
import { openSwarmHash } from '#test/swarm-hash'
import { type ChainReader, ChainUnavailable } from '../gateway/chain/chain-reader.ts'
import type { Deps } from '../gateway/deps.ts'
import { nodeOf } from '../gateway/ens/name.ts'
import { type Features, noFeatures } from '../gateway/features.ts'
import { defaultLimits, type Limits } from '../gateway/limits.ts'
import type { Signer } from '../gateway/signer.ts'
import {
  createMemoryPushPermissions,
  createMemoryStagedTags,
  createMemorySwarmLedger,
} from '../gateway/store/memory.ts'
import type { SwarmLedger } from '../gateway/store/swarm-ledger.ts'
import type { NameAuthority, Policy } from '../gateway/tags/authority.ts'
import { ZERO_HASH } from '../gateway/tags/list.ts'
import { addressOf, createTestSigner, testKeys } from './keys.ts'

export { addressOf, createTestSigner, testKeys } from './keys.ts'

/** Computes Swarm references, for all tests of a file. */
export const testSwarmHash = await openSwarmHash()

export function swarmReferenceOf(content: string | Uint8Array): Hex {
  const hasher = testSwarmHash.createHasher()
  hasher.update(Buffer.from(content))
  return hasher.digest()
}

/** The chain and contract of every test that needs no real one. */
export const testDomain = { chainId: 31337, resolver: '0x5fbdb2315678afecb367f032d93f642f64180aa3' as Address }

/** Unix seconds at which the fixed clock and the fake chain's block stand. */
export const testTime = 1_800_000_000n

/** A clock that stands until it is moved. */
export function createTestClock(now: bigint = testTime) {
  const clock = () => now
  return Object.assign(clock, {
    advance: (seconds: number) => {
      now += BigInt(seconds)
    },
  })
}

export type TestClock = ReturnType<typeof createTestClock>

/** What a test says about one name; what it leaves out is the zero-set-up case of protocol 3. */
export type TestName = Partial<Omit<NameAuthority, 'policy' | 'isRevoked' | 'askContract'>> & {
  owner: Address | null
  policy?: Partial<Policy>
  revoked?: readonly Address[]
}

export type TestChain = ChainReader & {
  /** Says what the chain knows of a name from now on; other names have no owner. */
  setName(ensName: string, name: TestName): void
  /** From now on every question fails, until it is called with false. */
  setDown(down: boolean): void
}

/** Unix seconds for which one answer of the chain is handed out again (protocol 5). */
const answerTtlSeconds = 15n

/**
 * A chain reader over a table, whose blocks are made at the clock's time. A name without a row has the row of its nearest registered
 * parent, as unregistered subnames do; with none of those it has no owner. As the real reader does, it hands out one answer object
 * for 15 s, but `setName` is seen at once.
 */
export function createTestChain(
  names: Readonly<Record<string, TestName>> = {},
  clock: () => bigint = createTestClock(),
): TestChain {
  const table = new Map(Object.entries(names))
  const answers = new Map<string, NameAuthority>()
  let down = false
  return {
    domain: testDomain,
    readAuthority: async (ensName) => {
      if (down) throw new ChainUnavailable('the test chain is down')
      const known = answers.get(ensName)
      if (known && clock() <= known.blockTime + answerTtlSeconds) return known
      const answer = authorityOf(ensName, findRow(table, ensName), clock())
      answers.set(ensName, answer)
      return answer
    },
    readGateways: async () => [],
    setName: (ensName, name) => {
      table.set(ensName, name)
      answers.clear()
    },
    setDown: (value) => {
      down = value
    },
  }
}

type Row = { authorityName: string; name: TestName }

function findRow(table: ReadonlyMap<string, TestName>, ensName: string): Row | undefined {
  for (let suffix = ensName; suffix.includes('.'); suffix = suffix.slice(suffix.indexOf('.') + 1)) {
    const name = table.get(suffix)
    if (name) return { authorityName: suffix, name }
  }
  return undefined
}

function authorityOf(ensName: string, row: Row | undefined, blockTime: bigint): NameAuthority {
  const { owner = null, policy = {}, revoked = [], ...rest } = row?.name ?? {}
  return {
    ...testDomain,
    ensName,
    node: nodeOf(ensName),
    blockNumber: 100n,
    blockTime,
    reachable: owner !== null,
    authorityName: owner && row ? row.authorityName : null,
    owner,
    policy: { publishers: owner ? [owner] : [], threshold: 1, timestamper: null, maxAgeSeconds: 0, ...policy },
    epoch: 0n,
    minVersion: 0n,
    anchorVersion: 0n,
    anchorHash: ZERO_HASH,
    isRevoked: async (key) => revoked.includes(key),
    askContract: async () => undefined,
    ...rest,
  }
}

/** Everything but the stores; `createApp` wants those too. */
export type TestDeps = Deps & { chain: TestChain; clock: TestClock; logged: [string, unknown][] }

/** Where test names live: `acme.eth` and `other.eth` belong to the test signer, `stranger.eth` to somebody else. */
export const testNames: Readonly<Record<string, TestName>> = {
  'acme.eth': { owner: addressOf(testKeys.owner) },
  'other.eth': { owner: addressOf(testKeys.owner) },
  'stranger.eth': { owner: addressOf(testKeys.other) },
}

/** Deps for a test: the given stores, and for the rest a fake chain, a fixed clock, counted ids and a log that is kept. */
export function createTestDeps(
  stores: Pick<Deps, 'content' | 'catalog' | 'lists'> &
    Partial<Pick<Deps, 'staged' | 'pushPermissions'>> & { swarmLedger?: SwarmLedger },
  options: {
    signer?: Signer | null
    limits?: Partial<Limits>
    features?: Partial<Features>
    names?: Readonly<Record<string, TestName>>
  } = {},
): TestDeps {
  const logged: [string, unknown][] = []
  const clock = createTestClock()
  let ids = 0
  const { content, catalog, lists, swarmLedger = createMemorySwarmLedger() } = stores
  const { staged = createMemoryStagedTags(), pushPermissions = createMemoryPushPermissions() } = stores
  return {
    ...{ content, catalog, lists, staged, pushPermissions },
    swarm: {
      ...{ hash: testSwarmHash, ledger: swarmLedger, local: content },
      ...{ noteStored: async () => undefined, postage: null },
    },
    chain: createTestChain(options.names ?? testNames, clock),
    signer: options.signer === undefined ? createTestSigner() : options.signer,
    access: null,
    clock,
    randomId: () => (++ids).toString(16).padStart(32, '0'),
    bodyOfLength: (body) => body,
    pause: async () => undefined,
    limits: { ...defaultLimits, ...options.limits },
    features: { ...noFeatures, ...options.features },
    throttle: null,
    log: (event, fields) => logged.push([event, fields]),
    logged,
  }
}
