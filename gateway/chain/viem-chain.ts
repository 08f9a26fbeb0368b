import { type Address, isAddressEqual, zeroHash } from 'viem'
import { type FoundAuthority, findAuthority } from '../ens/authority.ts'
import { nodeOf } from '../ens/name.ts'
import type { NameAuthority, Policy } from '../tags/authority.ts'
import { type ChainAddresses, type ChainReader, ChainUnavailable } from './chain-reader.ts'
import { askIsValidSignature } from './contract-signature.ts'
import { type CallAtBlock, createEnsFacts, type EnsContracts, once, prefetchWrappedOwners } from './ens-facts.ts'
import {
  readEnsContracts,
  readGatewaysOf,
  readIsRevoked,
  readPolicyOf,
  readStateOf,
  type SaidAuthority,
} from './resolver-calls.ts'
import { type Block, createRpc, type Rpc } from './rpc.ts'

/** Where the chain is asked, and which one it must be. */
export type ViemChainOptions = ChainAddresses & {
  rpcUrl: string
  /** Checked against the endpoint's before anything is believed. */
  chainId: number
  /** For each request to the endpoint; 10,000 by default. */
  timeoutMs?: number
}

/** One name at one block of one chain: what every reading function below starts from. */
type NameAtBlock = { chainId: number; resolver: Address; ensName: string; rpc: Rpc; block: Block; call: CallAtBlock }

/** What a reader must know beside its endpoint; with `block`, everything is asked at that one and no other. */
export type NameReaderOptions = ChainAddresses & { chainId: number; block?: Block }

/**
 * A chain reader over one HTTP JSON-RPC endpoint, which is believed. All that is said about a name belongs to one block: first its
 * number and time, then every call pinned to that number. It walks the ENS registry itself and compares with what the resolver
 * contract says; where they differ nobody is right. Nothing is kept but the addresses of the ENS contracts, which are immutable.
 */
export function createViemChain({ rpcUrl, timeoutMs, ...options }: ViemChainOptions): ChainReader {
  return createChainOver(() => createRpc(rpcUrl, timeoutMs), options)
}

/** The same over any endpoint. `openRpc` is called for each question: what one asks together never waits for another's. */
export function createChainOver(openRpc: () => Rpc, options: NameReaderOptions): ChainReader {
  const chainId = options.chainId
  const resolver = options.resolver.toLowerCase() as Address
  const contracts = keepAnswer(() => readContracts(openRpc(), { ...options, resolver }))
  const at = async (ensName: string): Promise<NameAtBlock> => {
    const rpc = openRpc()
    const block = options.block ?? (await rpc.latestBlock())
    return { chainId, resolver, ensName, rpc, block, call: (to, callData) => rpc.call(to, callData, block.number) }
  }
  return {
    domain: { chainId, resolver },
    async readAuthority(ensName) {
      const [ens, name] = await Promise.all([contracts(), at(ensName)])
      return readAuthorityAt(name, ens)
    },
    async readGateways(ensName) {
      const [name] = await Promise.all([at(ensName), contracts()])
      return readGatewaysOf(name.call, resolver, ensName)
    },
  }
}

/** A name that nobody may publish: rows 2 and after refuse it before any of this is looked at. */
const nobody: Policy = { publishers: [], threshold: 1, timestamper: null, maxAgeSeconds: 0 }

async function readAuthorityAt(name: NameAtBlock, ens: EnsContracts): Promise<NameAuthority> {
  const { chainId, resolver, ensName, rpc, block, call } = name
  const question = { rpc, resolver, blockNumber: block.number }
  const facts = createEnsFacts(call, ens, block.time)
  prefetchWrappedOwners(facts, ensName)
  const [found, said, state] = await Promise.all([
    findAuthority(ensName, resolver, facts),
    readPolicyOf(call, resolver, ensName),
    readStateOf(call, resolver, ensName),
  ])
  checkAgreement(name, found, said)
  return {
    chainId,
    resolver,
    ensName,
    node: nodeOf(ensName),
    blockNumber: block.number,
    blockTime: block.time,
    ...found,
    policy: found.owner === null ? nobody : said.policy,
    ...state,
    isRevoked: once((key: Address) => readIsRevoked(call, resolver, ensName, key)),
    askContract: (signer, hash, signature) => askIsValidSignature(question, signer, hash, signature),
  }
}

/** Immutable on chain, so they are asked for once. */
async function readContracts(rpc: Rpc, options: NameReaderOptions): Promise<EnsContracts> {
  const [chainId, block] = await Promise.all([rpc.chainId(), options.block ?? rpc.latestBlock()])
  if (chainId !== options.chainId) {
    throw new ChainUnavailable(`the RPC endpoint is of chain ${chainId}, wanted ${options.chainId}`)
  }
  const contracts = await readEnsContracts((to, callData) => rpc.call(to, callData, block.number), options.resolver)
  if (isAddressEqual(contracts.ensRegistry, options.ensRegistry)) return contracts
  throw new ChainUnavailable(
    `the resolver ${options.resolver} asks the ENS registry ${contracts.ensRegistry}, wanted ${options.ensRegistry}`,
  )
}

/** Two ways to the same answer: the walk of the registry is ours, the policy is the contract's word. */
function checkAgreement({ resolver, ensName }: NameAtBlock, found: FoundAuthority, said: SaidAuthority): void {
  const node = found.authorityName === null ? zeroHash : nodeOf(found.authorityName)
  if (found.owner === said.owner && node === said.authority) return
  throw new ChainUnavailable(
    `ENS and the resolver ${resolver} disagree about ${ensName}: owner ${found.owner} of ${node} in the registry, ${said.owner} of ${said.authority} in the contract`,
  )
}

/**
 * The first non-zero resolver on the path from a name upwards (ENSIP-10), for clients that know the ENS registry only; null for none.
 * @throws ChainUnavailable
 */
export async function findResolver(
  rpcUrl: string,
  ensRegistry: Address,
  ensName: string,
  timeoutMs?: number,
): Promise<Address | null> {
  const rpc = createRpc(rpcUrl, timeoutMs)
  return findResolverAt(rpc, ensRegistry, ensName, await rpc.latestBlock())
}

/** The same at one block of any endpoint. @throws ChainUnavailable */
export async function findResolverAt(
  rpc: Rpc,
  ensRegistry: Address,
  ensName: string,
  block: Block,
): Promise<Address | null> {
  const call: CallAtBlock = (to, callData) => rpc.call(to, callData, block.number)
  const facts = createEnsFacts(call, { ensRegistry, nameWrapper: null, registrar: null }, block.time)
  const labels = ensName.split('.')
  const suffixes = labels.map((_, first) => labels.slice(first).join('.'))
  const resolvers = await Promise.all(suffixes.map((suffix) => facts.registryResolver(nodeOf(suffix))))
  return resolvers.find((resolver) => resolver !== null) ?? null
}

/** Asks until there is an answer. An answer is kept and no question: in a Worker that may end with the request that asked it. */
function keepAnswer<Answer>(read: () => Promise<Answer>): () => Promise<Answer> {
  let answer: Answer | undefined
  return async () => {
    answer ??= await read()
    return answer
  }
}
