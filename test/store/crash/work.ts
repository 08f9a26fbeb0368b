import type { Hex } from 'viem'
import type { Digest } from '../../../gateway/oci/digest.ts'
import type { NodeStores } from '../../../gateway/store/node-stores.ts'
import { add, bodyOf, digestOf, drop, line, planNext, repository, someBytes, wholeOf } from '../fixtures.ts'

export type Stores = Omit<NodeStores, 'close'>

/** What a client was told: from then on it must hold. `planned` and `removing` say what may have happened without an answer. */
export type Told =
  | { kind: 'part'; uploadId: string; size: number }
  | { kind: 'blob'; digest: Digest; size: number }
  | { kind: 'manifest'; digest: Digest; size: number }
  | { kind: 'removing'; digest: Digest }
  | { kind: 'removed'; digest: Digest }
  | { kind: 'planned'; version: number; hash: Hex; tags: string[] }
  | { kind: 'published'; version: number; hash: Hex }
export type Tell = (told: Told) => void

/** A blob as one client sends it: the bodies of its upload, and the digest it ends with. */
export type BlobPlan = { uploadId: string; bodies: Uint8Array[]; digest: Digest; ends: boolean }

const maxBytes = 1_000_000
const manifestType = 'application/vnd.oci.image.manifest.v1+json'
const never = 2_000_000_000
const stored = { now: 1_000, removals: Number.MAX_SAFE_INTEGER }

/** The uploads of one run; two runs share no bytes but the `again` one. */
export function blobPlans(run: number): BlobPlan[] {
  const bytes = [someBytes(900, run * 10 + 1), someBytes(500, run * 10 + 2), someBytes(700, run * 10 + 3)]
  const [joined, moved, wide] = bytes as [Uint8Array, Uint8Array, Uint8Array]
  const thirds = [joined.slice(0, 300), joined.slice(300, 600), joined.slice(600)]
  const plan = (name: string, bodies: Uint8Array[], digest: Digest, ends = true): BlobPlan => {
    return { uploadId: `${name}-${run}`, bodies, digest, ends }
  }
  return [
    plan('joined', thirds, digestOf(joined)),
    plan('moved', [moved], digestOf(moved)),
    plan('wide', [wide], digestOf(wide, 'sha512')),
    plan('again', [joined], digestOf(joined)),
    plan('empty', [], digestOf('')),
    plan('open', [someBytes(50, run * 10 + 4)], digestOf(someBytes(50, run * 10 + 4)), false),
  ]
}

/** Pushes blobs and a manifest as the routes do, takes one blob away again, and leaves an upload open. */
export async function pushContent(stores: Stores, run: number, tell: Tell): Promise<void> {
  const plans = blobPlans(run)
  for (const plan of plans) {
    await stores.catalog.createUpload(repository, plan.uploadId, never)
    await finishUpload(stores, plan, tell)
  }
  const config = { mediaType: 'text/plain', digest: plans[0]!.digest, size: 900 }
  const text = JSON.stringify({
    schemaVersion: 2,
    mediaType: manifestType,
    config,
    layers: [],
    annotations: { run: `${run}` },
  })
  const manifest = new TextEncoder().encode(text)
  const digest = digestOf(manifest)
  await stores.content.put(digest, manifest)
  const record = manifestRecord(digest, manifest.byteLength)
  await stores.catalog.putManifest(repository, record, { blobs: [plans[0]!.digest], manifests: [] }, stored)
  tell({ kind: 'manifest', digest, size: manifest.byteLength })
  const moved = plans[1]!.digest
  tell({ kind: 'removing', digest: moved })
  await stores.catalog.unlinkBlob(repository, moved)
  await stores.content.remove(moved)
  tell({ kind: 'removed', digest: moved })
}

/** Sends what the session still lacks, and ends it. */
export async function finishUpload({ catalog, content }: Stores, plan: BlobPlan, tell: Tell): Promise<void> {
  const found = (await catalog.findUpload(repository, plan.uploadId))!
  let { size } = found
  let start = 0
  for (const body of plan.bodies) {
    start += body.byteLength
    if (start <= size) continue
    const part = await content.writePart(plan.uploadId, bodyOf(body, 200), maxBytes)
    if (!(await catalog.appendPart(repository, plan.uploadId, size, part, never))) throw new Error('the offset moved')
    size += part.size
    tell({ kind: 'part', uploadId: plan.uploadId, size })
  }
  if (!plan.ends) return
  const session = (await catalog.findUpload(repository, plan.uploadId))!
  const assembled = await content.assemble(plan.uploadId, session.parts, plan.digest)
  await catalog.linkBlob(repository, plan.digest, assembled.size, stored)
  await catalog.removeUpload(repository, plan.uploadId)
  await content.dropUpload(plan.uploadId)
  tell({ kind: 'blob', digest: plan.digest, size: assembled.size })
}

/** Publishes lists of every kind on whatever list is there: additions, removals, a whole list, changes after it. */
export async function publishLists({ lists }: Stores, run: number, tell: Tell): Promise<void> {
  const before = (await lists.listTags(line, '', 1_000))?.tags ?? []
  const tags = Array.from({ length: 9 }, (_, i) => `run-${run}-${i}`)
  const commit = async (changes: Parameters<typeof planNext>[1], after: string[]) => {
    const { signed, delta } = await planNext(lists, changes)
    const told = { version: Number(signed.list.version), hash: signed.hash }
    tell({ kind: 'planned', ...told, tags: after.sort() })
    if (!(await lists.commit(line, signed, delta))) throw new Error('another list came first')
    tell({ kind: 'published', ...told })
  }
  await commit(
    tags.map((tag) => add(tag)),
    [...before, ...tags],
  )
  await commit(
    [...before.map(drop), drop(tags[3]!), add(`x-${run}`)],
    [...tags.filter((tag) => tag !== tags[3]), `x-${run}`],
  )
  const wide = Array.from({ length: 40 }, (_, i) => `wide-${run}-${i}`).sort()
  const { signed, whole } = await wholeOf(lists, wide)
  const told = { version: Number(signed.list.version), hash: signed.hash }
  tell({ kind: 'planned', ...told, tags: wide })
  if (!(await lists.replace(line, signed, whole))) throw new Error('another list came first')
  tell({ kind: 'published', ...told })
  await commit([drop(wide[5]!), add(`last-${run}`)], [...wide.filter((tag) => tag !== wide[5]), `last-${run}`])
}

function manifestRecord(digest: Digest, size: number) {
  return { digest, size, mediaType: manifestType, subject: null, artifactType: null, annotationsJson: null }
}
