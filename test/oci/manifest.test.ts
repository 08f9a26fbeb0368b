import { describe, expect, test } from 'vitest'
import { readManifest } from '../../gateway/oci/manifest.ts'

const imageType = 'application/vnd.oci.image.manifest.v1+json'
const indexType = 'application/vnd.oci.image.index.v1+json'
const limits = { maxJsonDepth: 32, maxManifestDescriptors: 10, maxIndexChildren: 4 }
const emptyDigest = 'sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a'
const config = { mediaType: 'application/vnd.oci.image.config.v1+json', digest: emptyDigest, size: 2 }
const layer = { mediaType: 'application/vnd.oci.image.layer.v1.tar+gzip', digest: `sha256:${'a'.repeat(64)}`, size: 7 }
const image = { schemaVersion: 2, mediaType: imageType, config, layers: [layer] }
const index = { schemaVersion: 2, mediaType: indexType, manifests: [{ ...layer, mediaType: imageType }] }

function read(body: unknown, contentType: string | null = null) {
  const text = typeof body === 'string' ? body : JSON.stringify(body)
  return readManifest(new TextEncoder().encode(text), contentType, limits)
}

describe('what a manifest says (image-spec 1.1)', () => {
  test('an image: config and layers, its type from the config', async () => {
    expect(await read(image, imageType)).toEqual({
      mediaType: imageType,
      blobs: [
        { ...config, external: false },
        { ...layer, external: false },
      ],
      children: [],
      subject: null,
      artifactType: config.mediaType,
      annotations: null,
    })
  })

  test('an index: children, and no artifactType unless it has one', async () => {
    const manifest = await read(index, indexType)
    expect(manifest.children.map(({ digest }) => digest)).toEqual([layer.digest])
    expect(manifest.artifactType).toBeNull()
    expect((await read({ ...index, artifactType: 'a/b' })).artifactType).toBe('a/b')
  })

  test('subject, artifactType and annotations are for the referrers', async () => {
    const manifest = await read({ ...image, subject: layer, artifactType: 'x/y', annotations: { a: 'b' } })
    expect(manifest.subject?.digest).toBe(layer.digest)
    expect([manifest.artifactType, manifest.annotations]).toEqual(['x/y', { a: 'b' }])
  })

  test('empty and absent layers, and an empty index, are legal', async () => {
    expect((await read({ ...image, layers: [] })).blobs).toHaveLength(1)
    expect((await read({ ...image, layers: undefined })).blobs).toHaveLength(1)
    expect((await read({ ...index, manifests: [] })).children).toEqual([])
    expect((await read({ ...index, manifests: null })).children).toEqual([])
  })

  test.each([
    [{ ...layer, urls: ['https://example.org/layer'] }],
    [{ ...layer, mediaType: 'application/vnd.oci.image.layer.nondistributable.v1.tar+gzip' }],
    [{ ...layer, mediaType: 'application/vnd.docker.image.rootfs.foreign.diff.tar.gzip' }],
  ])('%o is fetched from elsewhere', async (descriptor) => {
    expect((await read({ ...image, layers: [descriptor] })).blobs[1]?.external).toBe(true)
    expect((await read({ ...image, layers: [{ ...layer, urls: [] }] })).blobs[1]?.external).toBe(false)
  })
})

describe('one media type', () => {
  test('the body without mediaType takes the Content-Type, without its parameters', async () => {
    const { mediaType: _, ...bare } = image
    expect((await read(bare, `${imageType}; charset=utf-8`)).mediaType).toBe(imageType)
    expect((await read(image, null)).mediaType).toBe(imageType)
    await expect(read(bare, null)).rejects.toThrow('neither a Content-Type nor a mediaType')
  })

  test('a body that disagrees with its Content-Type is refused', async () => {
    await expect(read(image, imageType)).resolves.toBeDefined()
    await expect(read(image, indexType)).rejects.toThrow(`mediaType is "${imageType}", but Content-Type is`)
  })

  test('a type that no entry can carry is refused', async () => {
    await expect(read({ a: 1 }, 'application/json')).resolves.toBeDefined()
    await expect(read({ a: 1 }, 'application/ json')).rejects.toThrow('visible bytes')
    await expect(read({ a: 1 }, `a/${'b'.repeat(254)}`)).rejects.toThrow('visible bytes')
  })
})

describe('refused, each beside the accepted twin above', () => {
  const refused: [string, unknown, string][] = [
    ['layers and manifests', { ...image, manifests: [] }, 'must not have layers or config'],
    ['an index type with layers', { ...index, layers: [] }, 'must not have layers or config'],
    ['an index type without manifests', { schemaVersion: 2, mediaType: indexType }, 'has an array manifests'],
    ['an image type without config', { schemaVersion: 2, mediaType: imageType, layers: [] }, 'has config and layers'],
    ['an image type with manifests', { schemaVersion: 2, mediaType: imageType, manifests: [] }, 'no manifests'],
    ['another schemaVersion', { ...image, schemaVersion: 1 }, 'schemaVersion is 1'],
    ['an array', [], 'not a JSON object'],
    ['layers that are no array', { ...image, layers: {} }, 'layers is not an array'],
    ['a size in text', { ...image, layers: [{ ...layer, size: '7' }] }, 'layers[0].size "7"'],
    ['a negative size', { ...image, layers: [{ ...layer, size: -1 }] }, 'layers[0].size -1'],
    ['a size over 2^53', { ...image, layers: [{ ...layer, size: 2 ** 53 }] }, 'layers[0].size'],
    [
      'a descriptor without type',
      { ...image, config: { ...config, mediaType: undefined } },
      'config.mediaType is missing',
    ],
    [
      'a digest in upper case',
      { ...image, layers: [{ ...layer, digest: `sha256:${'A'.repeat(64)}` }] },
      'layers[0].digest',
    ],
    ['a subject without digest', { ...image, subject: {} }, 'subject.digest nothing'],
    ['too many descriptors', { ...image, layers: Array(10).fill(layer) }, '11 descriptors, more than 10'],
    ['annotations that are no object', { ...image, annotations: [] }, 'annotations is not a JSON object'],
    ['an artifactType that is no text', { ...image, artifactType: 1 }, 'artifactType is not a string'],
    ['data that is not base64', { ...image, config: { ...config, data: 'e30' } }, 'is not base64'],
    ['data of another length', { ...image, config: { ...config, data: 'e30K' } }, 'has 3 bytes, its size says 2'],
    ['data of another digest', { ...image, config: { ...config, data: 'fX0=' } }, 'has digest sha256:'],
    ['duplicate keys', `{"schemaVersion":2,"mediaType":"${imageType}","mediaType":"${imageType}"}`, ''],
    ['keys that differ in case only', `{"schemaVersion":2,"layers":[],"LAYERS":[]}`, ''],
    ['layers that only Go finds', { ...image, layers: undefined, LAYERS: [layer] }, '"LAYERS": it is spelled layers'],
    ['layers with a long s', { ...image, layers: undefined, layerſ: [layer] }, 'it is spelled layers'],
    [
      'a digest that only Go finds',
      { ...image, layers: [{ ...layer, Size: 3, size: undefined }] },
      'layers[0] has "Size"',
    ],
    ['trailing bytes', `${JSON.stringify(image)}{}`, ''],
    ['a byte order mark', `\uFEFF${JSON.stringify(image)}`, ''],
  ]
  test.each(refused)('%s', async (_rule, body, message) => {
    const error = await read(body, typeof body === 'string' ? imageType : null).catch((thrown: unknown) => thrown)
    expect(error).toMatchObject({ name: 'OciError' })
    expect((error as Error).message).toContain(message)
  })

  test('embedded data that is the content passes', async () => {
    await expect(read({ ...image, config: { ...config, data: 'e30=' } })).resolves.toBeDefined()
  })

  test('embedded data of megabytes is read without deep recursion', async () => {
    const data = 'A'.repeat(3_000_000)
    await expect(read({ ...image, config: { ...config, data } })).rejects.toThrow('has 2250000 bytes')
  })

  test('bytes that are not UTF-8', async () => {
    const bytes = new Uint8Array([0x22, 0xff, 0x22])
    await expect(readManifest(bytes, imageType, limits)).rejects.toMatchObject({ name: 'OciError' })
  })
})
