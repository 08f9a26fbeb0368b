import { type Hex, hexToBytes } from 'viem'
import { byteLength, isLowerHex, keccakOfBytes, keccakOfPair } from './bytes.ts'
import { MAX_KEY_BYTES } from './entry.ts'
import { Refusal } from './refusal.ts'
import type { Proof, Slot, TreeReader } from './tree.ts'

/** Protocol 2.1: used slots of one list, sentinel included. */
export const MAX_COUNT = 1_048_576

/** Slot 0 of the empty list. */
export const SENTINEL: Slot = { key: '0x', nextKey: '0x', value: '0x' }

/**
 * keccak256(keccak256(u8 length(key) | key | u8 length(nextKey) | nextKey | value)); a key over 129 bytes is refused before anything
 * is hashed, because its length would not fit its one byte (protocol 3.1 row 0). @throws Refusal BadProof
 */
export function hashLeaf(slot: Slot): Hex {
  if (byteLength(slot.key) > MAX_KEY_BYTES || byteLength(slot.nextKey) > MAX_KEY_BYTES) {
    throw new Refusal('BadProof', `a key is longer than ${MAX_KEY_BYTES} bytes`)
  }
  const key = hexToBytes(slot.key)
  const nextKey = hexToBytes(slot.nextKey)
  const value = hexToBytes(slot.value)
  const bytes = new Uint8Array(2 + key.length + nextKey.length + value.length)
  bytes[0] = key.length
  bytes.set(key, 1)
  bytes[1 + key.length] = nextKey.length
  bytes.set(nextKey, 2 + key.length)
  bytes.set(value, 2 + key.length + nextKey.length)
  return keccakOfBytes(hexToBytes(keccakOfBytes(bytes)))
}

/** keccak256(min(a,b) | max(a,b)): the pair hash of OpenZeppelin MerkleProof. */
export function hashPair(a: Hex, b: Hex): Hex {
  return a < b ? keccakOfPair(a, b) : keccakOfPair(b, a)
}

/** ceil(log2(count)): the length of every path, for count >= 1. */
export function depthOf(count: number): number {
  return count <= 1 ? 0 : 32 - Math.clz32(count - 1)
}

/**
 * How many nodes of a level are kept for a list of `count` slots: those with a used slot below them, positions 0 to this - 1; none
 * above the root (level `depthOf(count)`, one node). Every other node is the empty hash of its level and is never stored.
 */
export function nodesAtLevel(count: number, level: number): number {
  return level > depthOf(count) ? 0 : Math.ceil(count / 2 ** level)
}

const emptyHashes: Hex[] = [`0x${'00'.repeat(32)}`]

/** The hash of an empty subtree at a level: 32 zero bytes at level 0, the hash of two of those below otherwise. */
export function emptyHash(level: number): Hex {
  for (let next = emptyHashes.length; next <= level; next++) {
    emptyHashes.push(keccakOfPair(emptyHashes[next - 1]!, emptyHashes[next - 1]!))
  }
  return emptyHashes[level]!
}

/** The root that `proof` leads to. @throws Refusal BadProof for a key over 129 bytes or a path element that is not 32 bytes */
export function rootOfProof(proof: Proof): Hex {
  let hash = hashLeaf(proof)
  for (const sibling of proof.path) {
    if (!isLowerHex(sibling, 32)) throw new Refusal('BadProof', 'a path element is not 32 bytes')
    hash = hashPair(hash, sibling)
  }
  return hash
}

/** The proof that `key` is present or, by the slot that spans it, absent; O(log n) reads. */
export async function proveKey(tree: TreeReader, key: Hex): Promise<Proof> {
  const { position, slot } = await tree.findSlot(key)
  const path: Hex[] = []
  for (let level = 0; level < depthOf(tree.count); level++) {
    const sibling = (position >>> level) ^ 1
    path.push((await tree.nodeAt(level, sibling)) ?? emptyHash(level))
  }
  return { key: slot.key, nextKey: slot.nextKey, value: slot.value, path }
}
