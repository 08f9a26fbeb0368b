import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createFetchBee } from '../../gateway/bee/fetch-bee.ts'
import { createSwarmReader } from '../../gateway/bee/swarm-reader.ts'
import type { DemoImage } from '../../gateway/cli/demo/image.ts'
import { digestOf } from '../../gateway/oci/digest.ts'
import { openSwarmHash } from '../../gateway/swarm/node-wasm.ts'
import { type FakeBee, startFakeBee } from '../bee/fake-bee.ts'
import { openNodeUnderTest } from '../bee/node-under-test.ts'
import { command } from '../cli/command.ts'
import { pushTags, read, startProxy, startWorld, type World } from './world.ts'

let world: World
let image: DemoImage
let bee: FakeBee
beforeAll(async () => {
  world = await startWorld()
  image = await pushTags(world, 'latest', '1.0')
  bee = await startFakeBee()
})
afterAll(() => Promise.all([world.close(), bee.stop()]))

const ownHash = await openSwarmHash()
let made = 0
const newFolder = () => join(world.folder, `layout-${++made}`)
const everyFile = (folder: string) => {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
}

describe('interfaces export', () => {
  test('image-spec 1.1: the folder is an OCI image layout, each blob under its own digest', async () => {
    const folder = newFolder()
    const { code, json } = await read(world, 'export', 'acme.eth:1.0', '--to', folder)
    expect(code).toBe(0)
    const { digest, bytes, mediaType } = image.imageIndex
    expect(json).toMatchObject({ ok: true, name: 'acme.eth', tag: '1.0', digest, to: folder, browse: null })
    expect(readFileSync(join(folder, 'oci-layout'), 'utf8')).toBe('{"imageLayoutVersion":"1.0.0"}')
    const annotations = { 'org.opencontainers.image.ref.name': '1.0' }
    expect(JSON.parse(readFileSync(join(folder, 'index.json'), 'utf8'))).toEqual({
      ...{ schemaVersion: 2, mediaType: 'application/vnd.oci.image.index.v1+json' },
      manifests: [{ mediaType, digest, size: bytes.length, annotations }],
    })
    const blobs = everyFile(join(folder, 'blobs'))
    expect(blobs).toHaveLength(Number(json.files) - 2)
    for (const file of blobs) expect(await digestOf('sha256', readFileSync(file))).toBe(`sha256:${file.slice(-64)}`)
  })

  test('without --to the folder has the name and the tag; with --bee alone there is none', async () => {
    const before = readdirSync('.')
    const batch = bee.buyBatch()
    const { json } = await read(world, 'export', 'acme.eth', '--bee', bee.beeUrl, '--postage-batch', batch)
    expect(json).toMatchObject({ ok: true, tag: 'latest', to: null })
    expect(readdirSync('.')).toEqual(before)
  })

  test('a folder that has something in it is refused, an empty one is taken', async () => {
    const folder = newFolder()
    mkdirSync(folder)
    expect((await read(world, 'export', 'acme.eth', '--to', folder)).code).toBe(0)
    const again = await command(['export', 'acme.eth', '--to', folder, ...world.chainFlags])
    expect(again).toMatchObject({ code: 2, err: expect.stringContaining('wanted an empty folder') })
  })

  test('a tag that is not there is proven absent, exit 3, and nothing is written', async () => {
    const folder = newFolder()
    const { code, json } = await read(world, 'export', 'acme.eth:nope', '--to', folder)
    expect([code, json.ok, json.digest, existsSync(folder)]).toEqual([3, false, null, false])
  })

  test.each(['manifests', 'blobs'])(
    'a gateway that changes a byte of %s: exit 4, and no layout is left',
    async (what) => {
      const isTarget = (path: string) => path.includes(`/${what}/sha256:`)
      const alter = (body: Uint8Array) =>
        Uint8Array.from(body, (byte, at) => (at === body.length - 1 ? byte ^ 1 : byte))
      const liar = await startProxy(world.gateway.url, (answer, path) => {
        return isTarget(path) ? { ...answer, body: alter(answer.body) } : answer
      })
      const folder = newFolder()
      const { code, json } = await read(world, 'export', 'acme.eth', '--to', folder, '--gateway', liar.url)
      await liar.close()
      expect([code, json.error]).toEqual([4, 'DigestMismatch'])
      expect(existsSync(join(folder, 'index.json'))).toBe(false)
      for (const file of everyFile(folder)) {
        expect(await digestOf('sha256', readFileSync(file))).toBe(`sha256:${file.slice(-64)}`)
      }
    },
  )

  test('with --bee every file and every node of the tree is on Swarm, under the references that were computed', async () => {
    const folder = newFolder()
    bee.forget()
    bee.buyBatch()
    const { code, json } = await read(world, 'export', 'acme.eth:1.0', '--to', folder, '--bee', bee.beeUrl)
    expect([code, json.browse]).toEqual([0, `${bee.beeUrl}/bzz/${String(json.swarmReference).slice(2)}/`])
    const reader = createSwarmReader([createFetchBee({ beeUrl: bee.beeUrl })], ownHash)
    for (const file of everyFile(folder)) {
      const bytes = readFileSync(file)
      const hasher = ownHash.createHasher()
      hasher.update(bytes)
      const stream = await reader.read({ swarmReference: hasher.digest(), size: bytes.length })
      expect(Buffer.from(await new Response(stream).arrayBuffer()).equals(bytes)).toBe(true)
    }
    expect(bee.chunks.has(String(json.swarmReference).slice(2))).toBe(true)
  })

  test('a real node serves the layout below /bzz', async ({ skip }) => {
    const beeUrl = process.env.BEE_URL
    if (!beeUrl) return skip('needs a Bee node at BEE_URL')
    const { postageBatchId } = await openNodeUnderTest()
    const folder = newFolder()
    const paying = ['--bee', beeUrl, '--postage-batch', postageBatchId]
    const { code, json } = await read(world, 'export', 'acme.eth:1.0', '--to', folder, ...paying)
    expect(code).toBe(0)
    for (const file of everyFile(folder)) {
      const answer = await fetch(String(json.browse) + relative(folder, file), { headers: { connection: 'close' } })
      expect(answer.status).toBe(200)
      expect(Buffer.from(await answer.arrayBuffer()).equals(readFileSync(file))).toBe(true)
    }
  })

  test('a batch that cannot pay is said before bytes move: unknown, expired, none', async () => {
    bee.forget()
    const batch = bee.buyBatch()
    const good = await read(world, 'export', 'acme.eth', '--bee', bee.beeUrl, '--postage-batch', `0x${batch}`)
    expect(good.code).toBe(0)
    bee.expireBatch(batch)
    bee.seen.length = 0
    for (const id of [`0x${batch}`, `0x${'12'.repeat(32)}`]) {
      const bad = await command(['export', 'acme.eth', '--bee', bee.beeUrl, '--postage-batch', id, ...world.chainFlags])
      expect(bad).toMatchObject({ code: 1, err: expect.stringContaining(`has no postage batch ${id}`) })
    }
    const none = await command(['export', 'acme.eth', '--bee', bee.beeUrl, ...world.chainFlags])
    expect(none).toMatchObject({ code: 1, err: expect.stringContaining('no usable postage batch') })
    expect(bee.seen.filter(({ method }) => method === 'POST')).toEqual([])
  })

  test('flags that do not fit are usage errors', async () => {
    for (const args of [
      ['--postage-batch', '11'.repeat(32)],
      ['--bee', 'x'],
      ['--bee', bee.beeUrl, '--postage-batch', '1'],
    ]) {
      expect(await command(['export', 'acme.eth', ...args])).toMatchObject({ code: 2 })
    }
  })

  test('skopeo reads the folder back', async ({ skip }) => {
    const skopeo = ['/usr/bin/skopeo', '/usr/local/bin/skopeo', '/opt/homebrew/bin/skopeo'].find((path) =>
      existsSync(path),
    )
    if (skopeo === undefined) return skip('needs skopeo')
    const folder = newFolder()
    expect((await read(world, 'export', 'acme.eth:1.0', '--to', folder)).code).toBe(0)
    const raw = execFileSync(skopeo, ['inspect', '--raw', `oci:${folder}:1.0`])
    expect(raw.equals(Buffer.from(image.imageIndex.bytes))).toBe(true)
    const copy = newFolder()
    execFileSync(skopeo, ['copy', '--quiet', '--all', '--insecure-policy', `oci:${folder}:1.0`, `oci:${copy}:1.0`])
    const blobsOf = (layout: string) =>
      everyFile(join(layout, 'blobs'))
        .map((file) => file.slice(-64))
        .sort()
    expect(blobsOf(copy)).toEqual(blobsOf(folder))
  })
})

describe('interfaces storage quote', () => {
  test('files: the exact chunks and depth, each chunk once however often it comes', async () => {
    const file = join(world.folder, 'content')
    writeFileSync(file, Buffer.concat([Buffer.alloc(8192, 1), Buffer.from('end')]))
    const { out, code } = await command(['storage', 'quote', file, file, '--json'])
    expect(code).toBe(0)
    // Two leaves that are the same one, a short one, and their parent; the second file is the first again.
    expect(JSON.parse(out)).toEqual({
      ...{ ok: true, subjects: [file, file], contents: 2, size: 2 * 8195, chunks: 3, depth: 17, exact: true, days: 90 },
      ...{ plurPerChunkAndBlock: null, plurPerChunk: null, plur: null, bzz: null },
    })
  })

  test('with a node: what it costs for as long as was asked', async () => {
    const file = join(world.folder, 'content')
    writeFileSync(file, 'x')
    const quote = async (days: string) => {
      const { out } = await command(['storage', 'quote', file, '--bee', bee.beeUrl, '--days', days, '--json'])
      return JSON.parse(out) as { plurPerChunkAndBlock: string; plurPerChunk: string; plur: string; bzz: string }
    }
    const [one, two] = [await quote('1'), await quote('2')]
    expect(BigInt(one.plurPerChunk)).toBe(BigInt(one.plurPerChunkAndBlock) * 17_280n)
    expect(BigInt(one.plur)).toBe(BigInt(one.plurPerChunk) * 2n ** 17n)
    expect(BigInt(two.plur)).toBe(2n * BigInt(one.plur))
    expect(one.bzz).toMatch(/^\d+(\.\d+)?$/)
  })

  test('a name: what its list and manifests name, estimated, and no blob is read for it', async () => {
    const paths: string[] = []
    const watched = await startProxy(world.gateway.url, (answer, path) => {
      paths.push(path)
      return answer
    })
    const { code, json } = await read(world, 'storage', 'quote', 'acme.eth', '--gateway', watched.url)
    await watched.close()
    expect([code, json.exact, json.depth]).toEqual([0, false, expect.any(Number)])
    const { files, bytes } = (await read(world, 'export', 'acme.eth', '--to', newFolder())).json
    expect(json.contents).toBe(Number(files) - 2)
    expect(Number(json.size)).toBeGreaterThan(Number(bytes) - 2000)
    expect(paths.filter((path) => path.includes('/blobs/'))).toEqual([])
    expect(paths.filter((path) => path.includes('/manifests/')).length).toBeGreaterThan(0)
  })

  test('what is neither a file nor a name is refused', async () => {
    expect(await command(['storage', 'quote'])).toMatchObject({ code: 2, err: expect.stringContaining('NAME|FILE') })
    expect(await command(['storage', 'quote', 'none', 'other'])).toMatchObject({ code: 2 })
    expect(await command(['storage', 'quote', './none'])).toMatchObject({ code: 2 })
    const file = join(world.folder, 'gateway.txt')
    writeFileSync(file, 'x')
    expect(await command(['storage', 'quote', file, '--days', '0'])).toMatchObject({ code: 2 })
    const down = await command(['storage', 'quote', file, '--bee', 'http://127.0.0.1:1'])
    expect(down).toMatchObject({ code: 1, out: '' })
  })
})
