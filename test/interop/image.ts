import { createHash, randomBytes } from 'node:crypto'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { run } from './run.ts'

/** What an OCI document says of another one (image-spec 1.1 `descriptor.md`). */
export type Descriptor = {
  mediaType: string
  digest: string
  size: number
  artifactType?: string
  platform?: object
  annotations?: object
}

/** An OCI image layout on disk with one manifest or index under the tag `1`. */
export type Layout = {
  folder: string
  /** Digest of what the tag names. */
  digest: string
  mediaType: string
  /** Every blob and manifest by digest. */
  digests: readonly string[]
}

/** A layout of a multi-platform image. */
export type ImageLayout = Layout & {
  /** Digest of the linux/amd64 manifest. */
  amd64: string
  /** Digest of the linux/arm64 manifest. */
  arm64: string
  /** What `/hello.txt` says in the image of an architecture. */
  textOf(architecture: string): string
}

/** A layout of an artifact: one layer of text, an empty config. */
export type ArtifactLayout = Layout & { artifactType: string; text: string }

/** Makes a fresh folder that the caller removes. */
export function makeFolder(): string {
  return mkdtempSync(join(tmpdir(), 'mooring-interop-'))
}

/** A tar file with these files in it, as `docker import` and image layers take it; its path. */
export async function makeTar(folder: string, files: Record<string, string | Uint8Array>): Promise<string> {
  const names = Object.keys(files)
  for (const name of names) writeFileSync(join(folder, name), files[name] ?? '')
  const path = join(folder, 'layer.tar')
  await run('tar', ['--create', '--file', path, '--owner=0', '--group=0', '--mtime=@0', ...names], { cwd: folder })
  return path
}

/**
 * Writes an image for two platforms, as image-spec 1.1 `image-layout.md` has it. Its layers hold `/hello.txt` and 2.5 MiB that do not
 * compress, so that a client which sends parts of 1 MiB has three to send.
 */
export async function makeImageLayout(folder: string, text: string): Promise<ImageLayout> {
  const { store, digests } = createStore(folder)
  const textOf = (architecture: string) => `${text} for ${architecture}\n`
  const manifests: Descriptor[] = []
  for (const architecture of architectures) {
    const source = join(folder, architecture)
    mkdirSync(source)
    const files = { 'hello.txt': textOf(architecture), 'noise.bin': randomBytes(5 * 2 ** 19) }
    const tar = readFileSync(await makeTar(source, files))
    manifests.push({ ...storeImage(store, architecture, tar), platform: { os: 'linux', architecture } })
    rmSync(source, { recursive: true })
  }
  const index = store(indexType, json({ schemaVersion: 2, mediaType: indexType, manifests }))
  tagLayout(folder, index)
  const [amd64 = '', arm64 = ''] = manifests.map(({ digest }) => digest)
  return { folder, digest: index.digest, mediaType: indexType, digests, amd64, arm64, textOf }
}

/** Writes an artifact; with `subject` it is about that manifest (image-spec 1.1 `manifest.md`). */
export function makeArtifactLayout(folder: string, text: string, subject?: Descriptor): ArtifactLayout {
  const { store, digests } = createStore(folder)
  const artifactType = 'application/vnd.example.note'
  const config = store('application/vnd.oci.empty.v1+json', json({}))
  const layer = store('text/plain', Buffer.from(text))
  const parts = { mediaType: manifestType, artifactType, config, layers: [layer] }
  const manifest = store(manifestType, json({ schemaVersion: 2, ...parts, ...(subject && { subject }) }))
  tagLayout(folder, manifest)
  return { folder, digest: manifest.digest, mediaType: manifestType, digests, artifactType, text }
}

/** One platform's image of a layout. */
export function platformOf(layout: ImageLayout, architecture: 'amd64' | 'arm64'): Layout {
  const digest = layout[architecture]
  const { config, layers } = JSON.parse(readBlob(layout, digest).toString())
  const parts: Descriptor[] = [config, ...layers]
  return {
    folder: layout.folder,
    digest,
    mediaType: manifestType,
    digests: [digest, ...parts.map((part) => part.digest)],
  }
}

/** The bytes of a blob or manifest in a layout. */
export function readBlob(layout: { folder: string }, digest: string): Buffer {
  return readFileSync(join(layout.folder, 'blobs', digest.replace(':', '/')))
}

/** `sha256:...` of bytes. */
export function sha256(bytes: Uint8Array): string {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`
}

const architectures = ['amd64', 'arm64']
const indexType = 'application/vnd.oci.image.index.v1+json'
const manifestType = 'application/vnd.oci.image.manifest.v1+json'

type Store = (mediaType: string, bytes: Uint8Array) => Descriptor

function createStore(folder: string): { store: Store; digests: string[] } {
  mkdirSync(join(folder, 'blobs/sha256'), { recursive: true })
  const digests: string[] = []
  const store = (mediaType: string, bytes: Uint8Array): Descriptor => {
    const digest = sha256(bytes)
    writeFileSync(join(folder, 'blobs', digest.replace(':', '/')), bytes)
    digests.push(digest)
    return { mediaType, digest, size: bytes.length }
  }
  return { store, digests }
}

function tagLayout(folder: string, descriptor: Descriptor): void {
  const tagged = { ...descriptor, annotations: { 'org.opencontainers.image.ref.name': '1' } }
  writeFileSync(join(folder, 'oci-layout'), json({ imageLayoutVersion: '1.0.0' }))
  writeFileSync(join(folder, 'index.json'), json({ schemaVersion: 2, mediaType: indexType, manifests: [tagged] }))
}

function storeImage(store: Store, architecture: string, tar: Uint8Array): Descriptor {
  const layer = store('application/vnd.oci.image.layer.v1.tar+gzip', gzipSync(tar))
  const config = store(
    'application/vnd.oci.image.config.v1+json',
    json({ architecture, os: 'linux', config: {}, rootfs: { type: 'layers', diff_ids: [sha256(tar)] } }),
  )
  return store(manifestType, json({ schemaVersion: 2, mediaType: manifestType, config, layers: [layer] }))
}

function json(value: object): Buffer {
  return Buffer.from(JSON.stringify(value))
}
