import type { Lie } from './lie.ts'
import { lonelyLies } from './lies/beside.ts'
import { blobLies } from './lies/blobs.ts'
import { listLies } from './lies/lists.ts'
import { lookupLies } from './lies/lookups.ts'
import { manifestLies } from './lies/manifests.ts'
import { memoryLies } from './lies/memory.ts'
import { proofLies } from './lies/proofs.ts'
import { signatureLies } from './lies/signatures.ts'
import { tagLies } from './lies/tags.ts'
import { timestampLies } from './lies/timestamps.ts'

/** Every lie, by family in the check order of protocol 3.1. */
export const allLies: readonly Lie[] = [
  ...lookupLies,
  ...listLies,
  ...signatureLies,
  ...timestampLies,
  ...proofLies,
  ...memoryLies,
  ...manifestLies,
  ...blobLies,
  ...tagLies,
  ...lonelyLies,
]
