import { expect, test } from 'vitest'
import { digestOf } from '../../gateway/oci/digest.ts'
import {
  blobOf,
  bytesOf,
  configType,
  describeManifest,
  errorOf,
  errorsOf,
  imageType,
  indexType,
  layerType,
  makeImage,
  type OpenRegistry,
  type PushedManifest,
  pushBlob,
  pushImage,
  putManifest,
  type Registry,
  readTags,
  send,
  streamOf,
} from './client.ts'

/** Manifests: what is taken, how it comes back, what is refused (end-3, 7, 9). */
export function manifestRules(open: OpenRegistry): void {
  roundTripRules(open)
  subjectRules(open)
  shapeRules(open)
  digestRules(open)
  limitRules(open)
  refusalRules(open)
  deleteRules(open)
}

const artifactType = 'application/vnd.example.sbom'

function descriptorOf({ digest, size, mediaType }: PushedManifest) {
  return { mediaType, digest, size }
}

/** Pushes by digest and by tag, and reads it back by both, with GET and HEAD: byte for byte, with its type. */
async function expectRoundTrip(registry: Registry, manifest: PushedManifest, tag: string): Promise<void> {
  for (const tagOrDigest of [manifest.digest, tag]) {
    const put = await putManifest(registry, 'acme.eth', tagOrDigest, manifest)
    expect([put.status, put.text, put.headers.get('content-length')]).toEqual([201, '', '0'])
    expect(put.headers.get('docker-content-digest')).toBe(manifest.digest)
    expect((await send(registry, 'GET', put.headers.get('location') ?? '')).text).toBe(manifest.text)
    const get = await send(registry, 'GET', `/v2/acme.eth/manifests/${tagOrDigest}`)
    expect([get.status, get.text]).toEqual([200, manifest.text])
    expect(get.headers.get('content-type')).toBe(manifest.mediaType)
    expect(get.headers.get('docker-content-digest')).toBe(manifest.digest)
    const head = await send(registry, 'HEAD', `/v2/acme.eth/manifests/${tagOrDigest}`)
    expect([head.status, [...head.headers]]).toEqual([200, [...get.headers]])
  }
}

function roundTripRules(open: OpenRegistry): void {
  test('end-7, end-3 an image, by digest and by tag: 201, and the same bytes back', async () => {
    const registry = await open()
    await expectRoundTrip(registry, await makeImage(registry, 'acme.eth'), 'v1')
  })

  test('end-3 Accept converts nothing: the stored type comes back whatever it says', async () => {
    const registry = await open()
    const { digest, text } = await pushImage(registry, 'acme.eth', 'v1')
    for (const accept of [imageType, indexType, 'text/plain', '*/*', `${indexType}, ${imageType};q=0.5`]) {
      for (const tagOrDigest of ['v1', digest]) {
        const answer = await send(registry, 'GET', `/v2/acme.eth/manifests/${tagOrDigest}`, { headers: { accept } })
        expect([answer.status, answer.headers.get('content-type'), answer.text]).toEqual([200, imageType, text])
      }
    }
  })

  test('end-3 If-None-Match with the digest: 304; a tag that moved: 200', async () => {
    const registry = await open()
    const { digest } = await pushImage(registry, 'acme.eth', 'v1')
    const headers = { 'if-none-match': `"${digest}"` }
    for (const tagOrDigest of ['v1', digest]) {
      const answer = await send(registry, 'GET', `/v2/acme.eth/manifests/${tagOrDigest}`, { headers })
      expect([answer.status, answer.headers.get('docker-content-digest')]).toEqual([304, digest])
    }
    await pushImage(registry, 'acme.eth', 'v1', 2)
    expect((await send(registry, 'GET', '/v2/acme.eth/manifests/v1', { headers })).status).toBe(200)
  })

  test('end-7 the type is the Content-Type without parameters, with or without mediaType in the body', async () => {
    const registry = await open()
    const { mediaType: _, ...bare } = JSON.parse((await makeImage(registry, 'acme.eth')).text)
    const manifest = await describeManifest(bare)
    const path = '/v2/acme.eth/manifests/v1'
    const put = { headers: { 'content-type': `${imageType}; charset=utf-8` }, body: manifest.text }
    expect((await send(registry, 'PUT', path, put)).status).toBe(201)
    for (const tagOrDigest of ['v1', manifest.digest]) {
      const answer = await send(registry, 'GET', `/v2/acme.eth/manifests/${tagOrDigest}`)
      expect([answer.headers.get('content-type'), answer.text]).toEqual([imageType, manifest.text])
    }
  })
}

function subjectRules(open: OpenRegistry): void {
  test('end-7 OCI-Subject whenever there is a subject, by tag and by digest', async () => {
    const registry = await open()
    const subject = descriptorOf(await pushImage(registry, 'acme.eth', 'v1'))
    const referrer = await makeImage(registry, 'acme.eth', 2, { subject, artifactType })
    for (const tagOrDigest of ['sbom', referrer.digest]) {
      const answer = await putManifest(registry, 'acme.eth', tagOrDigest, referrer)
      expect(answer.headers.get('oci-subject')).toBe(subject.digest)
    }
    const plain = await putManifest(registry, 'acme.eth', 'v2', await makeImage(registry, 'acme.eth', 3))
    expect(plain.headers.get('oci-subject')).toBeNull()
  })
}

/** An index over descriptors, described. */
function indexOf(manifests: readonly object[], more: object = {}): Promise<PushedManifest> {
  return describeManifest({ schemaVersion: 2, mediaType: indexType, manifests, ...more }, indexType)
}

function shapeRules(open: OpenRegistry): void {
  test('end-7, end-3 media types that nobody knows: served as pushed', async () => {
    const registry = await open()
    const { config, layers } = JSON.parse((await makeImage(registry, 'acme.eth')).text)
    for (const [tag, mediaType, members] of [
      ['artifact', 'application/vnd.oci.artifact.manifest.v1+json', { artifactType, blobs: layers }],
      ['custom', 'application/vnd.example.custom.v7+json', { config, whatever: { deep: [null, true] } }],
      ['docker', 'application/vnd.docker.distribution.manifest.v2+json', { schemaVersion: 2, config, layers }],
      ['empty', 'application/json', {}],
    ] as const) {
      await expectRoundTrip(registry, await describeManifest({ mediaType, ...members }, mediaType), tag)
    }
  })

  test('end-3 a type that browsers run is served as pushed, and shut into a sandbox', async () => {
    const registry = await open()
    for (const [mediaType, policy] of [
      ['application/json', null],
      ['text/html', 'sandbox'],
      ['html', 'sandbox'],
    ] as const) {
      const page = await describeManifest({ annotations: { a: '<script>alert(1)</script>' } }, mediaType)
      await putManifest(registry, 'acme.eth', 'page', page)
      const { headers } = await send(registry, 'GET', '/v2/acme.eth/manifests/page')
      expect([headers.get('content-type'), headers.get('content-security-policy')]).toEqual([mediaType, policy])
    }
  })

  test('end-7 layers that are kept elsewhere need not be here: urls and foreign types; any other must', async () => {
    const registry = await open()
    const { config } = JSON.parse((await makeImage(registry, 'acme.eth')).text)
    const layer = { mediaType: layerType, digest: `sha256:${'e'.repeat(64)}`, size: 5 }
    const image = (descriptor: object) =>
      describeManifest({ schemaVersion: 2, mediaType: imageType, config, layers: [descriptor] })
    await expectRoundTrip(registry, await image({ ...layer, urls: ['https://127.0.0.1:1/never-fetched'] }), 'urls')
    const foreign = 'application/vnd.docker.image.rootfs.foreign.diff.tar.gzip'
    await expectRoundTrip(registry, await image({ ...layer, mediaType: foreign }), 'foreign')
    for (const descriptor of [layer, { ...layer, urls: [] }]) {
      const put = await putManifest(registry, 'acme.eth', 'v1', await image(descriptor))
      errorOf(put, 400, 'MANIFEST_BLOB_UNKNOWN')
    }
    errorOf(await send(registry, 'GET', `/v2/acme.eth/blobs/${layer.digest}`), 404, 'BLOB_UNKNOWN')
  })

  test('image-spec "Embedded Content" data that is not the digest’s content, or no base64: 400 MANIFEST_INVALID', async () => {
    const registry = await open()
    const config = { mediaType: configType, digest: await pushBlob(registry, 'acme.eth', bytesOf('{}')), size: 2 }
    const put = async (data: unknown) => {
      const manifest = { schemaVersion: 2, mediaType: imageType, config: { ...config, data }, layers: [] }
      return putManifest(registry, 'acme.eth', 'v1', await describeManifest(manifest))
    }
    expect((await put('e30=')).status).toBe(201)
    for (const data of ['e3s=', 'e30', 'e30=\n', 'e30==', '!!!!', '', 7, {}]) {
      errorOf(await put(data), 400, 'MANIFEST_INVALID')
    }
  })

  test('image-spec sparse indexes: by configuration; else a child that is not here is 400 per digest', async () => {
    const [full, sparse] = [await open(), await open({ features: { sparseIndexes: true } })]
    const absent = [1, 2].map((n) => ({ mediaType: imageType, digest: `sha256:${`${n}`.repeat(64)}`, size: 7 }))
    for (const registry of [full, sparse]) {
      const present = descriptorOf(await pushImage(registry, 'acme.eth', 'v1'))
      const index = await indexOf([present, ...absent])
      if (registry === sparse) await expectRoundTrip(registry, index, 'sparse')
      else errorsOf(await putManifest(registry, 'acme.eth', 'sparse', index), 400, 'MANIFEST_BLOB_UNKNOWN')
    }
    const missingLayer = await describeManifest({
      ...{ schemaVersion: 2, mediaType: imageType, config: absent[0], layers: [] },
    })
    errorOf(await putManifest(sparse, 'acme.eth', 'v2', missingLayer), 400, 'MANIFEST_BLOB_UNKNOWN')
  })

  test('end-7 four image indexes inside each other are taken, a fifth around them is 400 MANIFEST_INVALID', async () => {
    const registry = await open()
    let inner = await pushImage(registry, 'acme.eth', 'v1')
    for (let depth = 1; depth <= 4; depth += 1) {
      inner = await indexOf([descriptorOf(inner), descriptorOf(inner)])
      expect([depth, (await putManifest(registry, 'acme.eth', `depth-${depth}`, inner)).status]).toEqual([depth, 201])
    }
    const fifth = await indexOf([descriptorOf(inner)])
    const message = errorOf(await putManifest(registry, 'acme.eth', 'depth-5', fifth), 400, 'MANIFEST_INVALID')
    expect(message).toBe('manifest refused: it has more than 4 image indexes inside each other')
  })

  test('end-7 an index that lists 1,000 manifests is taken, one of 1,001 is 400 MANIFEST_INVALID', async () => {
    const registry = await open()
    const child = descriptorOf(await pushImage(registry, 'acme.eth', 'v1'))
    const listing = (count: number) => indexOf(Array.from({ length: count }, () => child))
    expect((await putManifest(registry, 'acme.eth', 'most', await listing(1000))).status).toBe(201)
    errorOf(await putManifest(registry, 'acme.eth', 'over', await listing(1001)), 400, 'MANIFEST_INVALID')
  })

  test('a child whose descriptor says another type than the manifest has: 400 MANIFEST_INVALID', async () => {
    const registry = await open()
    const child = descriptorOf(await pushImage(registry, 'acme.eth', 'v1'))
    const put = async (mediaType: string) =>
      putManifest(registry, 'acme.eth', 'index', await indexOf([{ ...child, mediaType }]))
    expect((await put(imageType)).status).toBe(201)
    expect(errorOf(await put(indexType), 400, 'MANIFEST_INVALID')).toContain(`its descriptor says ${indexType}`)
  })
}

function digestRules(open: OpenRegistry): void {
  test('end-7 by sha512: the digest that was asked for comes back', async () => {
    const registry = await open()
    const image = await makeImage(registry, 'acme.eth')
    const digest = await digestOf('sha512', bytesOf(image.text))
    const put = await putManifest(registry, 'acme.eth', digest, image)
    expect([put.status, put.headers.get('docker-content-digest')]).toEqual([201, digest])
    const get = await send(registry, 'GET', `/v2/acme.eth/manifests/${digest}`)
    expect([get.text, get.headers.get('docker-content-digest')]).toEqual([image.text, digest])
  })

  test('end-7b ?tag= gives one digest several tags in one list version, each under OCI-Tag', async () => {
    const registry = await open()
    const image = await makeImage(registry, 'acme.eth')
    const digest = await digestOf('sha512', bytesOf(image.text))
    const tags = Array.from({ length: 10 }, (_, index) => `t${index}`)
    const query = tags.map((tag) => `tag=${tag}`).join('&')
    const put = await putManifest(registry, 'acme.eth', `${digest}?${query}`, image)
    expect([put.status, put.headers.get('oci-tag')]).toEqual([201, tags.join(', ')])
    for (const tag of tags) {
      const get = await send(registry, 'GET', `/v2/acme.eth/manifests/${tag}`)
      expect(get.headers.get('docker-content-digest')).toBe(digest)
    }
    await putManifest(registry, 'acme.eth', `${image.digest}?tag=t3`, image)
    const flipped = await send(registry, 'GET', '/v2/acme.eth/manifests/t3')
    expect(flipped.headers.get('docker-content-digest')).toBe(image.digest)
  })

  test('end-7b one bad tag among ?tag=: 400, and none of them moves', async () => {
    const registry = await open()
    const image = await makeImage(registry, 'acme.eth')
    const put = await putManifest(registry, 'acme.eth', `${image.digest}?tag=good&tag=-bad`, image)
    errorOf(put, 400, 'MANIFEST_INVALID')
    errorOf(await send(registry, 'GET', '/v2/acme.eth/manifests/good'), 404, 'MANIFEST_UNKNOWN')
  })

  test('end-7 by a digest that is not the content: 400 DIGEST_INVALID, and nothing is stored', async () => {
    const registry = await open()
    const [image, other] = [await makeImage(registry, 'acme.eth', 1), await makeImage(registry, 'acme.eth', 2)]
    expect(errorOf(await putManifest(registry, 'acme.eth', other.digest, image), 400, 'DIGEST_INVALID')).toBe(
      `the manifest has digest ${image.digest}, the path says ${other.digest}`,
    )
    for (const { digest } of [image, other]) {
      errorOf(await send(registry, 'GET', `/v2/acme.eth/manifests/${digest}`), 404, 'MANIFEST_UNKNOWN')
    }
    expect((await putManifest(registry, 'acme.eth', image.digest, image)).status).toBe(201)
  })

  test('a digest or tag outside the grammar: 400, for PUT and for GET', async () => {
    const registry = await open()
    const image = await makeImage(registry, 'acme.eth')
    for (const digest of ['sha256:baddigeststring', `sha256:${'A'.repeat(64)}`, 'sha384:ab', ':', 'v1:x']) {
      errorOf(await putManifest(registry, 'acme.eth', digest, image), 400, 'DIGEST_INVALID')
      errorOf(await send(registry, 'GET', `/v2/acme.eth/manifests/${digest}`), 400, 'DIGEST_INVALID')
    }
    for (const tag of ['-v1', '.v1', 'a'.repeat(129), 'v1%2Fx', 'v1%00', '%C3%A9', 'a%20b']) {
      errorOf(await putManifest(registry, 'acme.eth', tag, image), 400, 'MANIFEST_INVALID')
      errorOf(await send(registry, 'GET', `/v2/acme.eth/manifests/${tag}`), 400, 'MANIFEST_INVALID')
    }
    for (const tag of ['_', 'V1.0-rc_2', 'a'.repeat(128)]) {
      expect((await putManifest(registry, 'acme.eth', tag, image)).status).toBe(201)
    }
  })
}

function limitRules(open: OpenRegistry): void {
  const padded = async (registry: Registry, size: number) => {
    const bare = await makeImage(registry, 'acme.eth', 1, { annotations: { pad: '' } })
    return describeManifest({ ...JSON.parse(bare.text), annotations: { pad: 'x'.repeat(size - bare.size) } })
  }

  test('end-7 a manifest of 4 MiB is taken, one byte more is 413 SIZE_INVALID, with Content-Length and without', async () => {
    const registry = await open()
    const limit = registry.deps.limits.maxManifestBytes
    const [fits, over] = [await padded(registry, limit), await padded(registry, limit + 1)]
    expect([fits.size, over.size]).toEqual([4_194_304, 4_194_305])
    await expectRoundTrip(registry, fits, 'large')
    for (const tagOrDigest of ['over', over.digest]) {
      for (const body of [bytesOf(over.text), streamOf(...halves(over.text))]) {
        const headers = {
          'content-type': imageType,
          ...(body instanceof Uint8Array && { 'content-length': `${limit + 1}` }),
        }
        const answer = await send(registry, 'PUT', `/v2/acme.eth/manifests/${tagOrDigest}`, { headers, body })
        expect(errorOf(answer, 413, 'SIZE_INVALID')).toBe('body is larger than 4194304 bytes')
      }
    }
    expect(await readTags(registry, 'acme.eth')).toEqual(['large'])
  })
}

function halves(text: string): Uint8Array[] {
  const bytes = bytesOf(text)
  return [bytes.slice(0, bytes.byteLength >> 1), bytes.slice(bytes.byteLength >> 1)]
}

function refusalRules(open: OpenRegistry): void {
  test('end-7 missing blobs: 400 with one MANIFEST_BLOB_UNKNOWN per digest, and the tag does not move', async () => {
    const registry = await open()
    const { digest, text } = await pushImage(registry, 'acme.eth', 'v1')
    const missing = [1, 2].map((n) => ({ mediaType: layerType, digest: `sha256:${`${n}`.repeat(64)}`, size: 5 }))
    const { layers, ...rest } = JSON.parse(text)
    const manifest = await describeManifest({ ...rest, layers: [...layers, ...missing, missing[0]] })
    const errors = errorsOf(await putManifest(registry, 'acme.eth', 'v1', manifest), 400, 'MANIFEST_BLOB_UNKNOWN')
    expect(errors.map(({ detail }) => detail)).toEqual(missing.map(({ digest }) => ({ digest })))
    const now = await send(registry, 'GET', '/v2/acme.eth/manifests/v1')
    expect(now.headers.get('docker-content-digest')).toBe(digest)
  })

  test('end-7 blobs and children must be in this repository, not just in any', async () => {
    const registry = await open()
    const image = await pushImage(registry, 'acme.eth', 'v1')
    errorsOf(await putManifest(registry, 'other.eth', 'v1', image), 400, 'MANIFEST_BLOB_UNKNOWN')
    const index = { schemaVersion: 2, mediaType: indexType, manifests: [descriptorOf(image)] }
    const described = await describeManifest(index, indexType)
    expect((await putManifest(registry, 'acme.eth', 'index', described)).status).toBe(201)
    errorOf(await putManifest(registry, 'other.eth', 'index', described), 400, 'MANIFEST_BLOB_UNKNOWN')
  })

  test('end-7 a descriptor with another size than its blob has: 400 MANIFEST_INVALID', async () => {
    const registry = await open()
    const digest = await pushBlob(registry, 'acme.eth', blobOf(20))
    const manifest = (size: number) =>
      describeManifest({ schemaVersion: 2, mediaType: imageType, config: { mediaType: configType, digest, size } })
    expect((await putManifest(registry, 'acme.eth', 'v1', await manifest(20))).status).toBe(201)
    const message = errorOf(await putManifest(registry, 'acme.eth', 'v1', await manifest(21)), 400, 'MANIFEST_INVALID')
    expect(message).toBe(`manifest refused: ${digest} has 20 bytes, its descriptor says 21`)
  })

  test('end-7 JSON that two readers could read differently: 400 MANIFEST_INVALID, nothing stored', async () => {
    const registry = await open()
    const image = await makeImage(registry, 'acme.eth')
    const members = image.text.slice(1)
    const bad: [string, string][] = [
      ['duplicate keys', `{"schemaVersion":2,${members}`],
      ['keys that differ in case', `{"LAYERS":[],${members}`],
      ['keys that Go folds together', `{"layerſ":[],${members}`],
      ['trailing bytes', `${image.text}{}`],
      ['a byte order mark', `\uFEFF${image.text}`],
      ['deep nesting', `{"x":${'['.repeat(40)}${']'.repeat(40)},${members}`],
      ['no JSON', 'layers'],
      ['nothing', ''],
      ['an array', '[]'],
      ['layers and manifests', `{"manifests":[],${members}`],
    ]
    for (const [rule, text] of bad) {
      const answer = await putManifest(registry, 'acme.eth', 'v1', { text, mediaType: imageType })
      expect([rule, answer.status, JSON.parse(answer.text).errors[0].code]).toEqual([rule, 400, 'MANIFEST_INVALID'])
    }
    errorOf(await send(registry, 'GET', '/v2/acme.eth/manifests/v1'), 404, 'MANIFEST_UNKNOWN')
    expect((await putManifest(registry, 'acme.eth', 'v1', image)).status).toBe(201)
  })

  test('end-7 a body whose mediaType is not the Content-Type: 400 MANIFEST_INVALID', async () => {
    const registry = await open()
    const image = await makeImage(registry, 'acme.eth')
    const answer = await putManifest(registry, 'acme.eth', 'v1', { ...image, mediaType: indexType })
    expect(errorOf(answer, 400, 'MANIFEST_INVALID')).toContain(`Content-Type is "${indexType}"`)
    expect((await putManifest(registry, 'acme.eth', 'v1', image)).status).toBe(201)
  })

  test('end-3 what is not there: 404 MANIFEST_UNKNOWN by tag and by digest', async () => {
    const registry = await open()
    const { digest } = await pushImage(registry, 'acme.eth', 'v1')
    expect((await send(registry, 'GET', '/v2/acme.eth/manifests/v1')).status).toBe(200)
    for (const tagOrDigest of ['v2', `sha256:${'0'.repeat(64)}`, `sha512:${'0'.repeat(128)}`]) {
      const answer = await send(registry, 'GET', `/v2/acme.eth/manifests/${tagOrDigest}`)
      expect(errorOf(answer, 404, 'MANIFEST_UNKNOWN')).toContain(tagOrDigest)
    }
    errorOf(await send(registry, 'GET', `/v2/other.eth/manifests/${digest}`), 404, 'MANIFEST_UNKNOWN')
  })
}

function deleteRules(open: OpenRegistry): void {
  test('end-9 DELETE of a tag: 202, the tag is gone, its manifest and other tags stay', async () => {
    const registry = await open()
    const { digest } = await pushImage(registry, 'acme.eth', 'v1')
    await pushImage(registry, 'acme.eth', 'v2')
    expect((await send(registry, 'DELETE', '/v2/acme.eth/manifests/v1')).status).toBe(202)
    errorOf(await send(registry, 'GET', '/v2/acme.eth/manifests/v1'), 404, 'MANIFEST_UNKNOWN')
    errorOf(await send(registry, 'DELETE', '/v2/acme.eth/manifests/v1'), 404, 'MANIFEST_UNKNOWN')
    for (const tagOrDigest of ['v2', digest]) {
      expect((await send(registry, 'GET', `/v2/acme.eth/manifests/${tagOrDigest}`)).status).toBe(200)
    }
  })

  test('end-9 DELETE of a digest: 202, every tag to it is 404 at once, and it can be pushed again', async () => {
    const registry = await open()
    const image = await pushImage(registry, 'acme.eth', 'a')
    for (const tag of ['b', 'c']) await putManifest(registry, 'acme.eth', tag, image)
    await pushImage(registry, 'acme.eth', 'other', 2)
    expect((await send(registry, 'DELETE', `/v2/acme.eth/manifests/${image.digest}`)).status).toBe(202)
    for (const tagOrDigest of ['a', 'b', 'c', image.digest]) {
      errorOf(await send(registry, 'GET', `/v2/acme.eth/manifests/${tagOrDigest}`), 404, 'MANIFEST_UNKNOWN')
    }
    expect(await readTags(registry, 'acme.eth')).toEqual(['other'])
    expect((await putManifest(registry, 'acme.eth', 'a', image)).status).toBe(201)
    expect((await send(registry, 'GET', '/v2/acme.eth/manifests/a')).text).toBe(image.text)
  })
}
