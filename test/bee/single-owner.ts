import { concat, type Hex, hexToBytes, keccak256, numberToHex, toHex } from 'viem'
import { privateKeyToAccount } from 'viem/accounts'
import type { SwarmHash } from '../../gateway/swarm/hash.ts'

const account = privateKeyToAccount(keccak256(toHex('who writes feeds in tests')))

/** A signed single-owner chunk as `writeSingleOwnerChunk` takes it, and where it will be. */
export async function signSoc(hash: SwarmHash, id: Hex, payload: Uint8Array, signer = account) {
  const span = Buffer.alloc(8)
  span.writeBigUInt64LE(BigInt(payload.byteLength))
  const chunk = Buffer.concat([span, payload])
  const signature = await signer.signMessage({ message: { raw: keccak256(concat([id, hash.addressOf(chunk)])) } })
  const owner = signer.address.toLowerCase() as Hex
  const stored = Buffer.concat([hexToBytes(id), hexToBytes(signature), chunk])
  return { soc: { owner, id, signature, chunk }, address: keccak256(concat([id, owner])), stored }
}

/** The id of a feed's update. */
export function feedId(topic: Hex, position: number): Hex {
  return keccak256(concat([topic, numberToHex(position, { size: 8 })]))
}
