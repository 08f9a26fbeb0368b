import { defaultLimits } from '../../../gateway/limits.ts'
import { OciError } from '../../../gateway/oci/error.ts'
import { readManifest } from '../../../gateway/oci/manifest.ts'
import { bytesOf, type FuzzedParser, jsonBytes } from './parser.ts'

const imageType = 'application/vnd.oci.image.manifest.v1+json'
const indexType = 'application/vnd.oci.image.index.v1+json'

const descriptor = (seed: number, more: object = {}) => ({
  mediaType: 'application/vnd.oci.image.layer.v1.tar+gzip',
  digest: `sha256:${seed.toString(16).padStart(64, '0')}`,
  size: 1000 + seed,
  ...more,
})

const image = (layers: number, more: object = {}) => ({
  ...{ schemaVersion: 2, mediaType: imageType, config: descriptor(0), ...more },
  layers: Array.from({ length: layers }, (_, at) => descriptor(at + 1)),
})

const imageIndex = (children: number) => ({
  ...{ schemaVersion: 2, mediaType: indexType },
  manifests: Array.from({ length: children }, (_, at) =>
    descriptor(at, { mediaType: imageType, platform: { architecture: 'amd64', os: 'linux' } }),
  ),
})

/** A pushed manifest (protocol 6; image-spec 1.1). */
export const manifest: FuzzedParser = {
  name: 'manifest',
  structure: 'json',
  seeds: [
    image(2),
    image(1, { subject: descriptor(9), annotations: { 'org.opencontainers.image.title': 'é ſ 𝄞' } }),
    imageIndex(2),
    image(1, {
      artifactType: 'application/x',
      config: descriptor(1, { data: 'e30=', size: 2, digest: emptyDigest() }),
    }),
  ].map(jsonBytes),
  parse: (input) => readManifest(input, null, defaultLimits),
  isDocumented: (error) => error instanceof OciError,
  shapes: {
    layers: (n) => jsonBytes(image(n * 8)),
    children: (n) => jsonBytes(imageIndex(n)),
    annotations: (n) => jsonBytes(image(1, { annotations: membersOf(n * 8) })),
    'text of annotations': (n) => jsonBytes(image(1, { annotations: { a: '\u00e9"'.repeat(n * 64) } })),
    'white space': (n) => bytesOf(JSON.stringify(image(1)).replace(',', `${' '.repeat(n * 64)},`)),
    'embedded data': (n) => jsonBytes(image(1, { config: descriptor(1, { data: 'AAAA'.repeat(n * 32) }) })),
  },
}

function emptyDigest(): string {
  return 'sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a'
}

function membersOf(count: number): Record<string, string> {
  return Object.fromEntries(Array.from({ length: count }, (_, at) => [`member.${at}`, `value ${at}`]))
}
