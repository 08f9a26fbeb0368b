import { createHash } from 'node:crypto'
import { gzipSync } from 'node:zlib'
import { buildTar } from '../../gateway/cli/demo/tar.ts'
import type { Digest } from '../../gateway/oci/digest.ts'

/** Bytes under their digest; `mediaType` is that of their descriptor. */
export type Content = { digest: Digest; mediaType: string; bytes: Uint8Array }

/** An image of one platform, this machine's, below an index. */
export type Image = { imageIndex: Content; manifest: Content; config: Content; layer: Content }

export const mediaTypes = {
  imageIndex: 'application/vnd.oci.image.index.v1+json',
  manifest: 'application/vnd.oci.image.manifest.v1+json',
  config: 'application/vnd.oci.image.config.v1+json',
  layer: 'application/vnd.oci.image.layer.v1.tar+gzip',
} as const

/** An image whose every part says `text`, so that no two texts share a digest; its layer has `layerBytes` at least. */
export function buildImage(text: string, layerBytes = 0): Image {
  const line = Buffer.from(`${text}\n`)
  const filler = Buffer.alloc(Math.max(line.length, layerBytes), line)
  const tar = buildTar([{ path: 'hello.txt', mode: 0o644, bytes: filler }])
  const layer = contentOf(mediaTypes.layer, new Uint8Array(gzipSync(tar, { level: 0 })))
  const config = jsonContent(mediaTypes.config, {
    ...platform,
    config: { Labels: { text } },
    rootfs: { type: 'layers', diff_ids: [sha256(tar)] },
  })
  const manifest = jsonContent(mediaTypes.manifest, manifestOf(config, layer))
  const imageIndex = jsonContent(mediaTypes.imageIndex, {
    schemaVersion: 2,
    mediaType: mediaTypes.imageIndex,
    manifests: [{ ...descriptorOf(manifest), platform }],
  })
  return { imageIndex, manifest, config, layer }
}

const platform = { os: 'linux', architecture: process.arch === 'arm64' ? 'arm64' : 'amd64' }

/** The members of an image manifest, in the usual order. */
export function manifestOf(config: Content, layer: Content) {
  const [configured, layers] = [descriptorOf(config), [descriptorOf(layer)]]
  return { schemaVersion: 2, mediaType: mediaTypes.manifest, config: configured, layers }
}

/** A descriptor of image-spec 1.1. */
export function descriptorOf({ mediaType, digest, bytes }: Content) {
  return { mediaType, digest, size: bytes.length }
}

/** Content that is JSON. */
export function jsonContent(mediaType: string, value: object): Content {
  return contentOf(mediaType, Buffer.from(JSON.stringify(value)))
}

/** Content by its bytes. */
export function contentOf(mediaType: string, bytes: Uint8Array): Content {
  return { mediaType, digest: sha256(bytes), bytes }
}

function sha256(bytes: Uint8Array): Digest {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`
}
