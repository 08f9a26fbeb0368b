import { expect, test } from 'vitest'
import { FLAG_IMMUTABLE } from '../../gateway/tags/entry.ts'
import { addressOf, testKeys, testTime } from '../fixtures.ts'
import {
  errorOf,
  makeImage,
  type OpenRegistry,
  type PushedManifest,
  pushImage,
  putManifest,
  type Registry,
  readTags,
  send,
} from '../registry/client.ts'
import {
  acme,
  digestAt,
  entryFor,
  openRelay,
  pathOf,
  publish,
  readStaged,
  stagedDigests,
  statusOf,
  storedTags,
  warning,
} from './client.ts'

const owner = addressOf(testKeys.owner)
const other = addressOf(testKeys.other)

/** An image whose manifest the repository shows, without a tag. */
async function untagged(registry: Registry, seed: number): Promise<PushedManifest> {
  const image = await makeImage(registry, acme, seed)
  expect(statusOf(await putManifest(registry, acme, image.digest, image))).toEqual([201, null])
  return image
}

const push = async (registry: Registry, tag: string, image: PushedManifest) =>
  statusOf(await putManifest(registry, acme, tag, image))
const remove = async (registry: Registry, tagOrDigest: string) =>
  statusOf(await send(registry, 'DELETE', pathOf(tagOrDigest)))

/** What pushes and deletions stage. */
export function pushRules(open: OpenRegistry): void {
  wayRules(open)
  changeRules(open)
  deletionRules(open)
  immutableRules(open)
}

function wayRules(open: OpenRegistry): void {
  test('a relay gateway stages: 201 with a warning, the entry with updatedVersion 0, who and when; no list is signed', async () => {
    const relay = await openRelay(open)
    const image = await untagged(relay, 1)
    expect(await readStaged(relay)).toEqual({ name: acme, base: null, changes: [] })
    expect(await push(relay, 'v1', image)).toEqual([201, warning])
    expect(await readStaged(relay)).toEqual({
      ...{ name: acme, base: null },
      changes: [{ tag: 'v1', entry: entryFor(image), stagedAt: Number(testTime), stagedBy: 'operator' }],
    })
    errorOf(await send(relay, 'GET', `/v2/${acme}/_mooring/list`), 404, 'NAME_UNKNOWN')
  })

  test('a key that does not reach the threshold alone stages; one that does publishes; one that is no publisher is refused', async () => {
    const registry = await open()
    const { chain } = registry.deps
    expect(await push(registry, 'published', await untagged(registry, 1))).toEqual([201, null])
    chain.setName(acme, { owner, policy: { publishers: [other, owner], threshold: 2 } })
    const image = await untagged(registry, 2)
    expect(await push(registry, 'staged', image)).toEqual([201, warning])
    expect(await stagedDigests(registry)).toEqual({ staged: image.digest })
    chain.setName(acme, { owner, policy: { publishers: [other] } })
    errorOf(await putManifest(registry, acme, 'refused', image), 403, 'DENIED')
    errorOf(await send(registry, 'GET', `/v2/${acme}/_mooring/staged`), 403, 'DENIED')
  })

  test('a push by digest stages nothing and warns of nothing', async () => {
    const relay = await openRelay(open)
    await untagged(relay, 1)
    expect((await readStaged(relay)).changes).toEqual([])
  })

  test('pushes of different tags at once: all of them are staged', async () => {
    const relay = await openRelay(open)
    const images = await Promise.all([1, 2, 3, 4, 5, 6].map((seed) => untagged(relay, seed)))
    const pushed = await Promise.all(images.map((image, at) => push(relay, `t${at}`, image)))
    expect(pushed).toEqual(images.map(() => [201, warning]))
    expect(await stagedDigests(relay)).toEqual(Object.fromEntries(images.map(({ digest }, at) => [`t${at}`, digest])))
  })

  test('at most so many tags wait: 403 DENIED for one more, not for one that waits already', async () => {
    const relay = await openRelay(open, { limits: { maxStagedChanges: 2 } })
    const [one, two] = [await untagged(relay, 1), await untagged(relay, 2)]
    for (const tag of ['a', 'b', 'b']) expect(await push(relay, tag, one)).toEqual([201, warning])
    expect(await push(relay, 'b', two)).toEqual([201, warning])
    expect(errorOf(await putManifest(relay, acme, 'c', one), 403, 'DENIED')).toContain('2 tags of acme.eth wait')
    expect(await stagedDigests(relay)).toEqual({ a: one.digest, b: two.digest })
  })
}

function changeRules(open: OpenRegistry): void {
  test('the same push again changes nothing, another digest takes its place, the entry of the list withdraws it', async () => {
    const relay = await openRelay(open)
    const [one, two, three] = [await untagged(relay, 1), await untagged(relay, 2), await untagged(relay, 3)]
    await publish(relay, undefined, { v1: entryFor(one) })
    expect(await push(relay, 'v1', one)).toEqual([201, null])
    expect(await storedTags(relay)).toEqual([])
    expect(await push(relay, 'v1', two)).toEqual([201, warning])
    relay.deps.clock.advance(60)
    expect(await push(relay, 'v1', two)).toEqual([201, warning])
    expect((await readStaged(relay)).changes).toMatchObject([{ entry: entryFor(two), stagedAt: Number(testTime) }])
    expect(await push(relay, 'v1', three)).toEqual([201, warning])
    expect((await readStaged(relay)).changes).toMatchObject([
      { entry: entryFor(three), stagedAt: Number(testTime) + 60 },
    ])
    expect(await push(relay, 'v1', one)).toEqual([201, null])
    expect([await storedTags(relay), await digestAt(relay, 'v1')]).toEqual([[], one.digest])
  })

  test('end-7b several ?tag=: all of them or none, and one that is there already is no change', async () => {
    const relay = await openRelay(open)
    const [one, two] = [await untagged(relay, 1), await untagged(relay, 2)]
    await publish(relay, undefined, { fixed: entryFor(one, FLAG_IMMUTABLE), same: entryFor(two) })
    const all = await putManifest(relay, acme, `${two.digest}?tag=new&tag=fixed&tag=other`, two)
    expect(errorOf(all, 403, 'DENIED')).toContain('tag fixed is immutable')
    expect(await storedTags(relay)).toEqual([])
    const some = await putManifest(relay, acme, `${two.digest}?tag=new&tag=same&tag=other&tag=new`, two)
    expect([statusOf(some), some.headers.get('oci-tag')]).toEqual([[201, warning], 'new, same, other, new'])
    expect(await stagedDigests(relay)).toEqual({ new: two.digest, other: two.digest })
    expect(await readTags(relay, acme)).toEqual(['fixed', 'new', 'other', 'same'])
  })

  test('one push may stage one tag and withdraw another', async () => {
    const relay = await openRelay(open)
    const [one, two] = [await untagged(relay, 1), await untagged(relay, 2)]
    await publish(relay, undefined, { v1: entryFor(one) })
    await push(relay, 'v1', two)
    const both = await putManifest(relay, acme, `${one.digest}?tag=v1&tag=v2`, one)
    expect([statusOf(both), await stagedDigests(relay)]).toEqual([[201, warning], { v2: one.digest }])
  })

  test('what a publishing gateway publishes takes the place of what waits for the same tag, and of nothing else', async () => {
    const registry = await open()
    const { chain } = registry.deps
    const [one, two] = [await untagged(registry, 1), await untagged(registry, 2)]
    chain.setName(acme, { owner, policy: { publishers: [other, owner], threshold: 2 } })
    for (const tag of ['v1', 'v2', 'v3']) expect(await push(registry, tag, one)).toEqual([201, warning])
    chain.setName(acme, { owner })
    expect(await push(registry, 'v1', two)).toEqual([201, null])
    expect([await digestAt(registry, 'v1'), await stagedDigests(registry)]).toEqual([
      ...[two.digest, { v2: one.digest, v3: one.digest }],
    ])
    expect(await remove(registry, 'v2')).toEqual([202, null])
    expect([await storedTags(registry), await readTags(registry, acme)]).toEqual([['v3'], ['v1', 'v3']])
  })
}

function deletionRules(open: OpenRegistry): void {
  test('end-9 DELETE of a published tag is staged; of one that is only staged withdraws it; again: 404', async () => {
    const relay = await openRelay(open)
    const [one, two] = [await untagged(relay, 1), await untagged(relay, 2)]
    await publish(relay, undefined, { v1: entryFor(one) })
    await push(relay, 'v2', two)
    expect(await remove(relay, 'v2')).toEqual([202, null])
    expect(await storedTags(relay)).toEqual([])
    expect(await remove(relay, 'v1')).toEqual([202, warning])
    expect([await stagedDigests(relay), await readTags(relay, acme)]).toEqual([{ v1: null }, []])
    for (const tag of ['v1', 'v2']) expect((await remove(relay, tag))[0]).toBe(404)
    expect(await push(relay, 'v1', two)).toEqual([201, warning])
    expect(await remove(relay, 'v1')).toEqual([202, warning])
    expect(await push(relay, 'v1', one)).toEqual([201, null])
    expect(await storedTags(relay)).toEqual([])
  })

  test('end-9 DELETE by digest takes all staged tags of it along, and what no list names stops being shown', async () => {
    const relay = await openRelay(open)
    const [one, two] = [await untagged(relay, 1), await untagged(relay, 2)]
    for (const tag of ['a', 'b']) await push(relay, tag, one)
    await push(relay, 'c', two)
    expect(await remove(relay, one.digest)).toEqual([202, null])
    expect(await stagedDigests(relay)).toEqual({ c: two.digest })
    errorOf(await send(relay, 'GET', pathOf(one.digest)), 404, 'MANIFEST_UNKNOWN')
  })

  test('end-9 DELETE by digest of what the list names: its tags are staged to go, and it is shown until that is signed', async () => {
    const relay = await openRelay(open)
    const [one, two] = [await untagged(relay, 1), await untagged(relay, 2)]
    const list = await publish(relay, undefined, { v1: entryFor(one), v2: entryFor(one), v3: entryFor(one) })
    await push(relay, 'v3', two)
    await push(relay, 'v4', one)
    expect(await remove(relay, one.digest)).toEqual([202, warning])
    expect(await stagedDigests(relay)).toEqual({ v1: null, v2: null, v3: two.digest })
    expect((await send(relay, 'GET', pathOf(one.digest))).status).toBe(200)
    await publish(relay, list, { v1: null, v2: null, v3: entryFor(two) })
    expect([await storedTags(relay), await remove(relay, one.digest)]).toEqual([[], [202, null]])
    errorOf(await send(relay, 'GET', pathOf(one.digest)), 404, 'MANIFEST_UNKNOWN')
  })
}

function immutableRules(open: OpenRegistry): void {
  test('2.1 an immutable entry of the list: 403 for another digest, and its deletion stages the tombstone', async () => {
    const relay = await openRelay(open)
    const [one, two] = [await untagged(relay, 1), await untagged(relay, 2)]
    await publish(relay, undefined, { v1: entryFor(one, FLAG_IMMUTABLE) })
    expect(await push(relay, 'v1', one)).toEqual([201, null])
    expect(errorOf(await putManifest(relay, acme, 'v1', two), 403, 'DENIED')).toContain('is immutable: it stays')
    expect(await remove(relay, 'v1')).toEqual([202, warning])
    expect((await readStaged(relay)).changes).toMatchObject([{ tag: 'v1', entry: entryFor(one, 3) }])
    expect([await digestAt(relay, 'v1'), await readTags(relay, acme)]).toEqual([null, []])
    expect(errorOf(await putManifest(relay, acme, 'v1', two), 403, 'DENIED')).toContain(
      'was deleted and cannot be used',
    )
    expect(await push(relay, 'v1', one)).toEqual([201, null])
    expect([await storedTags(relay), await digestAt(relay, 'v1')]).toEqual([[], one.digest])
  })

  test('2.1 a tombstone of the list: its tag cannot be staged', async () => {
    const relay = await openRelay(open)
    const one = await untagged(relay, 1)
    const list = await publish(relay, undefined, { v1: entryFor(one, FLAG_IMMUTABLE) })
    await publish(relay, list, { v1: entryFor(one, 3) })
    expect(errorOf(await putManifest(relay, acme, 'v1', one), 403, 'DENIED')).toContain(
      'was deleted and cannot be used',
    )
    expect(await storedTags(relay)).toEqual([])
  })

  test('an entry without a Swarm reference gets it by a push of the same manifest', async () => {
    const relay = await openRelay(open)
    const image = await pushImage(relay, acme, 'v1')
    const entry = entryFor(image, FLAG_IMMUTABLE)
    await publish(relay, undefined, { v1: { ...entry, swarmReference: `0x${'00'.repeat(32)}` } })
    expect((await readStaged(relay)).changes).toEqual([])
    expect(await push(relay, 'v1', image)).toEqual([201, warning])
    expect((await readStaged(relay)).changes).toMatchObject([{ tag: 'v1', entry }])
  })
}
