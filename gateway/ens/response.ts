import type { Hex } from 'viem'
import type { ListHeader, SignedList, SignerSignature, Timestamp } from '../tags/list.ts'
import { Refusal } from '../tags/refusal.ts'
import type { Proof } from '../tags/tree.ts'
import { addressWord, arrayWords, bytesWords, offsetWords, word } from './abi-words.ts'
import {
  type Cursor,
  cursorOver,
  takeAddress,
  takeBytes,
  takeCount,
  takeElements,
  takeEnd,
  takeHash,
  takeOffsets,
  takeTail,
  takeUint64,
} from './word-cursor.ts'

/** Limits of row 0 of the check order (protocol 3.1). */
const maxResponseBytes = 128 * 1024
const maxSignatures = 8
const maxSignatureBytes = 8192
const maxKeyBytes = 129
const maxPathHashes = 20

/** Words before the tails: nine of the header, then the offsets of signatures, timestamp and proofs. */
const headWords = 9 + 3

/** The gateway's answer: `abi.encode(header, signatures, timestamp, proofs)`, one proof per oci-tag call, in call order. */
export function encodeResponse(signed: Omit<SignedList, 'hash'>, proofs: readonly Proof[]): Hex {
  return prepareResponse(signed)(proofs)
}

/**
 * As `encodeResponse`, for many answers from one list version: all but the proofs is encoded once. What it returns may be kept as
 * long as list, signatures and timestamp stay the same.
 */
export function prepareResponse(signed: Omit<SignedList, 'hash'>): (proofs: readonly Proof[]) => Hex {
  const signatures = arrayWords(signed.signatures.map(signatureWords))
  const timestamp = timestampWords(signed.timestamp)
  const offsets = offsetWords(headWords, [signatures, timestamp, ''])
  const constant: Hex = `0x${headerWords(signed.list)}${offsets}${signatures}${timestamp}`
  return (proofs) => `${constant}${arrayWords(proofs.map(proofWords))}`
}

function headerWords(list: ListHeader): string {
  const { owner, epoch, version, previous, root, count, delegations, issuedAt, expiresAt } = list
  const binding = addressWord(owner) + word(epoch) + word(version) + digitsOf(previous)
  return binding + digitsOf(root) + word(count) + digitsOf(delegations) + word(issuedAt) + word(expiresAt)
}

function signatureWords({ signer, signature }: SignerSignature): string {
  return addressWord(signer) + word(0x40) + bytesWords(signature)
}

function timestampWords(timestamp: Timestamp | null): string {
  const { issuedAt, expiresAt, signature } = timestamp ?? { issuedAt: 0n, expiresAt: 0n, signature: '0x' as const }
  return word(issuedAt) + word(expiresAt) + word(0x60) + bytesWords(signature)
}

function proofWords({ key, nextKey, value, path }: Proof): string {
  const pathWords = word(path.length) + path.map(digitsOf).join('')
  const tails = [bytesWords(key), bytesWords(nextKey), bytesWords(value), pathWords]
  return offsetWords(tails.length, tails) + tails.join('')
}

function digitsOf(hash: Hex): string {
  return hash.slice(2)
}

/** A decoded answer. */
export type GatewayAnswer = { signed: Omit<SignedList, 'hash'>; proofs: readonly Proof[] }

/** What an answer holds by itself: name and node of the list are the requested ones, so they are not sent. */
export type BareAnswer = {
  list: Omit<ListHeader, 'name' | 'node'>
  signatures: readonly SignerSignature[]
  timestamp: Timestamp | null
  proofs: readonly Proof[]
}

/**
 * The exact inverse of `encodeResponse`: limits of row 0 first, and only the very bytes that `encodeResponse` gives. The header is
 * completed with the requested name and node. @throws Refusal BadResponse
 */
export function decodeResponse(
  response: Hex,
  request: { ensName: string; node: Hex; records: readonly { kind: string }[] },
): GatewayAnswer {
  const tagCalls = request.records.filter((record) => record.kind === 'tag').length
  return completeAnswer(decodeAnswer(response, tagCalls), request)
}

/** Completes an answer with the name and node it was asked for. */
export function completeAnswer(answer: BareAnswer, request: { ensName: string; node: Hex }): GatewayAnswer {
  const { list, signatures, timestamp, proofs } = answer
  return { signed: { list: { name: request.ensName, node: request.node, ...list }, signatures, timestamp }, proofs }
}

/** Row 0 of the check order; exactly one proof is wanted per oci-tag call. @throws Refusal BadResponse */
export function decodeAnswer(response: Hex, tagCalls: number): BareAnswer {
  const cursor = cursorOver(response, maxResponseBytes)
  const list = takeHeader(cursor)
  const tails = takeOffsets(cursor, 3, headWords - 3)
  const signatures = takeTail(cursor, tails, 0, () =>
    takeElements(cursor, takeCount(cursor, maxSignatures), takeSignature),
  )
  const timestamp = takeTail(cursor, tails, 1, () => takeTimestamp(cursor))
  const proofs = takeTail(cursor, tails, 2, () => takeElements(cursor, takeCount(cursor, tagCalls), takeProof))
  takeEnd(cursor)
  if (proofs.length !== tagCalls) {
    throw new Refusal('BadResponse', `response: ${proofs.length} proofs for ${tagCalls} oci-tag calls`)
  }
  return { list, signatures, timestamp, proofs }
}

/** Members in the order of the wire: each `take` moves the cursor on. */
function takeHeader(cursor: Cursor): BareAnswer['list'] {
  return {
    owner: takeAddress(cursor),
    epoch: takeUint64(cursor),
    version: takeUint64(cursor),
    previous: takeHash(cursor),
    root: takeHash(cursor),
    count: takeUint64(cursor),
    delegations: takeHash(cursor),
    issuedAt: takeUint64(cursor),
    expiresAt: takeUint64(cursor),
  }
}

function takeSignature(cursor: Cursor): SignerSignature {
  const signer = takeAddress(cursor)
  const tails = takeOffsets(cursor, 1, 1)
  return { signer, signature: takeTail(cursor, tails, 0, () => takeBytes(cursor, maxSignatureBytes)) }
}

function takeTimestamp(cursor: Cursor): Timestamp | null {
  const issuedAt = takeUint64(cursor)
  const expiresAt = takeUint64(cursor)
  const tails = takeOffsets(cursor, 1, 2)
  const signature = takeTail(cursor, tails, 0, () => takeBytes(cursor, maxSignatureBytes))
  const isNone = issuedAt === 0n && expiresAt === 0n && signature === '0x'
  return isNone ? null : { issuedAt, expiresAt, signature }
}

function takeProof(cursor: Cursor): Proof {
  const tails = takeOffsets(cursor, 4, 0)
  return {
    key: takeTail(cursor, tails, 0, () => takeBytes(cursor, maxKeyBytes)),
    nextKey: takeTail(cursor, tails, 1, () => takeBytes(cursor, maxKeyBytes)),
    value: takeTail(cursor, tails, 2, () => takeBytes(cursor, maxResponseBytes)),
    path: takeTail(cursor, tails, 3, () => takePath(cursor)),
  }
}

function takePath(cursor: Cursor): Hex[] {
  return Array.from({ length: takeCount(cursor, maxPathHashes) }, () => takeHash(cursor))
}
