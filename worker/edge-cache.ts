import { algorithmOf, type Digest, digestOf } from '../gateway/oci/digest.ts'
import { ContentUnavailable } from '../gateway/store/content-store.ts'
import type { R2Content } from '../gateway/store/r2.ts'
import { knownLengthOf } from '../gateway/store/r2-read.ts'

/** Manifests and configurations, which every pull reads. */
const maxBytes = 64 * 1024

/**
 * Content in R2 whose small things are also kept where they are asked for (Cloudflare's Cache API, without effect under workers.dev). A
 * digest never changes its bytes, and who may see it was decided before it is read; the cache is believed nothing: its bytes are hashed.
 */
export function cacheAtEdge(content: R2Content, cache: Pick<Cache, 'match' | 'put'>): R2Content {
  return {
    ...content,
    async read(digest, range) {
      const known = range ? undefined : await readCached(cache, digest).catch(() => undefined)
      if (known) return streamOf(known)
      const body = await content.read(digest, range)
      if (range || !body || (knownLengthOf(body) ?? maxBytes + 1) > maxBytes) return body
      const bytes = await bytesOf(body)
      const kept = new Response(bytes, { headers: { 'cache-control': 'max-age=31536000, immutable' } })
      await cache.put(urlOf(digest), kept).catch(() => undefined)
      return streamOf(bytes)
    },
  }
}

async function readCached(cache: Pick<Cache, 'match'>, digest: Digest): Promise<Uint8Array | undefined> {
  const found = await cache.match(urlOf(digest))
  const bytes = found && (await bytesOf(found.body))
  return bytes && (await digestOf(algorithmOf(digest), bytes)) === digest ? bytes : undefined
}

/** A host that nobody reaches: the key of an entry, which no request from outside can have. */
function urlOf(digest: Digest): string {
  return `https://content.invalid/${digest}`
}

async function bytesOf(body: ReadableStream<Uint8Array> | null): Promise<Uint8Array> {
  try {
    return new Uint8Array(await new Response(body).arrayBuffer())
  } catch (cause) {
    throw new ContentUnavailable('content broke off while it was read', { cause })
  }
}

function streamOf(bytes: Uint8Array): ReadableStream<Uint8Array> {
  return new Blob([bytes]).stream()
}
