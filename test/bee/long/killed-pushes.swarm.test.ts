import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { type GatewayProcess, NotStarted, startServing } from '../../e2e/gateway-process.ts'
import { startWorld, type World } from '../../e2e/world.ts'
import { swarmReferenceOf } from '../../fixtures.ts'
import { blobOf } from '../../registry/client.ts'
import { digestOf } from '../../store/fixtures.ts'
import { seeded } from '../computed-content.ts'
import { isWhole } from '../fake/single-owner.ts'
import { type FakeBee, startFakeBee } from '../fake-bee.ts'

// Pushes to a process of its own that puts them on a node, always a fake one, and is killed again and again.

const seed = 6
const pushes = 50
const kills = 16
const imageType = 'application/vnd.oci.image.manifest.v1+json'

let world: World
let bee: FakeBee
let gateway: GatewayProcess
beforeAll(async () => {
  world = await startWorld()
  bee = await startFakeBee()
  bee.buyBatch(22)
})
afterAll(async () => {
  await gateway.kill()
  await bee.stop()
  await world.close()
})

type Image = { tag: string; blobs: Uint8Array[]; manifest: Uint8Array }

/** In every image, and larger than all else. */
const shared = [blobOf(90_001, 1), blobOf(70_001, 2)]

function imageOf(count: number): Image {
  const config = new TextEncoder().encode(JSON.stringify({ count }))
  const blobs = [...shared, blobOf(10_000 + 7 * count, 100 + count), config]
  const [own, ...layers] = blobs.toReversed().map((bytes) => ({
    mediaType: bytes === config ? 'application/vnd.oci.image.config.v1+json' : 'application/vnd.oci.image.layer.v1.tar',
    digest: digestOf(bytes),
    size: bytes.byteLength,
  }))
  const manifest = JSON.stringify({ schemaVersion: 2, mediaType: imageType, config: own, layers })
  return { tag: `at-${count}`, blobs, manifest: new TextEncoder().encode(manifest) }
}

/** All of it, what is there already included. @throws TypeError when the gateway is gone */
async function push({ tag, blobs, manifest }: Image): Promise<void> {
  const repository = `${gateway.url}/v2/acme.eth`
  for (const bytes of blobs) {
    const begun = await fetch(`${repository}/blobs/uploads/`, { method: 'POST' })
    const closing = `${gateway.url}${begun.headers.get('location')}?digest=${digestOf(bytes)}`
    expect((await fetch(closing, { method: 'PUT', body: Buffer.from(bytes) })).status).toBe(201)
  }
  const headers = { 'content-type': imageType }
  const put = { method: 'PUT', headers, body: Buffer.from(manifest) }
  expect((await fetch(`${repository}/manifests/${tag}`, put)).status).toBe(201)
}

const contentsOf = ({ blobs, manifest }: Image) => [...blobs, manifest]

function isOnNode(bytes: Uint8Array): boolean {
  const root = bee.chunks.get(swarmReferenceOf(bytes).slice(2))
  return root !== undefined && isWhole(bee.chunks, root)
}

/** How often the node took it. */
function uploadsOf(bytes: Uint8Array): number {
  const reference = swarmReferenceOf(bytes).slice(2)
  return bee.seen.filter(({ path, stored }) => path === '/bytes' && stored === reference).length
}

const untilAllOnNode = (images: readonly Image[]) => {
  const missing = () => images.flatMap(contentsOf).filter((bytes) => !isOnNode(bytes)).length
  return vi.waitUntil(() => missing() === 0, { timeout: 60_000, interval: 50 })
}

/** Until the gateway itself has written down that all below a tag is on the node. */
const untilNoted = (tag: string) =>
  vi.waitUntil(
    async () => {
      const { tags } = await (await fetch(`${gateway.url}/v2/acme.eth/_mooring/status?n=1000`)).json()
      const row = (tags as { tag: string; swarm: Record<string, number> }[]).find((one) => one.tag === tag)
      return row?.swarm.queued === 0 && row.swarm.local === 0
    },
    { timeout: 60_000, interval: 50 },
  )

test(`hard test 6: kill -9 at ${kills} random points of ${pushes} pushes: what was acknowledged reaches the node, shared layers go there once, and a folder has one gateway`, async () => {
  const dataDir = join(world.folder, 'killed')
  const random = seeded(seed)
  const serve = async () => {
    gateway = await startServing(world, dataDir, '--bee', bee.beeUrl)
  }
  await serve()
  await expect(startServing(world, dataDir, '--bee', bee.beeUrl)).rejects.toThrow(/in use by another gateway/)
  await expect(startServing(world, dataDir)).rejects.toBeInstanceOf(NotStarted)
  const first = imageOf(0)
  const begun = performance.now()
  await push(first)
  await untilNoted(first.tag)
  const pushMs = performance.now() - begun
  expect(shared.map(uploadsOf)).toEqual([1, 1])

  const killedAt = new Set<number>()
  while (killedAt.size < kills) killedAt.add(1 + Math.floor(random() * (pushes - 1)))
  const images = [first]
  let midway = 0
  for (let count = 1; count < pushes; count++) {
    const image = imageOf(count)
    const pushed = push(image).then(
      () => true,
      (error: unknown) => {
        expect([killedAt.has(count), error]).toEqual([true, expect.any(TypeError)])
        return false
      },
    )
    if (killedAt.has(count)) {
      await pause(random() * pushMs)
      await gateway.kill()
      await serve()
    }
    if (await pushed) images.push(image)
    else midway += 1
    if (!images.includes(image) && random() < 0.5) {
      await push(image)
      images.push(image)
    }
  }
  await untilAllOnNode(images)
  for (const { tag } of images.slice(-1)) await untilNoted(tag)
  expect(shared.map(uploadsOf), 'shared layers').toEqual([1, 1])
  const again = images
    .flatMap(contentsOf)
    .filter((bytes) => !shared.some((layer) => layer === bytes) && uploadsOf(bytes) > 1)
  process.stdout.write(
    `killed ${kills} times over ${pushes} pushes (seed ${seed}), ${midway} times before the 201; ${images.length} acknowledged; ${again.length} contents were sent twice\n`,
  )
  // Those that the node was taking at that moment, four at once.
  expect(again.length).toBeLessThanOrEqual(4 * kills)

  await gateway.kill()
  await serve()
  const before = images.flatMap(contentsOf).map(uploadsOf)
  for (const image of images) await push(image)
  const last = imageOf(pushes)
  await push(last)
  await untilAllOnNode([last])
  expect(images.flatMap(contentsOf).map(uploadsOf), 'pushed again').toEqual(before)
  const { entries } = await (await fetch(`${gateway.url}/v2/acme.eth/_mooring/list`)).json()
  const listed = new Map((entries as { tag: string; digest: string }[]).map(({ tag, digest }) => [tag, digest]))
  for (const { tag, manifest } of images) expect(listed.get(tag)).toBe(digestOf(manifest))
})
