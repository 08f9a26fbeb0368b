import type { Digest } from '../oci/digest.ts'
import type { ContentStore } from './content-store.ts'
import { bytesStream } from './file-stream.ts'

const maxContentBytes = 64 * 1024

/**
 * A content store that keeps what is small and was read lately in memory, up to `maxTotalBytes`: manifests, which every pull reads.
 * What a digest names never changes, so only `remove` takes something out before its time.
 */
export function rememberSmallContent(content: ContentStore, maxTotalBytes: number): ContentStore {
  const remembered = new Map<Digest, Uint8Array>()
  let totalBytes = 0
  let removals = 0
  const forget = (digest: Digest) => {
    totalBytes -= remembered.get(digest)?.byteLength ?? 0
    remembered.delete(digest)
  }
  const remember = (digest: Digest, bytes: Uint8Array) => {
    forget(digest)
    remembered.set(digest, bytes)
    totalBytes += bytes.byteLength
    for (const oldest of remembered.keys()) {
      if (totalBytes <= maxTotalBytes) return
      forget(oldest)
    }
  }
  const readSmall = async (digest: Digest): Promise<Uint8Array | undefined> => {
    const removalsBefore = removals
    const stream = await content.read(digest)
    if (!stream) return undefined
    const bytes = new Uint8Array(await new Response(stream).arrayBuffer())
    if (removals === removalsBefore) remember(digest, bytes)
    return bytes
  }
  return {
    ...content,
    stat: async (digest) => remembered.get(digest)?.byteLength ?? content.stat(digest),
    async read(digest, range) {
      const known = remembered.get(digest)
      if (known) {
        remember(digest, known)
        return bytesStream(known, range)
      }
      const size = range ? undefined : await content.stat(digest)
      if (size === undefined || size > maxContentBytes) return content.read(digest, range)
      const bytes = await readSmall(digest)
      return bytes && bytesStream(bytes)
    },
    async remove(digest) {
      removals++
      forget(digest)
      const removed = await content.remove(digest)
      removals++
      forget(digest)
      return removed
    },
  }
}
