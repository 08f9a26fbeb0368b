import type { NameAuthority } from './tags/authority.ts'
import type { SignedList, SignerSignature } from './tags/list.ts'
import { isSignatureValid } from './tags/signature.ts'

/** Signatures found valid, by the chain's answer they were checked against and then by the list and its signatures. */
const checked = new WeakMap<NameAuthority, Map<string, Promise<readonly SignerSignature[]>>>()
const maxListsPerName = 4

/**
 * A list as a gateway sends it: only with the signatures that count now (protocol 2.3), which may be fewer than it needs, and with a
 * timestamp only where the policy asks for one. The chain reader hands out one answer for up to 15 s, so this costs one check per
 * answer and not one per request.
 */
export async function withValidSignatures(authority: NameAuthority, signed: SignedList): Promise<SignedList> {
  const lists = checked.get(authority) ?? new Map<string, Promise<readonly SignerSignature[]>>()
  checked.set(authority, lists)
  const key = `${signed.hash}${JSON.stringify(signed.signatures)}`
  const known = lists.get(key) ?? validSignatures(authority, signed)
  if (lists.size >= maxListsPerName) lists.clear()
  lists.set(key, known)
  known.catch(() => lists.delete(key))
  const timestamp = authority.policy.timestamper ? signed.timestamp : null
  return { ...signed, signatures: await known, timestamp }
}

async function validSignatures(authority: NameAuthority, signed: SignedList): Promise<readonly SignerSignature[]> {
  const counts = await Promise.all(signed.signatures.map((each) => isCounting(authority, signed, each)))
  return signed.signatures.filter((_, i) => counts[i])
}

async function isCounting(
  { policy, isRevoked, askContract }: NameAuthority,
  { hash }: SignedList,
  { signer, signature }: SignerSignature,
): Promise<boolean> {
  if (!policy.publishers.includes(signer) || (await isRevoked(signer))) return false
  return isSignatureValid(signer, hash, signature, askContract)
}
