import { bytesToHex } from 'viem'
import type { TokenKey, TokenKeys } from './keys.ts'

/** A login message may be made and sent within this. */
export const NONCE_LIFETIME_SECONDS = 300
const form = /^([0-9a-f]{10})[0-9a-f]{32}([0-9a-f]{32})$/

/**
 * A nonce that needs no row until it is used: when it ends (10 hex digits, unix seconds), 128 random bits, and 128 bits that show that
 * this gateway made it for this service. Hex digits alone, as ERC-4361 wants letters and digits.
 */
export async function makeNonce(
  [key]: TokenKeys,
  { service, expiresAt, random }: { service: string; expiresAt: number; random: Uint8Array },
): Promise<string> {
  const body = `${expiresAt.toString(16).padStart(10, '0')}${hexOf(random.subarray(0, 16))}`
  return body + (await markOf(key, service, body))
}

/** When a nonce of this gateway ends, in unix seconds; undefined for a text that is none. */
export async function readNonce(keys: TokenKeys, service: string, nonce: string): Promise<number | undefined> {
  const [, end = '', mark] = form.exec(nonce) ?? []
  if (mark === undefined) return undefined
  const marks = await Promise.all(keys.map((key) => markOf(key, service, nonce.slice(0, -32))))
  return marks.includes(mark) ? Number.parseInt(end, 16) : undefined
}

async function markOf(key: TokenKey, service: string, body: string): Promise<string> {
  return hexOf((await key.authenticate(`${service} ${body}`)).subarray(0, 16))
}

function hexOf(bytes: Uint8Array): string {
  return bytesToHex(bytes).slice(2)
}
