import { OciError } from './error.ts'

/** `sha256:` + 64 or `sha512:` + 128 lower-case hex digits (OCI image-spec 1.1, descriptor.md "Digests"). */
export type Digest = `sha256:${string}` | `sha512:${string}`
/** The two hashes that a registry takes: image-spec 1.1 "Registered Algorithms". */
export type DigestAlgorithm = 'sha256' | 'sha512'

const digestPattern = /^(?:sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128})$/

/** Whether a text is a digest in its one legal form. */
export function isDigest(text: string): text is Digest {
  return digestPattern.test(text)
}

/** @throws OciError DIGEST_INVALID for anything but a sha256 or sha512 digest in lower-case hex. */
export function parseDigest(text: string): Digest {
  if (isDigest(text)) return text
  throw new OciError(
    'DIGEST_INVALID',
    `digest ${JSON.stringify(text.slice(0, 160))} is not sha256:<64 hex> or sha512:<128 hex> in lower case`,
  )
}

/** The algorithm before the colon. */
export function algorithmOf(digest: Digest): DigestAlgorithm {
  return digest.startsWith('sha256:') ? 'sha256' : 'sha512'
}

/** The hex digits behind the colon. */
export function hexOf(digest: Digest): string {
  return digest.slice(7)
}

/** A digest of bytes as they come, by what the runtime has for it. One `update` at a time. */
export type Digester = {
  /** The bytes may change when it is over. */
  update(bytes: Uint8Array): Promise<void> | void
  /** The digester is spent afterwards. */
  digest(): Promise<Digest> | Digest
}

/** Begins a digest. */
export type OpenDigester = (algorithm: DigestAlgorithm) => Digester

/** The digest of bytes in memory (manifests and embedded data; blobs are hashed by the stores as they stream). */
export async function digestOf(algorithm: DigestAlgorithm, bytes: Uint8Array): Promise<Digest> {
  const name = algorithm === 'sha256' ? 'SHA-256' : 'SHA-512'
  const hash = new Uint8Array(await crypto.subtle.digest(name, bytes as Uint8Array<ArrayBuffer>))
  const hex = Array.from(hash, (byte) => byte.toString(16).padStart(2, '0')).join('')
  return `${algorithm}:${hex}`
}
