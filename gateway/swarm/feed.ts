import type { Hex } from 'viem'

/**
 * Feeds as Bee has them (sequence feeds): update `position` of a topic by an owner is the single-owner chunk with id
 * keccak256(topic | u64 big-endian position), at address keccak256(id | owner), whose signature is over keccak256(id | content address)
 * as an Ethereum message. Payloads of exactly 40 or 72 bytes are avoided: Bee takes them for an older form.
 */
export type FeedUpdate = { owner: Hex; topic: Hex; position: number; payload: Uint8Array }

/** The topic of a name's feed: keccak256("mooring" | node), protocol 6. */
export declare function feedTopic(node: Hex): Hex
/** Where an update is, and what its id is. */
export declare function feedAddress(owner: Hex, topic: Hex, position: number): { id: Hex; address: Hex }
/** Checks a single-owner chunk as a node gives it: id, owner, signature, content address. @throws Error saying which is wrong */
export declare function parseFeedChunk(bytes: Uint8Array, owner: Hex, topic: Hex, position: number): Promise<FeedUpdate>

/** What our feed points to, one per publish (protocol 6): the signed list and the content index, both on Swarm. */
export type FeedPayload = { epoch: bigint; version: bigint; listHash: Hex; listReference: Hex; indexReference: Hex }
/** Fixed length, all integers big-endian: "MOOR" | u8 format (1) | u64 epoch | u64 version | listHash | listReference | indexReference. */
export declare function encodeFeedPayload(payload: FeedPayload): Uint8Array
/** @throws Error for bytes that are no such payload */
export declare function decodeFeedPayload(bytes: Uint8Array): FeedPayload
