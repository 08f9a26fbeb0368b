import { type Address, encodeFunctionData, type Hex, hexToBigInt, keccak256, stringToHex } from 'viem'
import { ensRegistryAbi, nameWrapperAbi, registrarAbi } from '../ens/abi.ts'
import type { EnsFacts } from '../ens/authority.ts'
import { nodeOf } from '../ens/name.ts'
import { ChainUnavailable } from './chain-reader.ts'

/** `eth_call` at the block that all facts belong to; undefined when the call failed. */
export type CallAtBlock = (to: Address, callData: Hex) => Promise<Hex | undefined>

/** The contracts that the resolver's ownership adapter asks; null where a chain has none. */
export type EnsContracts = { ensRegistry: Address; nameWrapper: Address | null; registrar: Address | null }

const zeroAddress = '0x0000000000000000000000000000000000000000'

/** An address as our interfaces want it: lower case, null for zero. */
export function addressOrNull(address: Address): Address | null {
  return address === zeroAddress ? null : (address.toLowerCase() as Address)
}

/** The facts that `findAuthority` asks for. @throws ChainUnavailable */
export function createEnsFacts(call: CallAtBlock, contracts: EnsContracts, blockTime: bigint): EnsFacts {
  const { ensRegistry, nameWrapper, registrar } = contracts
  const registryOwner = async (node: Hex) => {
    const callData = encodeFunctionData({ abi: ensRegistryAbi, functionName: 'owner', args: [node] })
    return addressIn(await callWord(call, ensRegistry, callData))
  }
  const registryResolver = async (node: Hex) => {
    const callData = encodeFunctionData({ abi: ensRegistryAbi, functionName: 'resolver', args: [node] })
    return addressIn(await callWord(call, ensRegistry, callData))
  }
  const wrappedOwner = async (node: Hex) => {
    if (!nameWrapper) return null
    const callData = encodeFunctionData({ abi: nameWrapperAbi, functionName: 'ownerOf', args: [hexToBigInt(node)] })
    return addressIn(await callWord(call, nameWrapper, callData))
  }
  const expiryOf = async (label: string) => {
    if (!registrar) return null
    const tokenId = hexToBigInt(keccak256(stringToHex(label)))
    const callData = encodeFunctionData({ abi: registrarAbi, functionName: 'nameExpires', args: [tokenId] })
    const expiry = hexToBigInt(await callWord(call, registrar, callData))
    return expiry === 0n ? null : expiry
  }
  return {
    blockTime,
    wrapper: nameWrapper,
    registryOwner,
    registryResolver,
    wrappedOwner: once(wrappedOwner),
    expiryOf,
  }
}

/**
 * Asks for the wrapped owners of a name's suffixes before it is known whether they are wrapped, so that they travel with the rest of
 * the walk. An answer that nobody comes to need is ignored, its error too.
 */
export function prefetchWrappedOwners(facts: EnsFacts, ensName: string): void {
  const labels = ensName.split('.')
  for (let first = 0; first < labels.length - 1; first++) {
    facts.wrappedOwner(nodeOf(labels.slice(first).join('.'))).catch(ignore)
  }
}

function ignore(): void {}

/** All these getters answer with one word and never revert; anything else is not an ENS contract. */
async function callWord(call: CallAtBlock, to: Address, callData: Hex): Promise<Hex> {
  const word = await call(to, callData)
  if (word?.length === 66) return word
  throw new ChainUnavailable(`${to} does not answer as an ENS contract: check the addresses and the chain`)
}

function addressIn(word: Hex): Address | null {
  return addressOrNull(`0x${word.slice(26)}`)
}

/** The same function, asking once per argument. */
export function once<Key, Answer>(read: (key: Key) => Promise<Answer>): (key: Key) => Promise<Answer> {
  const answers = new Map<Key, Promise<Answer>>()
  return (key) => {
    const known = answers.get(key)
    if (known) return known
    const answer = read(key)
    answers.set(key, answer)
    return answer
  }
}
