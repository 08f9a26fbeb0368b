import { createHash } from 'node:crypto'
import { mkdirSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { run } from './run.ts'

type Descriptor = { mediaType: string; digest: string; size: number; platform?: object; annotations?: object }

/** An OCI image layout on disk with one multi-platform image under the tag `1`. */
export type ImageLayout = {
  folder: string
  /** Digest of the image index. */
  digest: string
  /** Digest of the linux/amd64 manifest inside it. */
  amd64: string
  /** Every blob and manifest by digest. */
  digests: readonly string[]
}

/** Makes a fresh folder that the caller removes. */
export function makeFolder(): string {
  return mkdtempSync(join(tmpdir(), 'mooring-interop-'))
}

/** A tar file with one text file in it, as `docker import` and image layers take it. */
export async function makeTar(folder: string, text: string): Promise<string> {
  writeFileSync(join(folder, 'hello.txt'), text)
  const path = join(folder, 'layer.tar')
  await run('tar', ['--create', '--file', path, '--owner=0', '--group=0', '--mtime=@0', 'hello.txt'], { cwd: folder })
  return path
}

/** Writes an image for two platforms, with real layers, as image-spec 1.1 `image-layout.md` has it. */
export async function makeImageLayout(folder: string, text: string): Promise<ImageLayout> {
  mkdirSync(join(folder, 'blobs/sha256'), { recursive: true })
  const digests: string[] = []
  const store = (mediaType: string, bytes: Uint8Array): Descriptor => {
    const digest = sha256(bytes)
    writeFileSync(join(folder, 'blobs', digest.replace(':', '/')), bytes)
    digests.push(digest)
    return { mediaType, digest, size: bytes.length }
  }
  const manifests: Descriptor[] = []
  for (const architecture of ['amd64', 'arm64']) {
    const source = join(folder, architecture)
    mkdirSync(source)
    const tar = readFileSync(await makeTar(source, `${text} for ${architecture}\n`))
    manifests.push({ ...storeImage(store, architecture, tar), platform: { os: 'linux', architecture } })
  }
  const index = store(indexType, json({ schemaVersion: 2, mediaType: indexType, manifests }))
  const tagged = { ...index, annotations: { 'org.opencontainers.image.ref.name': '1' } }
  writeFileSync(join(folder, 'oci-layout'), json({ imageLayoutVersion: '1.0.0' }))
  writeFileSync(join(folder, 'index.json'), json({ schemaVersion: 2, mediaType: indexType, manifests: [tagged] }))
  return { folder, digest: index.digest, amd64: manifests[0]?.digest ?? '', digests }
}

const indexType = 'application/vnd.oci.image.index.v1+json'
const manifestType = 'application/vnd.oci.image.manifest.v1+json'

function storeImage(
  store: (mediaType: string, bytes: Uint8Array) => Descriptor,
  architecture: string,
  tar: Uint8Array,
): Descriptor {
  const layer = store('application/vnd.oci.image.layer.v1.tar+gzip', gzipSync(tar))
  const config = store(
    'application/vnd.oci.image.config.v1+json',
    json({ architecture, os: 'linux', config: {}, rootfs: { type: 'layers', diff_ids: [sha256(tar)] } }),
  )
  return store(manifestType, json({ schemaVersion: 2, mediaType: manifestType, config, layers: [layer] }))
}

function sha256(bytes: Uint8Array): string {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`
}

function json(value: object): Buffer {
  return Buffer.from(JSON.stringify(value))
}
