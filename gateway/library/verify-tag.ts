import type { Address, Chain, Client, Hex, Transport } from 'viem'
import { ChainUnavailable } from '../chain/chain-reader.ts'
import { rpcOver } from '../chain/rpc.ts'
import { encodeTagLookup, parseLookup } from '../ens/lookup.ts'
import { parseNameArgument } from '../ens/name.ts'
import type { NameAuthority } from '../tags/authority.ts'
import { isTag, type TagEntry } from '../tags/entry.ts'
import type { ListDomain, ListHeader, SignerSignature, Timestamp } from '../tags/list.ts'
import { Refusal } from '../tags/refusal.ts'
import type { Proof } from '../tags/tree.ts'
import type { NameMemory } from '../tags/verify.ts'
import { askGateways } from './ask-gateways.ts'
import { type Fetch, fetchResponse } from './fetch-response.ts'
import { GatewayUnavailable } from './gateway-unavailable.ts'
import { type NameOnChain, readName } from './name-on-chain.ts'
import { askAll, type Endpoint, type Endpoints } from './quorum.ts'
import { isOfMemory, seenIn } from './seen.ts'
import type { TagState } from './state.ts'

/** A client of viem, with or without actions and account. */
export type ChainClient = Client<Transport, Chain | undefined>

/** What is asked, and of whom. */
export type VerifyTagOptions = {
  /** One client is believed; several must agree in everything, at one block. */
  client: ChainClient | readonly [ChainClient, ...ChainClient[]]
  /** An ENS name, `web.acme.eth`, or its repository, `acme.eth/web`. */
  name: string
  tag: string
  /** Base URLs to ask instead of those that the chain names. */
  gateways?: readonly string[]
  /** What this client remembers; without it row 9 is not checked. */
  state?: TagState
  /** The ENS registry, where it is not the one of mainnet. */
  ensRegistry?: Address
  /** For each gateway's answer; 10,000 by default. */
  timeoutMs?: number
  /** Unix seconds; the platform's clock by default. */
  now?: () => bigint
  fetch?: Fetch
}

/** What an answer was checked against, and what proves it: enough to check all of it again. */
export type TagEvidence = {
  domain: ListDomain
  /** What the chain says, at its block. */
  authority: Omit<NameAuthority, 'isRevoked' | 'askContract'>
  listHash: Hex
  signatures: readonly SignerSignature[]
  timestamp: Timestamp | null
  /** Of the tag's slot, or of the one around its absence. */
  proof: Proof
  /** Who answered, what was asked, and the answer, as ERC-3668 has them. */
  gateway: string
  callData: Hex
  response: Hex
  /** The rows of protocol 3.1 that were checked: 9 only with a state that had seen the name. */
  rows: readonly number[]
  /** How many clients were asked, all of which agreed. */
  clients: number
}

/** A tag that is there, or that was proven absent (a deleted immutable tag is absent, too). */
export type VerifiedTag = { name: string; tag: string; list: ListHeader; evidence: TagEvidence } & (
  | { status: 'present'; entry: TagEntry }
  | { status: 'absent'; entry: null }
)

const mainnetEnsRegistry: Address = '0x00000000000c2e074ec69a0dfb2997ba6c7d2e1e'
const defaultTimeoutMs = 10_000

/**
 * Resolves a tag of an ENS name and checks the whole order of protocol 3.1, rows 0 to 9 and of row 10 all but the bytes, which
 * `verifyManifest` checks. Never "absent" for what could not be verified.
 * @throws Refusal with the error name in `reason`; GatewayUnavailable when nobody answers; ChainUnavailable when the chain does not
 */
export async function verifyTag(options: VerifyTagOptions): Promise<VerifiedTag> {
  const { tag, state } = options
  const ensName = ensNameOf(options.name)
  if (!isTag(tag)) throw new Refusal('InvalidTag', `${JSON.stringify(tag.slice(0, 160))} is no tag`)
  const localTime = options.now?.() ?? BigInt(Math.floor(Date.now() / 1000))
  const clients = clientsOf(options.client)
  const endpoints = endpointsOf(clients)
  const chainId = await askAll(endpoints, 'the chain id', ({ openRpc }) => openRpc().chainId(), String)
  checkChains(clients, chainId)
  const ensRegistry = options.ensRegistry ?? mainnetEnsRegistry
  const onChain = await readName({ endpoints, chainId, ensRegistry, localTime }, ensName)
  const authority = await onChain.readAuthority()
  const memory = (await state?.recall(onChain.domain, authority.node)) ?? null
  const callData = encodeTagLookup(ensName, tag, 'data')
  const outcome = await ask(options, onChain, { callData, localTime, memory })
  const { domain } = onChain
  const { signed, seen } = seenIn(domain, outcome.verified.request, outcome.response)
  await state?.remember(domain, signed, seen)
  const { isRevoked: _, askContract: __, ...said } = authority
  const { list, hash: listHash, signatures, timestamp } = signed
  const evidence: TagEvidence = {
    ...{ domain, authority: said, listHash, signatures, timestamp, proof: seen.proofs.get(tag) as Proof },
    ...{ gateway: outcome.gateway, callData, response: outcome.response, clients: endpoints.length },
    rows: memory === null ? [0, 1, 2, 3, 4, 5, 6, 7, 8, 10] : [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10],
  }
  const [entry] = outcome.verified.entries
  const answer = { name: ensName, tag, list, evidence }
  return entry === undefined ? { ...answer, status: 'absent', entry: null } : { ...answer, status: 'present', entry }
}

function ensNameOf(name: string): string {
  try {
    return parseNameArgument(name).ensName
  } catch (error) {
    throw new Refusal('InvalidName', (error as Error).message)
  }
}

type Clients = readonly [ChainClient, ...ChainClient[]]

function clientsOf(client: VerifyTagOptions['client']): Clients {
  return isSeveral(client) ? client : [client]
}

function isSeveral(client: VerifyTagOptions['client']): client is Clients {
  return Array.isArray(client)
}

/** Clients are called by their number: the URL of a transport may hold somebody's key. */
function endpointsOf([first, ...others]: Clients): Endpoints {
  const endpoint = (client: ChainClient, position: number): Endpoint => ({
    label: `client ${position + 1}`,
    openRpc: () => rpcOver(client),
  })
  return [endpoint(first, 0), ...others.map((each, position) => endpoint(each, position + 1))]
}

/** @throws ChainUnavailable for a client that was made for another chain than its endpoint is of */
function checkChains(clients: Clients, chainId: number): void {
  for (const { chain } of clients) {
    if (chain === undefined || chain.id === chainId) continue
    throw new ChainUnavailable(`a client is for chain ${chain.id}, its endpoint of chain ${chainId}`)
  }
}

type Question = { callData: Hex; localTime: bigint; memory: NameMemory | null }

async function ask(options: VerifyTagOptions, onChain: NameOnChain, question: Question) {
  const { state, timeoutMs = defaultTimeoutMs, fetch = globalThis.fetch.bind(globalThis) } = options
  const { domain, readAuthority } = onChain
  const { callData } = question
  const named = options.gateways ?? (await onChain.readGateways()).filter((url) => url.startsWith('https://'))
  const explain = async (refusal: Refusal, response: Hex) => {
    if (!isOfMemory(refusal) || state?.explain === undefined) return refusal
    const { signed, seen } = seenIn(domain, parseLookup(callData), response)
    return state.explain(domain, refusal, signed, seen)
  }
  const outcome = await askGateways({
    ...{ ...question, readAuthority, refusalOf, explain },
    gateways: named.map((url) => url.replace(/\/+$/, '')),
    ask: (gateway) => fetchResponse(fetch, gateway, domain, callData, timeoutMs),
  })
  if (outcome.verified !== null) return outcome
  const { refusal, message } = outcome
  throw refusal === null ? new GatewayUnavailable(message) : new Refusal(refusal.reason, message)
}

function refusalOf(error: unknown): Refusal | null {
  if (error instanceof Refusal) return error
  if (error instanceof GatewayUnavailable) return null
  throw error
}
