import type { Address } from 'viem'
import { NotMooringResolver } from '../../chain/resolver-calls.ts'
import { createViemChain, findResolver } from '../../chain/viem-chain.ts'
import { isLoopbackHost } from '../../config.ts'
import type { NameAuthority } from '../../tags/authority.ts'
import type { ListDomain } from '../../tags/list.ts'
import { Refusal } from '../../tags/refusal.ts'
import type { Connection } from './connect.ts'

/** A name as the chain describes it to a reader: which contract answers for it, which gateways to ask, who may sign. */
export type NameOnChain = {
  ensName: string
  domain: ListDomain
  gateways: readonly string[]
  /** Read once for a command. @throws Refusal RpcDisagree, ChainStale; ChainUnavailable */
  readAuthority: () => Promise<NameAuthority>
}

/** Protocol 3.1, row 10. */
const maxBlockAgeSeconds = 15n * 60n

/**
 * Finds a name's resolver through the ENS registry and what it says of the name, at every endpoint.
 * @throws Refusal UnreachableName, RpcDisagree; ChainUnavailable
 */
export async function openName(connection: Connection, ensName: string, localTime: bigint): Promise<NameOnChain> {
  const resolver = await agreedResolver(connection, ensName)
  const { chainId, ensRegistry, rpcUrls } = connection
  const readers = rpcUrls.map((rpcUrl) => createViemChain({ rpcUrl, chainId, ensRegistry, resolver }))
  const [first] = readers
  if (first === undefined) throw new Error('a connection has at least one endpoint')
  let authority: Promise<NameAuthority> | undefined
  const readAuthority = () => {
    authority ??= Promise.all(readers.map((reader) => reader.readAuthority(ensName)))
      .then((answers) => agreedAuthority(answers, localTime))
      .catch(refuseOther)
    return authority
  }
  const named = connection.gateways ?? (await first.readGateways(ensName).catch(refuseOther))
  const gateways = named.filter((url) => mayAsk(connection, url)).map((url) => url.replace(/\/+$/, ''))
  return { ensName, domain: first.domain, gateways, readAuthority }
}

async function agreedResolver(connection: Connection, ensName: string): Promise<Address> {
  const { rpcUrls, ensRegistry } = connection
  const found = await Promise.all(rpcUrls.map((url) => findResolver(url, ensRegistry, ensName)))
  const [resolver = null] = found
  if (found.some((other) => other !== resolver)) throw disagreement(ensName, 'resolver')
  if (resolver !== null) return resolver
  throw new Refusal('UnreachableName', `the ENS registry ${ensRegistry} has no resolver for ${ensName}`)
}

/** A gateway that the chain names is asked over https, over http only beside a chain on this machine; one given by flag as given. */
function mayAsk(connection: Connection, gateway: string): boolean {
  if (!URL.canParse(gateway)) return false
  const { protocol, hostname } = new URL(gateway)
  if (protocol === 'https:') return true
  return (
    protocol === 'http:' && (connection.gateways !== null || (connection.allowsPlainHttp && isLoopbackHost(hostname)))
  )
}

/** @throws Refusal RpcDisagree, ChainStale */
function agreedAuthority(answers: readonly NameAuthority[], localTime: bigint): NameAuthority {
  const [first] = answers
  if (first === undefined) throw new Error('a connection has at least one endpoint')
  if (answers.some((answer) => summaryOf(answer) !== summaryOf(first))) throw disagreement(first.ensName, 'authority')
  for (const { blockTime, blockNumber } of answers) {
    if (localTime - blockTime <= maxBlockAgeSeconds) continue
    const minutes = (localTime - blockTime) / 60n
    throw new Refusal('ChainStale', `the chain's latest block ${blockNumber} is ${minutes} minutes old`)
  }
  const isRevoked = async (key: Address) => {
    const said = await Promise.all(answers.map((answer) => answer.isRevoked(key)))
    if (said.some((revoked) => revoked !== said[0])) throw disagreement(first.ensName, 'revocation')
    return said[0] === true
  }
  const askContract: NameAuthority['askContract'] = async (signer, hash, signature) => {
    const said = await Promise.all(answers.map((answer) => answer.askContract(signer, hash, signature)))
    if (said.some((answer) => answer !== said[0])) throw disagreement(first.ensName, 'signature of a contract')
    return said[0]
  }
  return { ...first, isRevoked, askContract }
}

/** Everything the check order asks about, as text; the block itself may differ by one. */
function summaryOf(authority: NameAuthority): string {
  const { authorityName, owner, policy, epoch, minVersion, anchorVersion, anchorHash, reachable } = authority
  const numbers = [epoch, minVersion, anchorVersion].map(String)
  return JSON.stringify([reachable, authorityName, owner, policy, numbers, anchorHash])
}

/** A name whose resolver is somebody else's contract has no lists. */
function refuseOther(error: unknown): never {
  if (!(error instanceof NotMooringResolver)) throw error
  const seen = `the resolver of the name, ${error.resolver}, is no Mooring resolver`
  throw new Refusal('UnreachableName', `${seen}: mooring setup makes a name a repository`)
}

function disagreement(ensName: string, what: string): Refusal {
  return new Refusal('RpcDisagree', `the RPC endpoints give different answers about the ${what} of ${ensName}`)
}
