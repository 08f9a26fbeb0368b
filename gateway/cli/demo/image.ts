import { createHash } from 'node:crypto'
import { gzipSync } from 'node:zlib'
import type { Digest } from '../../oci/digest.ts'
import { type Architecture, buildHelloProgram } from './elf.ts'
import { buildTar } from './tar.ts'

/** Bytes and their digest. */
export type Blob = { digest: Digest; bytes: Uint8Array }
/** A blob that a registry takes as a manifest. */
export type Manifest = Blob & { mediaType: string }

/** A multi-platform image, ready to be pushed: blobs first, then the platforms' manifests, then the index. */
export type DemoImage = { blobs: readonly Blob[]; manifests: readonly Manifest[]; imageIndex: Manifest }

const mediaTypes = {
  config: 'application/vnd.oci.image.config.v1+json',
  layer: 'application/vnd.oci.image.layer.v1.tar+gzip',
  manifest: 'application/vnd.oci.image.manifest.v1+json',
  imageIndex: 'application/vnd.oci.image.index.v1+json',
}

/** Builds `hello` for linux/amd64 and linux/arm64: a program that prints `line`, and a README. The same bytes every time. */
export function buildDemoImage(line: string): DemoImage {
  const platforms = (['amd64', 'arm64'] as const).map((architecture) => buildPlatform(architecture, line))
  const descriptors = platforms.map(({ architecture, manifest }) => ({
    ...descriptorOf(manifest, mediaTypes.manifest),
    platform: { architecture, os: 'linux' },
  }))
  const imageIndex = jsonManifest(mediaTypes.imageIndex, {
    schemaVersion: 2,
    mediaType: mediaTypes.imageIndex,
    manifests: descriptors,
    annotations: { 'org.opencontainers.image.title': 'hello' },
  })
  return {
    blobs: platforms.flatMap((platform) => platform.blobs),
    manifests: platforms.map((platform) => platform.manifest),
    imageIndex,
  }
}

function buildPlatform(architecture: Architecture, line: string) {
  const encode = (text: string) => new TextEncoder().encode(text)
  const tar = buildTar([
    { path: 'hello', mode: 0o755, bytes: buildHelloProgram(architecture, `${line}\n`) },
    { path: 'README', mode: 0o644, bytes: encode('This image was found through an ENS name.\n') },
  ])
  const layer = blobOf(gzipStored(tar))
  const config = blobOf(
    encode(
      JSON.stringify({
        architecture,
        os: 'linux',
        config: { Entrypoint: ['/hello'], WorkingDir: '/' },
        rootfs: { type: 'layers', diff_ids: [sha256(tar)] },
        history: [{ created_by: 'mooring dev' }],
      }),
    ),
  )
  const manifest = jsonManifest(mediaTypes.manifest, {
    schemaVersion: 2,
    mediaType: mediaTypes.manifest,
    config: descriptorOf(config, mediaTypes.config),
    layers: [descriptorOf(layer, mediaTypes.layer)],
  })
  return { architecture, manifest, blobs: [config, layer] }
}

/** gzip without compression and with a fixed header: compressors differ between versions of zlib, and the digest must not. */
function gzipStored(bytes: Uint8Array): Uint8Array {
  const zipped = new Uint8Array(gzipSync(bytes, { level: 0 }))
  zipped.set([0, 0, 0, 0, 0, 255], 4) // no time, no hints, unknown system
  return zipped
}

function jsonManifest(mediaType: string, value: object): Manifest {
  return { ...blobOf(new TextEncoder().encode(JSON.stringify(value))), mediaType }
}

function blobOf(bytes: Uint8Array): Blob {
  return { digest: sha256(bytes), bytes }
}

function descriptorOf(blob: Blob, mediaType: string) {
  return { mediaType, digest: blob.digest, size: blob.bytes.length }
}

function sha256(bytes: Uint8Array): Digest {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`
}
