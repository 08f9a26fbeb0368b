import type { Hex } from 'viem'
import type { SwarmHash, SwarmHasher } from '../swarm/hash.ts'
import { updateInSlices } from '../swarm/reference.ts'
import type { ContentStore, StoredPart } from './content-store.ts'
import type { SwarmLedger } from './swarm-ledger.ts'

/** What references are computed with while bodies come in. */
export type IngestDeps = { hash: SwarmHash; ledger: Pick<SwarmLedger, 'recordReference'>; pause: () => Promise<void> }

/** An upload's bytes so far, hashed as they came. `partIds` null: they did not come in one row, and nobody knows their hash. */
type Ingest = { hasher: SwarmHasher; partIds: string[] | null; isBusy: boolean; swarmReference: Hex | undefined }

/** Uploads under way whose hash is kept; each takes some 20 KiB. What is beyond is hashed from the stored bytes, as after a restart. */
const maxUploads = 256

/**
 * A content store that computes the Swarm reference of a blob in the same pass in which its body is stored: it is recorded, proven, when
 * `assemble` resolves, and nothing is read a second time for it. Where bodies of one upload came side by side, broke off or were dropped,
 * nothing is recorded. `assemble` @throws SwarmReferenceConflict too
 */
export function hashWhileStoring(content: ContentStore, deps: IngestDeps): ContentStore {
  const ingests = new Map<string, Ingest>()
  return {
    ...content,
    async writePart(uploadId, body, maxBytes) {
      const ingest = beginBody(ingests, uploadId, deps.hash)
      if (!ingest) return content.writePart(uploadId, body, maxBytes)
      const { partIds } = ingest
      ingest.isBusy = true
      ingest.partIds = null
      const part = await content.writePart(uploadId, hashed(body, ingest.hasher, deps.pause), maxBytes)
      ingest.isBusy = false
      ingest.partIds = partIds && [...partIds, part.partId]
      return part
    },
    async dropPart(uploadId, partId) {
      const ingest = ingests.get(uploadId)
      if (ingest?.partIds?.includes(partId)) ingest.partIds = null
      await content.dropPart(uploadId, partId)
    },
    async assemble(uploadId, parts, digest) {
      const swarmReference = referenceOf(ingests.get(uploadId), parts)
      const assembled = await content.assemble(uploadId, parts, digest)
      if (swarmReference) await deps.ledger.recordReference(digest, assembled.size, swarmReference)
      return assembled
    },
    async dropUpload(uploadId) {
      ingests.delete(uploadId)
      await content.dropUpload(uploadId)
    },
  }
}

/** Undefined where the next body would not follow the ones before it. */
function beginBody(ingests: Map<string, Ingest>, uploadId: string, hash: SwarmHash): Ingest | undefined {
  const known = ingests.get(uploadId)
  if (known && (known.isBusy || known.swarmReference)) known.partIds = null
  if (known) return known.partIds ? known : undefined
  const ingest: Ingest = { hasher: hash.createHasher(), partIds: [], isBusy: false, swarmReference: undefined }
  ingests.set(uploadId, ingest)
  if (ingests.size > maxUploads) ingests.delete(ingests.keys().next().value as string)
  return ingest
}

/** The reference over exactly these parts; undefined when others were hashed. */
function referenceOf(ingest: Ingest | undefined, parts: readonly StoredPart[]): Hex | undefined {
  const hashedIds = ingest?.partIds
  if (!ingest || hashedIds?.join() !== parts.map(({ partId }) => partId).join()) return undefined
  ingest.swarmReference ??= ingest.hasher.digest()
  return ingest.swarmReference
}

function hashed(body: ReadableStream<Uint8Array>, hasher: SwarmHasher, pause: () => Promise<void>) {
  return body.pipeThrough(
    new TransformStream<Uint8Array, Uint8Array>({
      async transform(piece, sink) {
        await updateInSlices(hasher, piece, pause)
        sink.enqueue(piece)
      },
    }),
  )
}
