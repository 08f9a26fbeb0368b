import { afterAll, beforeAll, expect, test } from 'vitest'
import type { DemoImage } from '../../gateway/cli/demo/image.ts'
import { type FakeBee, startFakeBee } from '../bee/fake-bee.ts'
import { contentsOf, openPublisher } from './on-swarm.ts'
import { pull, startMooringProxy } from './proxied.ts'
import { pushTags, startProxy, startWorld, type World } from './world.ts'

let world: World
let image: DemoImage
let bee: FakeBee
let publisher: Awaited<ReturnType<typeof openPublisher>>
/** It has the signed list, and none of the content. */
let hollow: Awaited<ReturnType<typeof startProxy>>
beforeAll(async () => {
  world = await startWorld()
  image = await pushTags(world, '1.0')
  bee = await startFakeBee()
  publisher = await openPublisher(world, bee)
  hollow = await startProxy(world.gateway.url, (answer, path) =>
    /\/(manifests|blobs)\//.test(path) ? { ...answer, status: 404, body: Buffer.from('{}') } : answer,
  )
})
afterAll(async () => {
  await hollow.close()
  await bee.stop()
  await world.close()
})

let states = 0

/** The status of each, and whether the bytes are the right ones. */
async function pullAll(beeUrl: string | null) {
  const more = beeUrl === null ? [] : ['--bee', beeUrl]
  const proxy = await startMooringProxy(world, [hollow.url], `swarm-${states++}`, more)
  const { imageIndex, manifests, blobs } = image
  const asked = [
    { path: 'manifests/1.0', bytes: imageIndex.bytes },
    ...manifests.map(({ digest, bytes }) => ({ path: `manifests/${digest}`, bytes })),
    ...blobs.map(({ digest, bytes }) => ({ path: `blobs/${digest}`, bytes })),
  ]
  const seen: [number, boolean][] = []
  for (const { path, bytes } of asked) {
    const got = await pull(proxy.url, `acme.eth/${path}`)
    seen.push([got.status, Buffer.from(got.bytes ?? []).equals(bytes)])
  }
  await proxy.stop()
  return seen
}

test('protocol 6: content that no gateway gives comes from Swarm, by signed reference and by content index', async () => {
  const whole = image.manifests.length + image.blobs.length + 1
  const before = await pullAll(null)
  expect(before[0]).toEqual([503, false])
  expect(before.filter(([status]) => status === 200)).toEqual([])
  const index = await publisher.storeIndex(contentsOf(image))
  await publisher.writeUpdate(0, await publisher.payloadOf(index))
  expect(await pullAll(bee.beeUrl)).toEqual(Array.from({ length: whole }, () => [200, true]))
})
