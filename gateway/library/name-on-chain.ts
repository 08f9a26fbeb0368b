import type { Address } from 'viem'
import type { ChainReader } from '../chain/chain-reader.ts'
import { NotMooringResolver } from '../chain/resolver-calls.ts'
import type { Block } from '../chain/rpc.ts'
import { createChainOver, findResolverAt } from '../chain/viem-chain.ts'
import type { NameAuthority } from '../tags/authority.ts'
import type { ListDomain } from '../tags/list.ts'
import { Refusal } from '../tags/refusal.ts'
import { agreed, askAll, askEach, checkBlockAge, type Endpoints, pinBlock } from './quorum.ts'

/** A name as the chain describes it to a reader, all of it at one block: which contract answers for it, whom to ask, who may sign. */
export type NameOnChain = {
  ensName: string
  domain: ListDomain
  block: Block
  /** The base URLs of the gateways that the chain names for it, as they stand there. @throws as `readAuthority` */
  readGateways: () => Promise<readonly string[]>
  /** Read once. @throws Refusal RpcDisagree, ChainStale, UnreachableName; ChainUnavailable */
  readAuthority: () => Promise<NameAuthority>
}

/** Which chain, through which endpoints; `localTime` is unix seconds. */
export type ChainQuestion = { endpoints: Endpoints; chainId: number; ensRegistry: Address; localTime: bigint }

/**
 * Finds a name's resolver through the ENS registry and what it says of the name. All endpoints are asked at one block and must agree in
 * everything (row 10). @throws Refusal UnreachableName, RpcDisagree, ChainStale; ChainUnavailable
 */
export async function readName(question: ChainQuestion, ensName: string): Promise<NameOnChain> {
  const { endpoints, chainId, ensRegistry, localTime } = question
  const block = await pinBlock(endpoints)
  const resolver = await agreedResolver(question, ensName, block)
  const readers = endpoints.map(({ openRpc }) => createChainOver(openRpc, { chainId, ensRegistry, resolver, block }))
  const readerAt = (position: number) => readers[position] as ChainReader
  const readGateways = () =>
    askAll(
      endpoints,
      `the gateways of ${ensName} at block ${block.number}`,
      (_, position) => readerAt(position).readGateways(ensName),
      (urls) => urls.join(' ') || 'none',
    ).catch(refuseOther)
  let authority: Promise<NameAuthority> | undefined
  const readAuthority = () => {
    authority ??= readAgreedAuthority(endpoints, (position) => readerAt(position).readAuthority(ensName), ensName)
      .then((found) => {
        checkBlockAge(endpoints, block, localTime)
        return found
      })
      .catch(refuseOther)
    return authority
  }
  return { ensName, domain: { chainId, resolver }, block, readGateways, readAuthority }
}

async function agreedResolver(
  { endpoints, ensRegistry }: ChainQuestion,
  ensName: string,
  block: Block,
): Promise<Address> {
  const resolver = await askAll(
    endpoints,
    `the resolver of ${ensName} at block ${block.number}`,
    ({ openRpc }) => findResolverAt(openRpc(), ensRegistry, ensName, block),
    (found) => found ?? 'none',
  )
  if (resolver !== null) return resolver
  throw new Refusal('UnreachableName', `the ENS registry ${ensRegistry} has no resolver for ${ensName}`)
}

async function readAgreedAuthority(
  endpoints: Endpoints,
  read: (position: number) => Promise<NameAuthority>,
  ensName: string,
): Promise<NameAuthority> {
  const answers = await askEach(endpoints, (_, position) => read(position))
  const first = answers[0] as NameAuthority
  const about = (what: string) => `${what} of ${ensName} at block ${first.blockNumber}`
  for (const [member, textOf] of judged) agreed(endpoints, answers, about(member), textOf)
  const isRevoked = async (key: Address) =>
    askAll(endpoints, about(`the revocation of ${key}`), (_, at) => answers[at]?.isRevoked(key) ?? false, String)
  const askContract: NameAuthority['askContract'] = (signer, hash, signature) =>
    askAll(
      endpoints,
      about(`what ${signer} says to a signature`),
      (_, at) => answers[at]?.askContract(signer, hash, signature),
      (answer) => answer ?? 'nothing',
    )
  return { ...first, isRevoked, askContract }
}

/** Everything the check order asks about, each with its text. */
const judged: readonly [member: string, textOf: (authority: NameAuthority) => string][] = [
  ['the reach', ({ reachable }) => (reachable ? 'reachable' : 'unreachable')],
  ['the authority', ({ authorityName }) => authorityName ?? 'none'],
  ['the owner', ({ owner }) => owner ?? 'none'],
  ['the publishers', ({ policy }) => `${policy.threshold} of ${policy.publishers.join(' ')}`],
  ['the timestamper', ({ policy }) => `${policy.timestamper ?? 'none'}, ${policy.maxAgeSeconds} s`],
  ['the epoch', ({ epoch }) => `${epoch}`],
  ['the floor', ({ minVersion }) => `${minVersion}`],
  ['the anchor', ({ anchorVersion, anchorHash }) => `${anchorHash} at version ${anchorVersion}`],
]

/** A name whose resolver is somebody else's contract has no lists. */
function refuseOther(error: unknown): never {
  if (!(error instanceof NotMooringResolver)) throw error
  const seen = `the resolver of the name, ${error.resolver}, is no Mooring resolver`
  throw new Refusal('UnreachableName', `${seen}: mooring setup makes a name a repository`)
}
