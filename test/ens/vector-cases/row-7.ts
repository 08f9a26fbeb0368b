import { type Hex, keccak256, pad, stringToHex } from 'viem'
import { addressOf, alice, bob, clockmaker, publishers } from './accounts.ts'
import { accept, type Case, type Endings, refuse } from './cases.ts'
import { type Chain, day, floorOf, now, otherResolver, type Policy, policyOf } from './flat.ts'
import { hashList, type Made, noStamp, type Scenario, type Stamp, type StampMessage, stampBy } from './scenario.ts'

/** Row 7: where the policy names a timestamper, a fresh timestamp over this very list. */
export async function rowSeven(): Promise<Case[]> {
  const cases = await Promise.all([...signers(), ...messages(), ...times(), ...clocks(), ...codes(), ...ignored()])
  return cases.flat()
}

const maxAge = 3600
type ChainHook = (chain: Chain, made: Made) => void

function timed(more: Partial<Policy> = {}): ChainHook {
  return (chain) => {
    chain.policies.push(policyOf([alice], { timestamper: clockmaker.address, maxAge, ...more }))
  }
}

/** A list whose policy asks a timestamp, and a fresh one. */
const fresh: Scenario = { stamp: stampBy(clockmaker), chain: timed() }

function bad(name: string, faulty: Scenario, twin: Scenario = fresh, endings: Endings = {}) {
  return refuse(7, 'BadTimestamp', name, { ...twin, ...faulty }, twin, endings)
}

function stale(name: string, faulty: Scenario, twin: Scenario = fresh, endings: Endings = {}) {
  return refuse(7, 'StaleTimestamp', name, { ...twin, ...faulty }, twin, endings)
}

function both(...hooks: ChainHook[]): ChainHook {
  return (chain, made) => {
    for (const hook of hooks) hook(chain, made)
  }
}

function revokes(key: Hex): ChainHook {
  return (chain) => {
    chain.revoked.push({ owner: alice.address, name: 'acme.eth', key })
  }
}

/** Changes the signature of a good timestamp. */
function changed(change: (signature: Hex) => Hex): (made: Made) => Promise<Stamp> {
  return async (made) => {
    const stamp = await stampBy(clockmaker)(made)
    return { ...stamp, signature: change(stamp.signature) }
  }
}

function signers() {
  const anchored: ChainHook = (chain, { hash }) => {
    chain.floors.push(floorOf({ minVersion: 7, anchorVersion: 7, anchorHash: hash }))
  }
  return [
    bad('no timestamp', { stamp: () => noStamp }),
    bad('times without a signature', {
      stamp: () => ({ issuedAt: BigInt(now - 60), expiresAt: BigInt(now + day), signature: '0x' }),
    }),
    bad('timestamp by the owner', { stamp: stampBy(alice) }),
    bad('timestamp by a publisher', { stamp: stampBy(publishers[0] as typeof alice) }),
    bad('timestamp by a former timestamper', { stamp: stampBy(bob) }),
    bad(
      'timestamp by a revoked timestamper',
      { chain: both(timed(), revokes(clockmaker.address)) },
      { ...fresh, chain: both(timed(), revokes(bob.address)) },
    ),
    bad('timestamp of 64 bytes', { stamp: changed((signature) => signature.slice(0, -2) as Hex) }),
    bad('timestamp of 66 bytes', { stamp: changed((signature) => `${signature}00`) }),
    bad('timestamp whose v is 0 or 1', {
      stamp: changed((signature) => `${signature.slice(0, -2)}0${Number(`0x${signature.slice(-2)}`) - 27}` as Hex),
    }),
    bad(
      'no timestamp for an anchored list',
      { stamp: () => noStamp },
      { ...fresh, signers: [], chain: both(timed(), anchored) },
    ),
    bad(
      'no timestamp for an unregistered subname',
      { stamp: () => noStamp },
      { ...fresh, labels: ['web', 'acme', 'eth'] },
    ),
  ]
}

function messages() {
  const over = (signed: Partial<StampMessage>): Scenario => ({ stamp: stampBy(clockmaker, {}, signed) })
  const listOf = (change: (made: Made) => Hex): Scenario => ({
    stamp: (made) => stampBy(clockmaker, {}, { list: change(made) })(made),
  })
  return [
    bad('timestamp over another list', over({ list: keccak256(stringToHex('another list')) })),
    bad(
      'timestamp over the list before',
      listOf(({ header }) => header.previous),
    ),
    bad(
      'timestamp over the root',
      listOf(({ header }) => header.root),
    ),
    bad(
      'timestamp over the list of another chain',
      listOf(({ name, node, header }) => hashList(name, node, header, { chainId: 1 })),
    ),
    bad(
      'timestamp over the list of another resolver',
      listOf(({ name, node, header }) => hashList(name, node, header, { verifyingContract: otherResolver })),
    ),
    bad('timestamp for another version', over({ version: 6n })),
    bad('timestamp for another epoch', over({ epoch: 1n })),
    bad('timestamp for another node', over({ node: pad('0x01') })),
    bad('timestamp whose issuedAt was moved', over({ issuedAt: BigInt(now - 61) })),
    bad('timestamp whose expiresAt was moved', over({ expiresAt: BigInt(now + day - 1) })),
    bad('the list hash signed instead of a timestamp', {
      stamp: async ({ hash }) => ({
        issuedAt: BigInt(now),
        expiresAt: BigInt(now + day),
        signature: await clockmaker.sign(hash),
      }),
    }),
  ]
}

function stampedAt(issuedAt: number | bigint, expiresAt: number | bigint = now + day, more: Scenario = {}): Scenario {
  const times: Partial<Stamp> = { issuedAt: BigInt(issuedAt), expiresAt: BigInt(expiresAt) }
  return { ...fresh, stamp: stampBy(clockmaker, times), ...more }
}

function times() {
  const week: Scenario = { chain: timed({ maxAge: 604_800 }) }
  return [
    bad('timestamp issued 301 seconds from now', stampedAt(now + 301), stampedAt(now + 300)),
    bad(
      'timestamp issued at 2^64 - 2',
      stampedAt(2n ** 64n - 2n, 2n ** 64n - 1n),
      stampedAt(now + 300, 2n ** 64n - 1n),
    ),
    stale('timestamp a second older than its hour', stampedAt(now - maxAge - 1), stampedAt(now - maxAge)),
    stale(
      'timestamp a second older than its week',
      stampedAt(now - 604_801, now + day, week),
      stampedAt(now - 604_800, now + day, week),
    ),
    stale('timestamp of 1970', stampedAt(1), stampedAt(now)),
    stale('timestamp issued at 0', stampedAt(0), stampedAt(now)),
    stale('timestamp expires now', stampedAt(now - 60, now), stampedAt(now - 60, now + 1)),
    stale('timestamp expired long ago', stampedAt(now - 60, 1), stampedAt(now - 60)),
    accept(7, 'timestamp that lives longer than 400 days', stampedAt(now - 60, now + 4000 * day)),
    accept(7, 'timestamp older than the list', { ...stampedAt(now - 1200), header: { issuedAt: BigInt(now - 10) } }),
  ]
}

/** Staleness uses the later of the verifier's clock and block time, the future the earlier. */
function clocks() {
  const verifierOnly: Endings = { contract: 'accepted' }
  const local = (localTime: number): Scenario => ({ localTime })
  const old = stampedAt(now - maxAge)
  const ending = stampedAt(now - 60, now + 100)
  return [
    stale('timestamp too old by the local clock', local(now + 1), { ...old, ...local(now) }, verifierOnly),
    stale('timestamp expired by the local clock', local(now + 100), { ...ending, ...local(now + 99) }, verifierOnly),
    stale('timestamp too old by block time, not by the local clock', stampedAt(now - maxAge - 1), {
      ...old,
      ...local(now - 100),
    }),
    bad(
      'timestamp in the future of the local clock',
      local(now - 1),
      { ...stampedAt(now + 300), ...local(now) },
      verifierOnly,
    ),
    bad(
      'timestamp in the future of block time, not of the local clock',
      stampedAt(now + 301, now + day, local(now + 500)),
      stampedAt(now + 300, now + day, local(now + 500)),
    ),
  ]
}

function codes() {
  const wallet = addressOf('clock wallet')
  const magic = pad('0x1626ba7e', { dir: 'right' })
  const answering = (returns: Hex | null): Scenario => ({
    stamp: () => ({ issuedAt: BigInt(now - 60), expiresAt: BigInt(now + day), signature: '0x1234' }),
    chain: both(timed({ timestamper: wallet }), (chain) => chain.code.push({ address: wallet, returns })),
  })
  const good = answering(magic)
  return [
    bad('timestamper whose code reverts', answering(null), good),
    bad('timestamper whose code returns the magic in 4 bytes', answering('0x1626ba7e'), good),
    bad('timestamper whose code returns junk', answering(pad('0x01')), good),
    stale(
      'timestamper with code, too late',
      { stamp: () => ({ issuedAt: BigInt(now - maxAge - 1), expiresAt: BigInt(now + day), signature: '0x1234' }) },
      good,
    ),
  ]
}

/** A timestamp that no policy asks for is not looked at. */
function ignored() {
  const junk: Stamp = { issuedAt: 5n, expiresAt: 1n, signature: '0x00' }
  const far: Stamp = { issuedAt: 2n ** 64n - 1n, expiresAt: 0n, signature: `0x${'ff'.repeat(65)}` }
  return [
    accept(7, 'junk timestamp without a policy', { stamp: () => junk }),
    accept(7, 'timestamp from the far future without a policy', { stamp: () => far }),
    accept(7, 'junk timestamp under a policy without a timestamper', {
      stamp: () => junk,
      chain: (chain) => chain.policies.push(policyOf([alice])),
    }),
    accept(7, 'no timestamp where only a former owner asked one', { chain: timed({ owner: bob.address }) }),
    accept(7, 'no timestamp where only another name asks one', { chain: timed({ name: 'other.eth' }) }),
    accept(7, 'no timestamp for a registered subname of a name that asks one', {
      labels: ['web', 'acme', 'eth'],
      chain: both(timed(), (chain) => chain.owners.push({ name: 'web.acme.eth', owner: alice.address })),
    }),
    accept(7, 'timestamp without times or signature, which is none', { stamp: () => noStamp }),
  ]
}
