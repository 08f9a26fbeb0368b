import { createHash, randomUUID } from 'node:crypto'
import { join } from 'node:path'
import { algorithmOf, type Digest, type DigestAlgorithm, isDigest, parseDigest } from '../oci/digest.ts'
import {
  type ContentStore,
  DigestMismatch,
  PartTooLarge,
  type StoredContent,
  type StoredPart,
} from './content-store.ts'
import { inBlocks } from './file-blocks.ts'
import { checkedId, contentPath, fanOf, partPath, temporaryPath } from './file-paths.ts'
import { chunksOf, fileStream } from './file-stream.ts'
import { type Fs, nodeFs } from './fs.ts'

/** The files driver, with what only a store that outlives its process needs. */
export type FilesContent = ContentStore & {
  /** Removes temporary files and parts of no session, as a crash leaves them. Only before anything is written. Returns how many. */
  sweep(liveParts: readonly { uploadId: string; partId: string }[]): Promise<number>
}

type Folder = { fs: Fs; root: string; settled: Set<string> }
type Written = { size: number; digests: Record<DigestAlgorithm, Digest> }

/**
 * Content in a folder of its own that exists and is empty or was made by this driver:
 *
 *     content/<algorithm>/<first two hex digits>/<hex>    whole, verified, durable
 *     parts/<upload id>.<part id>                         received bodies of uploads in progress
 *     temporary/<id>                                      being written; nobody reads them
 *
 * Everything comes into `content/` by one rename of a file whose bytes are verified and synced; the rename counts once its folder
 * is synced too. So a crash or power cut at any point leaves a digest absent or whole (protocol 6).
 */
export async function openFilesContent(root: string, fs: Fs = nodeFs): Promise<FilesContent> {
  const folder: Folder = { fs, root, settled: new Set() }
  for (const name of ['content', 'content/sha256', 'content/sha512', 'parts', 'temporary']) {
    await settleFolder(folder, name)
  }
  return {
    stat: async (digest) => fs.size(join(root, contentPath(digest))),
    async read(digest, range) {
      const file = await fs.openRead(join(root, contentPath(digest)))
      return file && fileStream(file, range)
    },
    put: (digest, bytes) => putContent(folder, digest, bytes),
    writePart: (uploadId, body, maxBytes) => writePart(folder, uploadId, body, maxBytes),
    async dropPart(uploadId, partId) {
      await fs.unlink(join(root, partPath(uploadId, partId)))
    },
    assemble: (uploadId, parts, digest) => assemble(folder, uploadId, parts, digest),
    async dropUpload(uploadId) {
      const prefix = `${checkedId(uploadId)}.`
      const names = await fs.list(join(root, 'parts'))
      for (const name of names) if (name.startsWith(prefix)) await fs.unlink(join(root, 'parts', name))
    },
    async remove(digest) {
      const removed = await fs.unlink(join(root, contentPath(digest)))
      if (removed) await fs.syncFolder(join(root, fanOf(digest)))
      return removed
    },
    list: (after, limit) => listContent(folder, after, limit),
    listParts: () => listParts(folder),
    sweep: (liveParts) => sweep(folder, liveParts),
    async close() {},
  }
}

async function putContent(folder: Folder, digest: Digest, bytes: Uint8Array): Promise<void> {
  const hash = createHash(algorithmOf(digest)).update(bytes).digest('hex')
  const actual = parseDigest(`${algorithmOf(digest)}:${hash}`)
  if (actual !== digest) throw new DigestMismatch(digest, actual)
  if (await isThere(folder, digest)) return
  const temporary = temporaryPath()
  await writeNew(folder, temporary, [bytes], [])
  await reveal(folder, temporary, digest)
}

async function writePart(
  folder: Folder,
  uploadId: string,
  body: ReadableStream<Uint8Array>,
  maxBytes: number,
): Promise<StoredPart> {
  const partId = randomUUID()
  const path = partPath(uploadId, partId)
  const { size, digests } = await writeNew(folder, path, limited(body, maxBytes), ['sha256'])
  await folder.fs.syncFolder(join(folder.root, 'parts'))
  return { partId, size, sha256: digests.sha256 }
}

async function assemble(
  folder: Folder,
  uploadId: string,
  parts: readonly StoredPart[],
  digest: Digest,
): Promise<{ size: number }> {
  const paths = parts.map((part) => partPath(uploadId, part.partId))
  const size = parts.reduce((sum, part) => sum + part.size, 0)
  const [only] = parts
  if (await isMadeOf(folder, digest, parts)) {
    // Somebody stored these very bytes before. The parts stay until the upload ends: the collector may be taking those bytes away.
  } else if (parts.length === 1 && only && algorithmOf(digest) === 'sha256') {
    if (only.sha256 !== digest) throw new DigestMismatch(digest, only.sha256)
    await reveal(folder, paths[0]!, digest)
  } else {
    await joinParts(folder, paths, digest)
  }
  return { size }
}

/**
 * Whether the digest is there and consists of exactly these parts, by their own hashes: after a crash between making the content
 * visible and ending the session the parts' files may be gone, and the client's second try must succeed. That a digest is there
 * proves nothing about who asks for it: without the bytes nobody gets it.
 */
async function isMadeOf(folder: Folder, digest: Digest, parts: readonly StoredPart[]): Promise<boolean> {
  if (!(await isThere(folder, digest))) return false
  if (parts.length === 1 && parts[0]!.sha256 === digest) return true
  const file = await folder.fs.openRead(join(folder.root, contentPath(digest)))
  if (!file) return false
  try {
    let position = 0
    for (const part of parts) {
      const hash = createHash('sha256')
      const end = Math.min(position + part.size, file.size)
      for await (const chunk of chunksOf(file, position, end)) hash.update(chunk)
      if (`sha256:${hash.digest('hex')}` !== part.sha256) return false
      position += part.size
    }
    return position === file.size
  } finally {
    await file.close()
  }
}

/** Writes the parts one after another into a new file, which becomes visible if it has the digest. */
async function joinParts(folder: Folder, paths: readonly string[], digest: Digest): Promise<void> {
  const algorithm = algorithmOf(digest)
  const temporary = temporaryPath()
  const { digests } = await writeNew(folder, temporary, contentsOf(folder, paths), [algorithm])
  const isRight = digests[algorithm] === digest
  if (isRight) return reveal(folder, temporary, digest)
  await folder.fs.unlink(join(folder.root, temporary))
  if (!isRight) throw new DigestMismatch(digest, digests[algorithm])
}

async function* contentsOf(folder: Folder, paths: readonly string[]): AsyncGenerator<Uint8Array> {
  for (const path of paths) {
    const file = await folder.fs.openRead(join(folder.root, path))
    if (!file) throw new Error(`a part of this upload is gone (${path}): begin the upload again`)
    try {
      yield* chunksOf(file, 0, file.size)
    } finally {
      await file.close()
    }
  }
}

/** Creates a file, hashes what goes into it and syncs it. Whatever fails, no file is left behind. */
async function writeNew(
  { fs, root }: Folder,
  path: string,
  chunks: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  algorithms: readonly DigestAlgorithm[],
): Promise<Written> {
  const hashes = algorithms.map((algorithm) => ({ algorithm, hash: createHash(algorithm) }))
  const file = await fs.create(join(root, path))
  let size = 0
  let written: Promise<void> = Promise.resolve()
  try {
    for await (const block of inBlocks(chunks)) {
      for (const { hash } of hashes) hash.update(block)
      await written
      written = file.write(block)
      // Awaited above or below; until then a failure is nobody's.
      written.catch(() => undefined)
      size += block.byteLength
    }
    await written
    await file.sync()
    await file.close()
  } catch (error) {
    await written.catch(() => undefined)
    await file.close().catch(() => undefined)
    await fs.unlink(join(root, path)).catch(() => undefined)
    throw error
  }
  const digests = hashes.map(({ algorithm, hash }) => [algorithm, parseDigest(`${algorithm}:${hash.digest('hex')}`)])
  return { size, digests: Object.fromEntries(digests) as Written['digests'] }
}

/** Moves a synced file to its digest, durably. */
async function reveal(folder: Folder, path: string, digest: Digest): Promise<void> {
  await settleFolder(folder, fanOf(digest))
  await folder.fs.rename(join(folder.root, path), join(folder.root, contentPath(digest)))
  await folder.fs.syncFolder(join(folder.root, fanOf(digest)))
}

/**
 * Whether the digest is there, durably: its rename may have been somebody else's who has not synced the folder yet, or a process's
 * that ended before it could.
 */
async function isThere(folder: Folder, digest: Digest): Promise<boolean> {
  if ((await folder.fs.size(join(folder.root, contentPath(digest)))) === undefined) return false
  await settleFolder(folder, fanOf(digest))
  await folder.fs.syncFolder(join(folder.root, fanOf(digest)))
  return true
}

/** Digests sort as their paths do: algorithm, then hex digits. */
async function listContent({ fs, root }: Folder, after: string, limit: number): Promise<StoredContent[]> {
  const found: StoredContent[] = []
  for (const algorithm of ['sha256', 'sha512'] as const) {
    for (const fan of (await fs.list(join(root, 'content', algorithm))).sort()) {
      if (`${algorithm}:${fan}` < after.slice(0, algorithm.length + 1 + fan.length)) continue
      const names = await fs.list(join(root, 'content', algorithm, fan))
      const digests = names.map((hex) => `${algorithm}:${hex}`).filter((digest) => digest > after)
      const wanted = digests
        .filter(isDigest)
        .sort()
        .slice(0, limit - found.length)
      const stored = await Promise.all(wanted.map((digest) => describe(fs, root, digest)))
      found.push(...stored.filter((content) => content !== undefined))
      if (found.length === limit) return found
    }
  }
  return found
}

async function describe(fs: Fs, root: string, digest: Digest): Promise<StoredContent | undefined> {
  const path = join(root, contentPath(digest))
  const size = await fs.size(path)
  const storedAt = await fs.changedAt(path)
  return size === undefined || storedAt === undefined ? undefined : { digest, size, storedAt }
}

async function listParts({ fs, root }: Folder): Promise<{ uploadId: string; partId: string; size: number }[]> {
  const found: { uploadId: string; partId: string; size: number }[] = []
  for (const name of await fs.list(join(root, 'parts'))) {
    const [uploadId = '', partId = ''] = name.split('.')
    const size = await fs.size(join(root, 'parts', name))
    if (size !== undefined) found.push({ uploadId, partId, size })
  }
  return found
}

/** Creates a folder and syncs its parent, once per process: that it exists does not say that it is durable. */
async function settleFolder({ fs, root, settled }: Folder, path: string): Promise<void> {
  if (settled.has(path)) return
  await fs.createFolder(join(root, path))
  await fs.syncFolder(join(root, path, '..'))
  settled.add(path)
}

/** The body's chunks up to a limit. Leaving early cancels the body. @throws PartTooLarge */
async function* limited(body: ReadableStream<Uint8Array>, maxBytes: number): AsyncGenerator<Uint8Array> {
  const reader = body.getReader()
  let size = 0
  let ended = false
  try {
    for (;;) {
      const { done, value } = await reader.read()
      ended = done
      if (done) return
      size += value.byteLength
      if (size > maxBytes) throw new PartTooLarge(maxBytes)
      yield value
    }
  } finally {
    if (!ended) await reader.cancel().catch(() => undefined)
  }
}

async function sweep(
  { fs, root }: Folder,
  liveParts: readonly { uploadId: string; partId: string }[],
): Promise<number> {
  const live = new Set(liveParts.map((part) => partPath(part.uploadId, part.partId)))
  const inFolder = async (folder: string) => (await fs.list(join(root, folder))).map((name) => `${folder}/${name}`)
  const dead = [...(await inFolder('temporary')), ...(await inFolder('parts'))].filter((path) => !live.has(path))
  for (const path of dead) await fs.unlink(join(root, path))
  return dead.length
}
