import type { Digest } from '../oci/digest.ts'
import type { WantedContent } from './reader.ts'

/** A manifest whose bytes were checked. */
export type CheckedManifest = { digest: Digest; bytes: Uint8Array; mediaType: string }

/** What verified lists and manifests of a name said of content, and manifests that were read. Forgets what was not asked for longest. */
export type KnownContent = {
  note(ensName: string, said: WantedContent): void
  /** What is known of a digest; size, type and reference null where nothing verified names it. */
  wanted(ensName: string, digest: Digest): WantedContent
  keepManifest(ensName: string, manifest: CheckedManifest): void
  findManifest(ensName: string, digest: Digest): CheckedManifest | undefined
}

const maxDescriptors = 50_000
const maxManifestBytes = 8 * 1024 * 1024

/** Nothing is known at first. */
export function createKnownContent(): KnownContent {
  const descriptors = new Map<string, WantedContent>()
  const manifests = new Map<string, CheckedManifest>()
  let manifestBytes = 0
  const keyOf = (ensName: string, digest: Digest) => `${ensName} ${digest}`
  return {
    note(ensName, said) {
      const key = keyOf(ensName, said.digest)
      touch(descriptors, key, agreedOf(descriptors.get(key), said))
      dropOldest(descriptors, () => descriptors.size > maxDescriptors)
    },
    wanted(ensName, digest) {
      const unknown = { digest, size: null, mediaType: null, swarmReference: null, isNamed: false }
      return descriptors.get(keyOf(ensName, digest)) ?? unknown
    },
    keepManifest(ensName, manifest) {
      const key = keyOf(ensName, manifest.digest)
      manifestBytes += manifest.bytes.length - (manifests.get(key)?.bytes.length ?? 0)
      touch(manifests, key, manifest)
      dropOldest(
        manifests,
        () => manifestBytes > maxManifestBytes,
        ({ bytes }) => {
          manifestBytes -= bytes.length
        },
      )
    },
    findManifest(ensName, digest) {
      const key = keyOf(ensName, digest)
      const found = manifests.get(key)
      if (found) touch(manifests, key, found)
      return found
    },
  }
}

/**
 * Anybody can make a manifest that names content of others as something else, and have it pulled. So what a list says stands (it alone has
 * a reference), and where two manifests contradict each other nothing is known but the digest.
 */
function agreedOf(before: WantedContent | undefined, said: WantedContent): WantedContent {
  if (before === undefined || said.swarmReference !== null) return said
  if (before.swarmReference !== null) return before
  const size = before.size === said.size ? said.size : null
  const mediaType = before.mediaType === said.mediaType ? said.mediaType : null
  return { ...said, size, mediaType }
}

function touch<Value>(kept: Map<string, Value>, key: string, value: Value): void {
  kept.delete(key)
  kept.set(key, value)
}

function dropOldest<Value>(kept: Map<string, Value>, isOver: () => boolean, dropped?: (value: Value) => void): void {
  for (const [key, value] of kept) {
    if (!isOver()) return
    kept.delete(key)
    dropped?.(value)
  }
}
