import { createHash } from 'node:crypto'
import type { OpenDigester } from './oci/digest.ts'

/** Digests on Node, by OpenSSL. */
export const openNodeDigester: OpenDigester = (algorithm) => {
  const hash = createHash(algorithm)
  return {
    update: (bytes) => void hash.update(bytes),
    digest: () => `${algorithm}:${hash.digest('hex')}`,
  }
}
