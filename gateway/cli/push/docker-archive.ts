import { createHash } from 'node:crypto'
import { createReadStream, createWriteStream } from 'node:fs'
import { open, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Transform } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { createGzip } from 'node:zlib'
import type { Digest } from '../../oci/digest.ts'
import { chooseImage } from './choose-image.ts'
import type { ImageFiles, ImageSource } from './image-source.ts'
import { ArchiveError, type FileSlice, readAt } from './tar-entries.ts'

const mediaTypes = {
  manifest: 'application/vnd.oci.image.manifest.v1+json',
  config: 'application/vnd.oci.image.config.v1+json',
  layer: 'application/vnd.oci.image.layer.v1.tar+gzip',
} as const

type Content = { digest: Digest; size: number; slice: FileSlice }

/**
 * The image of what `docker save` writes: its manifest.json names config and layers and has no digests, and the layers are plain tar
 * files. They are compressed into `folder`, and an OCI manifest is made of them; the same archive gives the same manifest on one machine,
 * so that a push that was cut off goes on. @throws ArchiveError, ConfigError
 */
export async function readDockerArchive(
  files: ImageFiles,
  manifestJson: unknown,
  { path, wanted, folder }: { path: string; wanted: string | undefined; folder: string },
): Promise<Omit<ImageSource, 'close'>> {
  const { config, layers } = chooseImage(imagesIn(path, manifestJson), path, wanted)
  const fileOf = async (name: string) => {
    const slice = await files(name)
    if (slice === undefined) throw new ArchiveError(`${path} lacks ${name}, which its manifest.json names`)
    return slice
  }
  const contents = [await hashSlice(await fileOf(config))]
  for (const [position, name] of layers.entries()) {
    contents.push(await compressLayer(await fileOf(name), join(folder, `layer-${position}`)))
  }
  const root = await writeManifest(contents, join(folder, 'manifest.json'))
  const byDigest = new Map([...contents, root].map(({ digest, slice }) => [digest, slice]))
  const { digest, size } = root
  return {
    root: { digest, size, mediaType: mediaTypes.manifest },
    find: async (wantedDigest) => byDigest.get(wantedDigest),
  }
}

function imagesIn(path: string, manifestJson: unknown) {
  if (!Array.isArray(manifestJson)) throw new ArchiveError(`manifest.json of ${path} is not what docker save writes`)
  return manifestJson.map(
    ({ Config, Layers, RepoTags }: { Config?: unknown; Layers?: unknown; RepoTags?: unknown }) => {
      const isWhole =
        typeof Config === 'string' && Array.isArray(Layers) && Layers.every((name) => typeof name === 'string')
      if (!isWhole) throw new ArchiveError(`manifest.json of ${path} is not what docker save writes`)
      const names = Array.isArray(RepoTags) ? RepoTags.filter((name): name is string => typeof name === 'string') : []
      return { config: Config, layers: Layers as string[], names }
    },
  )
}

async function hashSlice(slice: FileSlice): Promise<Content> {
  const hash = createHash('sha256')
  for await (const chunk of readSlice(slice)) hash.update(chunk)
  return { digest: `sha256:${hash.digest('hex')}`, size: slice.size, slice }
}

/** The bytes of a slice from the disk, a piece at a time. */
export function readSlice({ path, offset, size }: FileSlice): AsyncIterable<Uint8Array> {
  if (size === 0) return emptySlice()
  return createReadStream(path, { start: offset, end: offset + size - 1, highWaterMark: 256 * 1024 })
}

async function* emptySlice(): AsyncGenerator<Uint8Array> {}

/** A layer that is compressed already stays as it is. */
async function compressLayer(slice: FileSlice, file: string): Promise<Content> {
  if (await isGzip(slice)) return hashSlice(slice)
  const hash = createHash('sha256')
  const hashing = new Transform({
    transform(chunk, _encoding, done) {
      hash.update(chunk)
      done(null, chunk)
    },
  })
  await pipeline(readSlice(slice), createGzip(), hashing, createWriteStream(file))
  const { size } = await stat(file)
  return { digest: `sha256:${hash.digest('hex')}`, size, slice: { path: file, offset: 0, size } }
}

async function isGzip({ path, offset, size }: FileSlice): Promise<boolean> {
  if (size < 2) return false
  const handle = await open(path)
  const [first, second] = await readAt(handle, offset, 2).finally(() => handle.close())
  return first === 0x1f && second === 0x8b
}

async function writeManifest([config, ...layers]: readonly Content[], file: string): Promise<Content> {
  const describe = (mediaType: string, content: Content | undefined) => {
    return { mediaType, digest: content?.digest, size: content?.size }
  }
  const manifest = {
    schemaVersion: 2,
    mediaType: mediaTypes.manifest,
    config: describe(mediaTypes.config, config),
    layers: layers.map((layer) => describe(mediaTypes.layer, layer)),
  }
  const text = JSON.stringify(manifest)
  await writeFile(file, text)
  return hashSlice({ path: file, offset: 0, size: Buffer.byteLength(text) })
}
