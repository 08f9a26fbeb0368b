import { collectGarbage, type GarbageDeps } from '../../../gateway/collector.ts'
import { checkStores } from '../../../gateway/fsck.ts'
import { defaultLimits } from '../../../gateway/limits.ts'
import type { Digest } from '../../../gateway/oci/digest.ts'
import { bodyOf, digestOf, entryOf, line, owner, planNext, readAll, repository, someBytes } from '../fixtures.ts'
import type { Stores } from './work.ts'

/** What a client of mounts, deletions and collections was told. */
export type ToldOfCollecting =
  | 'mounted'
  | 'tag removed'
  | 'manifest removed'
  | 'blob removed'
  | 'tag moved'
  | 'tag staged'
  | 'collected'

const other = { ensName: 'api.acme.eth', owner }
const imageType = 'application/vnd.oci.image.manifest.v1+json'
const stored = { now: 1_000, removals: Number.MAX_SAFE_INTEGER }

type Image = { digest: Digest; bytes: Uint8Array; blobs: { digest: Digest; bytes: Uint8Array }[] }

/** An image with a config of its own and the layer that all share. */
function imageOf(seed: number): Image {
  const blobs = [someBytes(200, 90 + seed), someBytes(400, 90)].map((bytes) => ({ digest: digestOf(bytes), bytes }))
  const [config, layer] = blobs.map(({ digest, bytes }) => ({
    mediaType: 'text/plain',
    digest,
    size: bytes.byteLength,
  }))
  const text = JSON.stringify({ schemaVersion: 2, mediaType: imageType, config, layers: [layer] })
  const bytes = new TextEncoder().encode(text)
  return { digest: digestOf(bytes), bytes, blobs }
}

const [kept, deleted, loose, next, waiting] = [1, 2, 3, 4, 5].map(imageOf) as [Image, Image, Image, Image, Image]
const single = someBytes(150, 99)
const mounted = kept.blobs[1]!.digest

async function pushImage({ content, catalog }: Stores, image: Image): Promise<void> {
  for (const { digest, bytes } of image.blobs) {
    await content.put(digest, bytes)
    await catalog.linkBlob(repository, digest, bytes.byteLength, stored)
  }
  await content.put(image.digest, image.bytes)
  const record = { digest: image.digest, size: image.bytes.byteLength, mediaType: imageType }
  const none = { subject: null, artifactType: null, annotationsJson: null }
  const references = { blobs: image.blobs.map(({ digest }) => digest), manifests: [] }
  await catalog.putManifest(repository, { ...record, ...none }, references, stored)
}

async function pointTag({ lists }: Stores, tag: string, image: Image | null): Promise<void> {
  const entry = image && { ...entryOf(tag, 0), digest: image.digest, size: image.bytes.byteLength }
  const { signed, delta } = await planNext(lists, [{ tag, entry }])
  if (!(await lists.commit(line, signed, delta, image?.digest))) throw new Error('another list came first')
}

async function stageTag({ staged, lists }: Stores, tag: string, image: Image): Promise<void> {
  const { generation } = await staged.read(line)
  const listHash = (await lists.findHead(line))?.hash ?? null
  const entry = { ...entryOf(tag, 0), digest: image.digest, size: image.bytes.byteLength }
  const change = { tag, entry, stagedAt: 1_000, stagedBy: owner }
  const basis = { generation, listHash, manifest: image.digest }
  if (!(await staged.write(line, basis, { put: [change] }))) throw new Error('another push came first')
}

/** What is there before: three images, two of them tagged, a blob alone, and an upload that nobody will go on with. */
export async function prepare(stores: Stores): Promise<void> {
  for (const image of [kept, deleted, loose]) await pushImage(stores, image)
  await pointTag(stores, 'kept', kept)
  await pointTag(stores, 'deleted', deleted)
  await stores.content.put(digestOf(single), single)
  await stores.catalog.linkBlob(repository, digestOf(single), single.byteLength, stored)
  await stores.catalog.createUpload(repository, 'abandoned', 2_000)
  const part = await stores.content.writePart('abandoned', bodyOf(someBytes(30)), 100)
  await stores.catalog.appendPart(repository, 'abandoned', 0, part, 2_000)
}

function collectorOver({ content, catalog, lists, staged }: Stores): GarbageDeps {
  const limits = { ...defaultLimits, gcGraceSeconds: 0, historyVersions: 1, historySeconds: 0 }
  const clock = () => 4_000_000_000n
  return { content, catalog, lists, staged, limits, clock, pause: async () => {}, log: () => {} }
}

/** Mounts, deletes, pushes again, stages and collects, telling each acknowledgement. */
export async function mountDeleteCollect(stores: Stores, tell: (told: ToldOfCollecting) => void): Promise<void> {
  const { catalog } = stores
  if (!(await catalog.mountBlob(repository, other, mounted, 5_000_000_000))) throw new Error('nothing to mount')
  tell('mounted')
  await pointTag(stores, 'deleted', null)
  tell('tag removed')
  await catalog.removeManifest(repository, deleted.digest, line)
  tell('manifest removed')
  await catalog.unlinkBlob(repository, digestOf(single))
  tell('blob removed')
  await pushImage(stores, next)
  await pointTag(stores, 'kept', next)
  tell('tag moved')
  await pushImage(stores, waiting)
  await stageTag(stores, 'waiting', waiting)
  tell('tag staged')
  await collectGarbage(collectorOver(stores), { dryRun: false })
  tell('collected')
}

/** All that is wrong after a crash in `mountDeleteCollect`, before and after one more collection. */
export async function violationsOf(stores: Stores, told: readonly ToldOfCollecting[]): Promise<string[]> {
  const found = await brokenPromises(stores, told)
  const { skipped } = await collectGarbage(collectorOver(stores), { dryRun: false })
  if (skipped.length > 0) found.push(`the next collection skips: ${skipped[0]!.reason}`)
  found.push(...(await brokenPromises(stores, told)))
  if (await stores.content.stat(loose.digest)) found.push('an image that nothing names is left')
  if ((await stores.content.listParts()).length > 0) found.push('an upload that expired is left')
  if (told.includes('blob removed') && (await stores.content.stat(digestOf(single)))) found.push('a blob is left')
  return found
}

async function brokenPromises(stores: Stores, told: readonly ToldOfCollecting[]): Promise<string[]> {
  const { catalog, lists, content, staged } = stores
  const found: string[] = []
  for await (const { about, problem } of checkStores({ ...stores, limits: defaultLimits, pause: async () => {} })) {
    found.push(`fsck: ${about}: ${problem}`)
  }
  const isTagged = async ({ digest }: Image) => (await lists.tagsOfDigest(line, digest)).length > 0
  const isStaged = (await staged.find(line, 'waiting'))?.entry?.digest === waiting.digest
  const isTold = (what: ToldOfCollecting) => told.includes(what)
  const rules: [boolean, string][] = [
    [(await isTagged(next)) || !isTold('tag moved'), 'an acknowledged tag is lost'],
    [isStaged || !isTold('tag staged'), 'an acknowledged staged tag is lost'],
    [!isStaged || (await isWhole(stores, waiting)), 'what is staged is not whole'],
    [!(await isTagged(deleted)) || !isTold('tag removed'), 'a tag that was removed is back'],
    [!(await catalog.findManifest(repository, deleted.digest)) || !isTold('manifest removed'), 'a manifest is back'],
    [!(await catalog.findBlob(repository, digestOf(single))) || !isTold('blob removed'), 'a blob is back'],
    [(await catalog.findBlob(other, mounted)) !== undefined || !isTold('mounted'), 'a mounted blob is lost'],
    [(await readAll(content, mounted))?.byteLength === 400, 'the bytes of a mounted blob are lost'],
    [!isTold('collected') || !(await content.stat(loose.digest)), 'what was collected is back'],
  ]
  for (const image of [kept, deleted, next]) {
    if (await isTagged(image))
      rules.push([await isWhole(stores, image), `image ${image.digest} is tagged and not whole`])
  }
  return [...found, ...rules.filter(([holds]) => !holds).map(([, violation]) => violation)]
}

async function isWhole({ content, catalog }: Stores, image: Image): Promise<boolean> {
  const manifest = await readAll(content, image.digest)
  if (!(await catalog.findManifest(repository, image.digest)) || !manifest) return false
  for (const { digest } of image.blobs) {
    const bytes = await readAll(content, digest)
    if (!(await catalog.findBlob(repository, digest)) || !bytes || digestOf(bytes) !== digest) return false
  }
  return digestOf(manifest) === image.digest
}
