import { createHash } from 'node:crypto'
import { mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type IncomingMessage, request } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { buildTar } from '../../gateway/cli/demo/tar.ts'
import { defaultLimits } from '../../gateway/limits.ts'
import { startGateway } from '../../gateway/serve.ts'
import { command } from '../cli/command.ts'
import { testKeys } from '../fixtures.ts'
import { blobOf } from '../registry/client.ts'
import { read, startWorld, type World } from './world.ts'

const maxBodyBytes = 400_000
let world: World
let relay: Awaited<ReturnType<typeof startGateway>>
beforeAll(async () => {
  world = await startWorld({ limits: { ...defaultLimits, maxBodyBytes } })
  const config = { ...world.config, port: 0, dataDir: join(world.folder, 'relay'), publisherKeyFile: null }
  relay = await startGateway(config, { log: () => {} })
})
afterAll(async () => {
  await relay.close()
  await world.close()
})

const types = {
  manifest: 'application/vnd.oci.image.manifest.v1+json',
  imageIndex: 'application/vnd.oci.image.index.v1+json',
  config: 'application/vnd.oci.image.config.v1+json',
  layer: 'application/vnd.oci.image.layer.v1.tar+gzip',
}
type Descriptor = { mediaType: string; digest: string; size: number; annotations?: Record<string, string> }
type Files = Map<string, Uint8Array>

const digestOf = (bytes: Uint8Array) => `sha256:${createHash('sha256').update(bytes).digest('hex')}`
const json = (value: unknown) => Buffer.from(JSON.stringify(value))

function add(files: Files, mediaType: string, bytes: Uint8Array): Descriptor {
  const digest = digestOf(bytes)
  files.set(`blobs/sha256/${digest.slice(7)}`, bytes)
  return { mediaType, digest, size: bytes.length }
}

function addImage(files: Files, layers: readonly Uint8Array[]): Descriptor {
  const config = add(
    files,
    types.config,
    json({ architecture: 'amd64', os: 'linux', rootfs: { type: 'layers', diff_ids: [] } }),
  )
  const blobs = layers.map((layer) => add(files, types.layer, layer))
  return add(files, types.manifest, json({ schemaVersion: 2, mediaType: types.manifest, config, layers: blobs }))
}

/** The files of a layout whose index.json lists these. */
function layoutOf(files: Files, ...manifests: Descriptor[]): Files {
  files.set('oci-layout', json({ imageLayoutVersion: '1.0.0' }))
  return files.set('index.json', json({ schemaVersion: 2, mediaType: types.imageIndex, manifests }))
}

let made = 0
function writeFolder(files: Files): string {
  const folder = join(world.folder, `image-${++made}`)
  mkdirSync(join(folder, 'blobs', 'sha256'), { recursive: true })
  for (const [name, bytes] of files) writeFileSync(join(folder, name), bytes)
  return folder
}

function writeArchive(files: Files, pack = (tar: Uint8Array) => tar): string {
  const file = join(world.folder, `image-${++made}.tar`)
  writeFileSync(file, pack(buildTar([...files].map(([path, bytes]) => ({ path, mode: 0o644, bytes })))))
  return file
}

const push = (image: string, name: string, ...args: string[]) => {
  return read(world, 'push', image, name, '--gateway', world.gateway.url, ...args)
}

describe('push', () => {
  test('a layout of two platforms: every blob and manifest is there, the tag is published, and a second push sends nothing', async () => {
    const files: Files = new Map()
    const children = [addImage(files, [blobOf(1000, 1)]), addImage(files, [blobOf(1000, 2), blobOf(0)])]
    const root = add(
      files,
      types.imageIndex,
      json({ schemaVersion: 2, mediaType: types.imageIndex, manifests: children }),
    )
    const folder = writeFolder(layoutOf(files, root))
    const first = await push(folder, 'acme.eth:two')
    expect([first.code, first.json]).toEqual([
      0,
      {
        ...{ ok: true, name: 'acme.eth', tag: 'two', gateway: world.gateway.url, digest: root.digest },
        ...{ sent: 4, there: 0, published: true, version: null, error: null },
      },
    ])
    expect((await read(world, 'verify', 'acme.eth:two')).json).toMatchObject({ ok: true, digest: root.digest })
    expect((await push(folder, 'acme.eth:two')).json).toMatchObject({ ok: true, sent: 0, there: 4 })
  })

  test('parts are as large as was asked, and as small as the gateway says that it takes', async () => {
    const layer = blobOf(1_000_000, 3)
    const files: Files = new Map()
    const folder = writeFolder(layoutOf(files, addImage(files, [layer])))
    const watched = await startFaulty(() => false)
    const { code, err } = await read(
      world,
      'push',
      folder,
      'acme.eth:parts',
      '--gateway',
      watched.url,
      '--part-size',
      '1',
    )
    expect([code, err]).toEqual([
      0,
      expect.stringContaining(`no body of 1000000 bytes: going on with parts of ${maxBodyBytes}`),
    ])
    const sizes = watched.patches.map(({ length }) => length).filter((length) => length > 1000)
    expect(sizes).toEqual([1_000_000, 400_000, 400_000, 200_000])
    const shown = await fetch(`${world.gateway.url}/v2/acme.eth/blobs/${digestOf(layer)}`)
    expect(digestOf(new Uint8Array(await shown.arrayBuffer()))).toBe(digestOf(layer))
  })

  test('what was cut off goes on where the gateway has it: nothing is sent twice', async () => {
    const files: Files = new Map()
    const folder = writeFolder(layoutOf(files, addImage(files, [blobOf(900_000, 4)])))
    let isCut = true
    const watched = await startFaulty(({ range }) => isCut && range.startsWith('400000-'))
    const args = ['push', folder, 'acme.eth:resumed', '--gateway', watched.url, '--part-size', '1']
    const cut = await read(world, ...args)
    expect([cut.code, cut.json.error, cut.json.published]).toEqual([1, 'HTTP 418', false])
    watched.patches.length = 0
    isCut = false
    expect((await read(world, ...args)).json).toMatchObject({ ok: true, published: true })
    const ranges = watched.patches.map(({ range }) => range)
    expect(ranges).toEqual(['400000-899999', '400000-799999', '800000-899999'])
    expect(readdirSync(join(world.folder, 'state', 'uploads'))).toEqual([])
  })

  test('a connection that breaks in the middle of a part is taken up again in the same push', async () => {
    const files: Files = new Map()
    const folder = writeFolder(layoutOf(files, addImage(files, [blobOf(700_000, 5)])))
    let faults = 2
    const watched = await startFaulty(({ range }) => (range.startsWith('400000-') && faults-- > 0 ? 'break' : false))
    const { code, err } = await read(
      world,
      'push',
      folder,
      'acme.eth:broken',
      '--gateway',
      watched.url,
      '--part-size',
      '1',
    )
    expect([code, err]).toEqual([0, expect.stringContaining('trying again in')])
    const ranges = watched.patches.map(({ range }) => range)
    expect(ranges.filter((range) => range.startsWith('0-'))).toHaveLength(2)
    expect(ranges.filter((range) => range === '400000-699999')).toHaveLength(3)
    expect((await read(world, 'verify', 'acme.eth:broken')).code).toBe(0)
  })

  test('an archive of a layout, with gzip around it and without', async () => {
    for (const [tag, pack] of [
      ['plain', undefined],
      ['gzip', gzipSync],
    ] as const) {
      const files: Files = new Map()
      const root = addImage(files, [blobOf(5000, 6)])
      const archive = writeArchive(layoutOf(files, root), pack)
      expect((await push(archive, `acme.eth:${tag}`)).json).toMatchObject({ ok: true, digest: root.digest })
    }
  })

  test('what docker save writes: layers are compressed, the config stays as it is, twice the same digest', async () => {
    const layer = buildTar([{ path: 'hello', mode: 0o755, bytes: blobOf(20_000, 7) }])
    const config = json({ architecture: 'amd64', os: 'linux', rootfs: { type: 'layers', diff_ids: [digestOf(layer)] } })
    const saved = (name: string) => [
      { Config: `${digestOf(config).slice(7)}.json`, RepoTags: [name], Layers: ['a/layer.tar'] },
    ]
    const files: Files = new Map([
      ['manifest.json', json(saved('hello:1'))],
      [`${digestOf(config).slice(7)}.json`, config],
      ['a/layer.tar', layer],
    ])
    const { json: pushed } = await push(writeArchive(files), 'acme.eth:docker')
    expect(pushed).toMatchObject({ ok: true, published: true, sent: 2 })
    expect((await read(world, 'verify', 'acme.eth:docker')).code).toBe(0)
    const manifest = await (
      await fetch(`${world.gateway.url}/v2/acme.eth/manifests/docker`, { headers: { accept: '*/*' } })
    ).json()
    expect([manifest.mediaType, manifest.config.digest, manifest.layers.length]).toEqual([
      types.manifest,
      digestOf(config),
      1,
    ])
    files.set('manifest.json', json([...saved('hello:1'), ...saved('other:2')]))
    const both = writeArchive(files)
    expect((await push(both, 'acme.eth:docker', '--image', 'hello:1')).json.digest).toBe(pushed.digest)
    const unsaid = await command(['push', both, 'acme.eth:docker', '--gateway', world.gateway.url, ...world.chainFlags])
    expect(unsaid).toMatchObject({
      code: 2,
      err: expect.stringContaining('one of its images by --image: hello:1, other:2'),
    })
  })

  test('the name of an image that docker has: docker is asked to save it', async () => {
    const files: Files = new Map()
    const root = addImage(files, [blobOf(700, 14)])
    const archive = writeArchive(layoutOf(files, root))
    const bin = join(world.folder, 'bin')
    mkdirSync(bin)
    const script = `#!/bin/sh\n[ "$1 $2 $3 $5" = "image save --output hello:1" ] && exec /bin/cp ${archive} "$4"\necho "No such image: $5" >&2; exit 1\n`
    writeFileSync(join(bin, 'docker'), script, { mode: 0o755 })
    const args = ['acme.eth:local', '--gateway', world.gateway.url, '--state', join(world.folder, 'state'), '--json']
    const saved = await command(['push', 'hello:1', ...args], { PATH: bin })
    expect([saved.code, JSON.parse(saved.out).digest]).toEqual([0, root.digest])
    const unknown = await command(['push', 'hello:2', ...args], { PATH: bin })
    expect([unknown.code, unknown.err]).toEqual([2, expect.stringContaining('No such image: hello:2')])
    expect((await command(['push', 'hello:1', ...args], { PATH: world.folder })).code).toBe(2)
  })

  test('an index of which one platform was saved: that platform is pushed, and said so', async () => {
    const files: Files = new Map()
    const here = addImage(files, [blobOf(300, 8)])
    const elsewhere = addImage(new Map(), [blobOf(300, 9)])
    const note = { 'vnd.docker.reference.type': 'attestation-manifest' }
    const attestation = { ...addImage(files, [blobOf(300, 10)]), annotations: note }
    const listed = { schemaVersion: 2, mediaType: types.imageIndex, manifests: [here, elsewhere, attestation] }
    const folder = writeFolder(layoutOf(files, add(files, types.imageIndex, json(listed))))
    const { json: pushed, err } = await push(folder, 'acme.eth:one')
    expect([pushed.ok, pushed.digest, err]).toEqual([
      true,
      here.digest,
      expect.stringContaining('2 of the 3 manifests'),
    ])
  })

  test('a damaged image is refused before a manifest of it is put', async () => {
    const files: Files = new Map()
    const root = addImage(files, [blobOf(500, 11)])
    const [layer = ''] = [...files.keys()].filter((name) => files.get(name)?.length === 500)
    const lacking = writeFolder(layoutOf(new Map(files), root))
    expect((await push(lacking, 'acme.eth:whole')).code).toBe(0)
    rmSync(join(lacking, layer))
    expect((await push(lacking, 'acme.eth:bad')).json).toMatchObject({ ok: false, error: 'BadImage', published: false })
    const unlike: Files = new Map()
    const honest = addImage(unlike, [blobOf(501, 12)])
    const [name = ''] = [...unlike.keys()].filter((each) => unlike.get(each)?.length === 501)
    const altered = writeFolder(layoutOf(unlike.set(name, blobOf(501, 13)), honest))
    const { json: refused } = await push(altered, 'acme.eth:bad')
    expect(refused).toMatchObject({ ok: false, error: 'DIGEST_INVALID', published: false })
    const cut = writeArchive(layoutOf(new Map(files), root), (tar) => tar.subarray(0, 3000))
    expect((await push(cut, 'acme.eth:bad')).code).toBe(2)
    const noTar = join(world.folder, 'no.tar')
    writeFileSync(noTar, 'x'.repeat(2000))
    expect(await command(['push', noTar, 'acme.eth:bad', '--gateway', world.gateway.url])).toMatchObject({
      code: 2,
      err: expect.stringContaining('is no tar archive'),
    })
  })

  test('arguments that do not fit are usage errors', async () => {
    const gateway = ['--gateway', world.gateway.url]
    for (const args of [
      [],
      ['x'],
      ['x', 'acme.eth', ...gateway],
      ['x', 'acme.eth:1'],
      ['/nowhere', 'acme.eth:1', ...gateway],
      ['x', 'acme.eth:1', 'more', ...gateway],
      ['x', 'acme.eth:1', ...gateway, '--part-size', '0'],
      ['x', 'acme.eth:1', ...gateway, '--key-file', '/nowhere'],
    ]) {
      expect([args, (await command(['push', ...args])).code]).toEqual([args, 2])
    }
  })
})

describe('push through a gateway that holds no key (protocol 5)', () => {
  const toRelay = (image: string, name: string, ...args: string[]) => {
    return read(world, 'push', image, name, '--gateway', relay.url, ...args)
  }
  let folder: string
  let digest: string
  beforeAll(() => {
    const files: Files = new Map()
    const root = addImage(files, [blobOf(2000, 20)])
    digest = root.digest
    folder = writeFolder(layoutOf(files, root))
  })

  test('the content is kept, the tag is staged and not published, and that is said', async () => {
    const { code, json: outcome, err } = await toRelay(folder, 'web.acme.eth:1.0')
    expect([code, outcome]).toMatchObject([
      0,
      { ok: true, error: null, digest, sent: 2, published: false, version: null },
    ])
    expect(err).toContain('the gateway warns: 299 - "staged: not published until signed"')
    const staged = await (await fetch(`${relay.url}/v2/acme.eth/web/_mooring/staged`)).json()
    expect(staged).toMatchObject({ base: null, changes: [{ tag: '1.0', entry: { digest } }] })
    expect((await fetch(`${relay.url}/v2/acme.eth/web/manifests/${digest}`)).status).toBe(200)
  })

  test('with a publisher’s key the list is signed here: the first version, then one more for each change', async () => {
    const key = ['--key-file', world.config.publisherKeyFile ?? '']
    expect((await toRelay(folder, 'web.acme.eth:1.0', ...key)).json).toMatchObject({
      ok: true,
      published: true,
      version: 1,
    })
    // The list has it already: nothing is staged, and nothing is left to sign.
    const again = { ok: true, published: true, version: null, sent: 0 }
    expect((await toRelay(folder, 'web.acme.eth:1.0', ...key)).json).toMatchObject(again)
    expect((await toRelay(folder, 'web.acme.eth:2.0', ...key)).json).toMatchObject({ ok: true, version: 2 })
    const verified = await read(world, 'verify', 'web.acme.eth:2.0', '--gateway', relay.url)
    expect([verified.code, verified.json.digest]).toEqual([0, digest])
  })

  test('a key that is no publisher’s signs nothing that counts', async () => {
    const file = join(world.folder, 'other.key')
    writeFileSync(file, testKeys.other, { mode: 0o600 })
    const { code, json: outcome } = await toRelay(folder, 'web.acme.eth:3.0', '--key-file', file)
    expect([code, outcome.error, outcome.published]).toEqual([4, 'NotPublisher', false])
    expect((await read(world, 'tags', 'web.acme.eth', '--gateway', relay.url)).json).toMatchObject({ version: 2 })
  })

  test('a gateway that shows an older list than this client saw gets nothing signed', async () => {
    const older = await startGateway(
      { ...world.config, port: 0, dataDir: join(world.folder, 'older'), publisherKeyFile: null },
      { log: () => {} },
    )
    onTestFinished(() => older.close())
    const key = ['--key-file', world.config.publisherKeyFile ?? '']
    const { code, json: outcome } = await read(
      world,
      'push',
      folder,
      'web.acme.eth:1.0',
      '--gateway',
      older.url,
      ...key,
    )
    expect([code, outcome.error]).toEqual([4, 'Rollback'])
  })
})

type Patch = { range: string; length: number }

/** In front of the gateway: `fault` answers a PATCH by 418, or breaks its connection; all that comes is kept count of. */
async function startFaulty(fault: (patch: Patch) => boolean | 'break') {
  const patches: Patch[] = []
  const server = createServer((incoming, outgoing) => {
    const { method = '', headers } = incoming
    const patch = { range: String(headers['content-range'] ?? ''), length: Number(headers['content-length'] ?? 0) }
    if (method === 'PATCH') patches.push(patch)
    const verdict = method === 'PATCH' && fault(patch)
    if (verdict === 'break') incoming.once('data', () => incoming.destroy())
    else if (verdict) incoming.resume().on('end', () => outgoing.writeHead(418).end())
    else forward(incoming, (answer) => answer.pipe(outgoing.writeHead(answer.statusCode ?? 500, answer.headers)))
  })
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening))
  onTestFinished(() => new Promise<void>((closed) => server.close(() => closed()).closeAllConnections()))
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, patches }
}

function forward(incoming: IncomingMessage, take: (answer: IncomingMessage) => void): void {
  const { method, headers, url = '/' } = incoming
  incoming.pipe(request(world.gateway.url + url, { method, headers }, take))
}
