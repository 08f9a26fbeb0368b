import { createReadStream, createWriteStream } from 'node:fs'
import { mkdtemp, open, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { createGunzip } from 'node:zlib'
import { ConfigError } from '../../config.ts'
import type { Digest } from '../../oci/digest.ts'
import type { Descriptor } from '../../oci/manifest.ts'
import { layoutPath } from '../../swarm/oci-layout.ts'
import { chooseImage, type NamedImage } from './choose-image.ts'
import { readDockerArchive } from './docker-archive.ts'
import { saveImage } from './docker-save.ts'
import { ArchiveError, type FileSlice, readAt, readTarEntries } from './tar-entries.ts'

/** What a manifest or index is known by before it is read. */
export type Root = Pick<Descriptor, 'digest' | 'size' | 'mediaType'>

/** An image on disk, as it is pushed. */
export type ImageSource = {
  root: Root
  /** Where content is; undefined for what the image names and the source does not have. */
  find(digest: Digest): Promise<FileSlice | undefined>
  /** Removes what had to be made. */
  close(): Promise<void>
}

/** One that an index.json lists. */
type Listed = Root & NamedImage

const MAX_JSON_BYTES = 16 * 1024 * 1024

/**
 * Opens an OCI image layout in a folder or a tar archive (image-spec 1.1, image-layout.md), or what `docker save` writes; gzip around an
 * archive is taken off. What is no path is the name of an image that docker has. `wanted` chooses where several are inside. @throws ConfigError, ArchiveError
 */
export async function openImageSource(
  image: string,
  wanted: string | undefined,
  environment: Readonly<Record<string, string | undefined>>,
): Promise<ImageSource> {
  const folder = await mkdtemp(join(tmpdir(), 'mooring-push-'))
  const close = () => rm(folder, { recursive: true, force: true })
  try {
    const path = (await isThere(image)) ? image : await saveImage(image, folder, environment)
    if ((await stat(path)).isDirectory())
      return { ...(await openFiles(folderFiles(path), path, wanted, folder)), close }
    const archive = await withoutGzip(path, folder)
    const handle = await open(archive)
    try {
      const entries = await readTarEntries(archive, handle)
      return { ...(await openFiles(async (name) => entries.get(name), path, wanted, folder)), close }
    } finally {
      await handle.close()
    }
  } catch (error) {
    await close()
    throw error
  }
}

function isThere(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  )
}

/** Files of an image by their path inside it. */
export type ImageFiles = (name: string) => Promise<FileSlice | undefined>

function folderFiles(folder: string): ImageFiles {
  return async (name) => {
    const path = join(folder, name)
    const found = await stat(path).catch(() => undefined)
    return found?.isFile() ? { path, offset: 0, size: found.size } : undefined
  }
}

/** An archive may be both: the layout comes first, since it says digests and media types itself. */
async function openFiles(
  files: ImageFiles,
  path: string,
  wanted: string | undefined,
  folder: string,
): Promise<Omit<ImageSource, 'close'>> {
  const layout = await files('index.json')
  if (layout !== undefined && (await files('oci-layout')) !== undefined) {
    const root = chooseImage(listedIn(path, await readJson(layout)), path, wanted)
    return { root, find: (digest) => files(layoutPath(digest)) }
  }
  const docker = await files('manifest.json')
  if (docker !== undefined) return readDockerArchive(files, await readJson(docker), { path, wanted, folder })
  throw new ConfigError(
    'IMAGE',
    path,
    'an OCI image layout (oci-layout and index.json) or what docker save writes (manifest.json)',
  )
}

function listedIn(path: string, indexJson: unknown): Listed[] {
  const manifests = (indexJson as { manifests?: unknown } | null)?.manifests
  if (!Array.isArray(manifests)) throw new ArchiveError(`index.json of ${path} lists no manifests`)
  return manifests.map(({ digest, size, mediaType, annotations = {} }) => {
    const names = ['org.opencontainers.image.ref.name', 'io.containerd.image.name'].map((key) => annotations?.[key])
    return { digest, size, mediaType, names: names.filter((name) => typeof name === 'string') }
  })
}

/** The JSON of a file in the image. @throws ArchiveError */
export async function readJson({ path, offset, size }: FileSlice): Promise<unknown> {
  if (size > MAX_JSON_BYTES) throw new ArchiveError(`a JSON file in ${path} has ${size} bytes, over ${MAX_JSON_BYTES}`)
  const handle = await open(path)
  try {
    return JSON.parse(new TextDecoder().decode(await readAt(handle, offset, size)))
  } catch (error) {
    throw new ArchiveError(`${path} has a file that is no JSON: ${(error as Error).message}`)
  } finally {
    await handle.close()
  }
}

async function withoutGzip(path: string, folder: string): Promise<string> {
  const handle = await open(path)
  const [first, second, third] = await readAt(handle, 0, 4).finally(() => handle.close())
  if (first === 0x28 && second === 0xb5 && third === 0x2f) {
    throw new ConfigError('IMAGE', path, 'an archive without zstd around it: zstd -d takes it off')
  }
  if (first !== 0x1f || second !== 0x8b) return path
  const plain = join(folder, 'archive.tar')
  await pipeline(createReadStream(path), createGunzip(), createWriteStream(plain))
  return plain
}
