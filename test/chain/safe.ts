import { createRequire } from 'node:module'
import {
  type Abi,
  type Address,
  concat,
  decodeFunctionResult,
  encodeFunctionData,
  type Hex,
  hashTypedData,
  zeroAddress,
} from 'viem'
import { sign } from 'viem/accounts'
import type { DevChain } from '../../gateway/cli/dev-chain.ts'
import { addressOf } from '../fixtures.ts'
import { callRaw, deploy } from './dev-calls.ts'
import type { HashSigner } from './signed-answer.ts'

type Artifact = { abi: Abi; bytecode: Hex }

const require = createRequire(import.meta.url)
/** The artifacts that Safe itself published: what stands on mainnet as version 1.3.0. */
const artifactOf = (path: string): Artifact => require(`@gnosis.pm/safe-contracts/build/artifacts/contracts/${path}`)
const singletonArtifact = artifactOf('GnosisSafe.sol/GnosisSafe.json')
const factoryArtifact = artifactOf('proxies/GnosisSafeProxyFactory.sol/GnosisSafeProxyFactory.json')
const handlerArtifact = artifactOf('handler/CompatibilityFallbackHandler.sol/CompatibilityFallbackHandler.json')
const signMessageArtifact = artifactOf('examples/libraries/SignMessage.sol/SignMessageLib.json')

/** Safe's contracts on a development chain. */
export type SafeContracts = { singleton: Address; factory: Address; handler: Address; signMessage: Address }

/** Deploys singleton, proxy factory, fallback handler and the library that approves messages on chain. */
export async function deploySafeContracts(dev: DevChain): Promise<SafeContracts> {
  const put = ({ abi, bytecode }: Artifact) => deploy(dev, abi, bytecode)
  const singleton = await put(singletonArtifact)
  const factory = await put(factoryArtifact)
  return { singleton, factory, handler: await put(handlerArtifact), signMessage: await put(signMessageArtifact) }
}

/** A Safe. Its owners stand behind their keys. */
export type Safe = {
  address: Address
  /** ERC-1271 as wallets do it: each key signs SafeMessage over the hash, in the order of the addresses. */
  signedBy(...keys: Hex[]): HashSigner
  /** A transaction of the Safe, signed by these owners and brought by anybody. `delegate` runs the target's code in the Safe. */
  execute(keys: readonly Hex[], to: Address, data: Hex, delegate?: boolean): Promise<void>
  /** The same for a function of the Safe itself. */
  configure(keys: readonly Hex[], functionName: string, args: readonly unknown[]): Promise<void>
}

let salt = 0n

/** A new proxy with these owners. */
export async function createSafe(
  dev: DevChain,
  contracts: SafeContracts,
  ownerKeys: readonly Hex[],
  threshold: number,
): Promise<Safe> {
  const handler = [zeroAddress, '0x', contracts.handler] as const
  const args = [ownerKeys.map(addressOf), threshold, ...handler, zeroAddress, 0, zeroAddress]
  const setup = encodeFunctionData({ abi: singletonArtifact.abi, functionName: 'setup', args })
  const { abi } = factoryArtifact
  const create = { abi, functionName: 'createProxyWithNonce', args: [contracts.singleton, setup, salt++] }
  const data = encodeFunctionData(create)
  const planned = await callRaw(dev.rpc, { to: contracts.factory, data })
  const address = decodeFunctionResult({ ...create, data: planned.data }) as Address
  await dev.send({ from: addressOf(ownerKeys[0] as Hex), to: contracts.factory, data })
  return openSafe(dev, address.toLowerCase() as Address)
}

function openSafe(dev: DevChain, address: Address): Safe {
  const execute: Safe['execute'] = async (keys, to, data, delegate = false) => {
    const rest = [delegate ? 1 : 0, 0, 0, 0, zeroAddress, zeroAddress] as const
    const nonce = await read(dev, address, 'nonce', [])
    const hash = await read<Hex>(dev, address, 'getTransactionHash', [to, 0, data, ...rest, nonce])
    const args = [to, 0, data, ...rest, await signAll(keys, hash)]
    const call = encodeFunctionData({ abi: singletonArtifact.abi, functionName: 'execTransaction', args })
    await dev.send({ from: addressOf(keys[0] as Hex), to: address, data: call })
  }
  return {
    address,
    execute,
    signedBy: (...keys) => ({ address, sign: (hash) => signAll(keys, messageHash(dev, address, hash)) }),
    configure: (keys, functionName, args) =>
      execute(keys, address, encodeFunctionData({ abi: singletonArtifact.abi, functionName, args })),
  }
}

/** The call, made in the Safe by delegation, that approves a hash on chain: then the empty signature is valid. */
export function approveOnChain(hash: Hex): Hex {
  return encodeFunctionData({ abi: signMessageArtifact.abi, functionName: 'signMessage', args: [hash] })
}

/** What an owner of a Safe signs for `isValidSignature(hash, ...)`: the hash as the bytes of a message. */
function messageHash({ chainId }: DevChain, safe: Address, hash: Hex): Hex {
  return hashTypedData({
    domain: { chainId, verifyingContract: safe },
    types: { SafeMessage: [{ name: 'message', type: 'bytes' }] },
    primaryType: 'SafeMessage',
    message: { message: hash },
  })
}

async function signAll(keys: readonly Hex[], hash: Hex): Promise<Hex> {
  const byAddress = keys.toSorted((a, b) => (addressOf(a) < addressOf(b) ? -1 : 1))
  return concat(await Promise.all(byAddress.map((privateKey) => sign({ privateKey, hash, to: 'hex' }))))
}

async function read<Answer>(dev: DevChain, to: Address, functionName: string, args: readonly unknown[]) {
  const { abi } = singletonArtifact
  const outcome = await callRaw(dev.rpc, { to, data: encodeFunctionData({ abi, functionName, args }) })
  return decodeFunctionResult({ abi, functionName, data: outcome.data }) as Answer
}
