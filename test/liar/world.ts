import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Abi, type Address, encodeFunctionData, type Hex } from 'viem'
import { type DevChain, startDevChain } from '../../gateway/cli/dev-chain.ts'
import { mooringResolverAbi } from '../../gateway/ens/abi.ts'
import { encodeDnsName, nodeOf, repositoryOf } from '../../gateway/ens/name.ts'
import { giveName } from '../chain/dev-calls.ts'
import { ascending, cast, type Party } from './cast.ts'
import { type Liar, startLiar } from './gateway.ts'
import { buildImage } from './image.ts'
import { type Lie, labelOf, type Scene } from './lie.ts'
import { type Draft, honestEntries, type Statement, signStatement, timestampOver } from './statement.ts'
import { startTrap, type Trap } from './trap.ts'

/** Settings of an owner as protocol 3 has them; null for none, so that the owner alone publishes. */
type Settings = { publishers: readonly Party[]; threshold: number; timestamper?: Party } | null

const bothOf = { publishers: [cast.owner, cast.second], threshold: 2 }
const oneOf = { publishers: [cast.owner, cast.second], threshold: 1 }
const stamped = { publishers: [cast.owner], threshold: 1, timestamper: cast.timestamper }

/** Names below which the lies have theirs. What is done on chain to one of the last five happens to one lie alone. */
const authorities = {
  plain: null,
  both: bothOf,
  stamped,
  revoking: oneOf,
  'struck-out': oneOf,
  'stamp-revoking': stamped,
  sold: null,
  changed: null,
} as const satisfies Readonly<Record<string, Settings>>

export type AuthorityName = keyof typeof authorities

const maxAgeSeconds = 3600

/** A chain, the liar whom it names as everybody's gateway, and where lies lead. */
export type LiarWorld = {
  chain: DevChain
  liar: Liar
  trap: Trap
  folder: string
  /** What `mooring proxy` needs to find this chain; the last is the folder of its memory. */
  chainFlags: readonly string[]
  /** What the owner of a name does with the resolver contract. */
  act(ensName: string, functionName: string, ...args: readonly unknown[]): Promise<void>
  /** Hands an authority over in the registry. */
  sell(authority: AuthorityName): Promise<void>
  close(): Promise<void>
}

/** Starts everything, with the names that these lies need. */
export async function startLiarWorld(lies: readonly Lie[]): Promise<LiarWorld> {
  const folder = await mkdtemp(join(tmpdir(), 'mooring-liar-'))
  const [liar, trap] = [await startLiar(), await startTrap()]
  const own = lies.filter(({ beside }) => beside).map((lie) => `${labelOf(lie)}.eth`)
  const names = [...Object.keys(authorities).map((label) => `${label}.eth`), ...own]
  const chain = await startDevChain({ gatewayUrls: [liar.url], names, publisher: cast.owner.address })
  const { ensRegistry, resolver, universalResolver } = chain.addresses
  const act: LiarWorld['act'] = async (ensName, functionName, ...args) => {
    const abi: Abi = mooringResolverAbi
    const data = encodeFunctionData({ abi, functionName, args: [encodeDnsName(ensName), ...args] })
    await chain.send({ from: cast.owner.address, to: resolver, data })
  }
  for (const [label, settings] of Object.entries(authorities)) if (settings) await setPolicy(act, label, settings)
  for (const name of own) await act(name, 'setGateways', twoGateways(liar.url, name))
  const found = ['--rpc', chain.rpc, '--ens-registry', ensRegistry, '--universal-resolver', universalResolver]
  const close = async () => {
    await Promise.all([chain.close(), liar.close(), trap.close()])
    await rm(folder, { recursive: true })
  }
  const sell = (authority: AuthorityName) => giveName(chain, `${authority}.eth`, cast.owner.address, cast.buyer.address)
  return { chain, liar, trap, folder, chainFlags: [...found, '--state', folder], act, sell, close }
}

/** URLs of a name that has two gateways: a proxy asks one that failed last for a while, so each name has its own. */
export function twoGateways(liarUrl: string, ensName: string): [string, string] {
  return [`${liarUrl}/${ensName}/first`, `${liarUrl}/${ensName}/second`]
}

async function setPolicy(act: LiarWorld['act'], label: string, settings: NonNullable<Settings>): Promise<void> {
  await act(`${label}.eth`, 'setPolicy', policyOf(settings))
}

/** Settings in the contract's words. */
export function policyOf({ publishers, threshold, timestamper }: NonNullable<Settings>) {
  const none: Address = `0x${'00'.repeat(20)}`
  return {
    publishers: ascending(publishers).map(({ address }) => address),
    threshold,
    timestamper: timestamper?.address ?? none,
    maxAge: timestamper ? maxAgeSeconds : 0,
  }
}

/** Sets the stage of a lie: a name, an image and a list that nobody else uses, at the liar in honest words. */
export async function openScene(world: LiarWorld, lie: Lie, now: bigint): Promise<Scene> {
  const { authority = 'plain', beside, layerBytes } = lie
  const ensName = beside ? `${labelOf(lie)}.eth` : `${labelOf(lie)}.${authority}.eth`
  const image = buildImage(lie.name, layerBytes)
  const domain = { chainId: world.chain.chainId, resolver: world.chain.addresses.resolver }
  const settings: Settings = beside ? null : authorities[authority]
  const base = { name: ensName, node: nodeOf(ensName) as Hex, owner: cast.owner.address }
  const signers = settings?.publishers.slice(0, settings.threshold) ?? [cast.owner]
  const sign = async (draft: Partial<Draft> = {}): Promise<Statement> => {
    const signed = await signStatement(domain, base, now, {
      header: {},
      entries: honestEntries(image),
      signers,
      ...draft,
    })
    if (settings === null || !('timestamper' in settings)) return signed
    const times = { issuedAt: now - 30n, expiresAt: now + 3000n }
    return { ...signed, timestamp: await timestampOver(domain, signed.list, settings.timestamper as Party, times) }
  }
  const honest = await sign()
  world.liar.plays.set(ensName, { honest, image, domain, told: {}, lies: 0 })
  return { ensName, repository: repositoryOf(ensName), image, domain, now, world, honest, sign }
}
