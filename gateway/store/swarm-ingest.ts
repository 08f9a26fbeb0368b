import type { Hex } from 'viem'
import type { SwarmHash } from '../swarm/hash.ts'
import { createPacedHasher, type PacedHasher } from '../swarm/reference.ts'
import type { ContentStore, StoredPart } from './content-store.ts'
import type { SwarmLedger } from './swarm-ledger.ts'

/** What references are computed with while bodies come in. */
export type IngestDeps = { hash: SwarmHash; ledger: Pick<SwarmLedger, 'recordReference'>; pause: () => Promise<void> }

/** An upload's bytes so far, hashed as they came. `partIds` null: they did not come in one row, and nobody knows their hash. */
type Ingest = { hasher: PacedHasher; partIds: string[] | null; isBusy: boolean; swarmReference?: Promise<Hex> }

/** Uploads under way whose hash is kept; each takes up to 150 KiB. What is beyond is hashed from the stored bytes, as after a restart. */
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
      const ingest = beginBody(ingests, uploadId, deps)
      if (!ingest) return content.writePart(uploadId, body, maxBytes)
      const { partIds } = ingest
      ingest.isBusy = true
      ingest.partIds = null
      const part = await content.writePart(uploadId, hashed(body, ingest.hasher), maxBytes)
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
      const swarmReference = await referenceOf(ingests.get(uploadId), parts)
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
function beginBody(ingests: Map<string, Ingest>, uploadId: string, { hash, pause }: IngestDeps): Ingest | undefined {
  const known = ingests.get(uploadId)
  if (known && (known.isBusy || known.swarmReference)) known.partIds = null
  if (known) return known.partIds ? known : undefined
  const ingest: Ingest = { hasher: createPacedHasher(hash, pause), partIds: [], isBusy: false }
  ingests.set(uploadId, ingest)
  if (ingests.size > maxUploads) ingests.delete(ingests.keys().next().value as string)
  return ingest
}

/** The reference over exactly these parts; undefined when others were hashed. */
function referenceOf(ingest: Ingest | undefined, parts: readonly StoredPart[]): Promise<Hex> | undefined {
  const hashedIds = ingest?.partIds
  if (!ingest || hashedIds?.join() !== parts.map(({ partId }) => partId).join()) return undefined
  ingest.swarmReference ??= ingest.hasher.digest()
  return ingest.swarmReference
}

function hashed(body: ReadableStream<Uint8Array>, hasher: PacedHasher) {
  return body.pipeThrough(
    new TransformStream<Uint8Array, Uint8Array>({
      async transform(piece, sink) {
        await hasher.update(piece)
        sink.enqueue(piece)
      },
    }),
  )
}
