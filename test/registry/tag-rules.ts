import { expect, test } from 'vitest'
import { createApp } from '../../gateway/app.ts'
import type { Digest } from '../../gateway/oci/digest.ts'
import { publishTags } from '../../gateway/publisher.ts'
import { openForPush } from '../../gateway/routes/repository.ts'
import { FLAG_IMMUTABLE, ZERO_REFERENCE } from '../../gateway/tags/entry.ts'
import type { TagChange } from '../../gateway/tags/tree.ts'
import { swarmReferenceOf, testDomain } from '../fixtures.ts'
import {
  errorOf,
  imageType,
  makeImage,
  type OpenRegistry,
  type PushedManifest,
  pushBlob,
  pushImage,
  putManifest,
  type Registry,
  readTags,
  send,
} from './client.ts'

/** Tags: the signed list behind them, paging, immutable ones, races (end-8, protocol 2.1 and 5). */
export function tagRules(open: OpenRegistry): void {
  listingRules(open)
  publishRules(open)
  immutableRules(open)
  swarmReferenceRules(open)
  missingContentRules(open)
}

function entryOf({ digest, size, mediaType }: PushedManifest, flags = 0) {
  return { digest, size, mediaType, swarmReference: ZERO_REFERENCE, updatedVersion: 0, flags }
}

/** Publishes changes behind the registry API's back, as a list that came in by PUT does. */
async function publish(registry: Registry, changes: readonly TagChange[], repository = 'acme.eth') {
  const { deps } = registry
  const url = new URL(`http://gateway.test/v2/${repository}/tags/list`)
  const context = {
    deps,
    request: new Request(url),
    url,
    params: { repository },
    caller: { kind: 'operator' } as const,
    client: '',
    addHeader: () => {},
  }
  return publishTags(deps, await openForPush(context), async () => changes)
}

async function headOf({ deps }: Registry, ensName = 'acme.eth') {
  const { owner, epoch } = await deps.chain.readAuthority(ensName)
  return owner ? deps.lists.findHead({ ...testDomain, ensName, owner, epoch }) : undefined
}

/** Beyond what a page holds by far. */
export function manyTagsRules(open: OpenRegistry): void {
  test('end-8 10,000 tags: pages of the cap lead through all of them, in byte order, once each', async () => {
    const registry = await open()
    const image = await makeImage(registry, 'acme.eth')
    const many = Array.from({ length: 10_000 }, (_, number) => `${number % 2 ? 'v' : 'V'}${number}`)
    await publish(
      registry,
      many.map((tag) => ({ tag, entry: entryOf(image) })),
    )
    const seen: string[] = []
    let path: string | undefined = '/v2/acme.eth/tags/list'
    let pages = 0
    for (; path; pages += 1) {
      const answer = await send(registry, 'GET', path)
      seen.push(...(JSON.parse(answer.text).tags as string[]))
      const link: string | null = answer.headers.get('link')
      path = link?.slice(1, link.indexOf('>'))
    }
    expect(pages).toBe(10)
    expect(seen).toEqual(many.toSorted())
    expect(await readTags(registry, 'acme.eth', '?n=2&last=v9998')).toEqual(['v9999'])
  })
}

function listingRules(open: OpenRegistry): void {
  const tags = ['1.0', 'A', 'Z', '_x', 'a', 'a-b', 'a.b', 'aa', 'b'].toSorted()

  async function withTags(): Promise<Registry> {
    const registry = await open()
    const image = await makeImage(registry, 'acme.eth')
    await publish(
      registry,
      tags.map((tag) => ({ tag, entry: entryOf(image) })),
    )
    return registry
  }

  test('end-8a all tags in byte order', async () => {
    const registry = await withTags()
    const answer = await send(registry, 'GET', '/v2/acme.eth/tags/list')
    expect([answer.status, answer.text]).toEqual([200, JSON.stringify({ name: 'acme.eth', tags })])
    expect(answer.headers.get('link')).toBeNull()
    expect(tags.slice(0, 4)).toEqual(['1.0', 'A', 'Z', '_x'])
  })

  test.each([1, 2, 4, 9, 10])('end-8b pages of %i: Link (RFC 8288) leads through all of them, once each', async (n) => {
    const registry = await withTags()
    const seen: string[] = []
    let path: string | undefined = `/v2/acme.eth/tags/list?n=${n}`
    for (let page = 0; path && page < 20; page += 1) {
      const answer = await send(registry, 'GET', path)
      const found = JSON.parse(answer.text).tags as string[]
      expect(found.length).toBeLessThanOrEqual(n)
      seen.push(...found)
      const link: string | null = answer.headers.get('link')
      expect(link ?? '').toMatch(/^$|^<[^<>\s]+>; rel="next"$/)
      path = link?.slice(1, link.indexOf('>'))
    }
    expect(seen).toEqual(tags)
  })

  test('end-8b the tag that a page ended with is deleted before the next one: nothing is skipped or told twice', async () => {
    const registry = await withTags()
    const first = await send(registry, 'GET', '/v2/acme.eth/tags/list?n=3')
    const [, , last = ''] = JSON.parse(first.text).tags as string[]
    const link = first.headers.get('link') ?? ''
    expect(link).toContain(`last=${last}`)
    expect((await send(registry, 'DELETE', `/v2/acme.eth/manifests/${last}`)).status).toBe(202)
    const second = await send(registry, 'GET', link.slice(1, link.indexOf('>')))
    expect(JSON.parse(second.text).tags).toEqual(tags.slice(3, 6))
  })

  test('end-8b n=0 is an empty page without Link; last alone works, and need not exist', async () => {
    const registry = await withTags()
    const empty = await send(registry, 'GET', '/v2/acme.eth/tags/list?n=0')
    expect([empty.text, empty.headers.get('link')]).toEqual(['{"name":"acme.eth","tags":[]}', null])
    expect(await readTags(registry, 'acme.eth', '?last=a.b')).toEqual(['aa', 'b'])
    expect(await readTags(registry, 'acme.eth', '?last=aZ')).toEqual(['aa', 'b'])
    expect(await readTags(registry, 'acme.eth', '?n=1&last=A')).toEqual(['Z'])
    expect(await readTags(registry, 'acme.eth', '?last=b')).toEqual([])
    expect(await readTags(registry, 'acme.eth', '?last=')).toEqual(tags)
  })

  test('end-8b n above the cap is the cap; n that is no whole number and last that is no tag are 400', async () => {
    const registry = await open({ limits: { maxPageItems: 2, defaultPageItems: 3 } })
    const image = await makeImage(registry, 'acme.eth')
    await publish(
      registry,
      ['a', 'b', 'c', 'd'].map((tag) => ({ tag, entry: entryOf(image) })),
    )
    const capped = await send(registry, 'GET', '/v2/acme.eth/tags/list?n=1000000000')
    expect(JSON.parse(capped.text).tags).toEqual(['a', 'b'])
    expect(capped.headers.get('link')).toBe('</v2/acme.eth/tags/list?n=2&last=b>; rel="next"')
    expect(await readTags(registry, 'acme.eth')).toEqual(['a', 'b', 'c'])
    for (const query of ['n=-1', 'n=abc', 'n=', 'n=1.5', 'n=1e3', `n=${'9'.repeat(40)}`, 'last=%0d%0aX', 'last=-a']) {
      errorOf(await send(registry, 'GET', `/v2/acme.eth/tags/list?${query}`), 400, 'UNSUPPORTED')
    }
  })

  test('end-8 a repository with nothing in it: 404 NAME_UNKNOWN; with content and no tags: an empty list', async () => {
    const registry = await open()
    errorOf(await send(registry, 'GET', '/v2/acme.eth/tags/list'), 404, 'NAME_UNKNOWN')
    await pushBlob(registry, 'acme.eth', new Uint8Array(1))
    expect(await readTags(registry, 'acme.eth')).toEqual([])
    errorOf(await send(registry, 'GET', '/v2/acme.eth/web/tags/list'), 404, 'NAME_UNKNOWN')
  })
}

function publishRules(open: OpenRegistry): void {
  test('a push of a tag signs one list version; the same push again signs none; another digest signs the next', async () => {
    const registry = await open()
    const image = await pushImage(registry, 'acme.eth', 'v1')
    const first = await headOf(registry)
    expect([first?.list.version, first?.list.count, first?.list.name]).toEqual([1n, 2n, 'acme.eth'])
    expect((await putManifest(registry, 'acme.eth', 'v1', image)).status).toBe(201)
    expect((await headOf(registry))?.hash).toBe(first?.hash)
    await pushImage(registry, 'acme.eth', 'v1', 2)
    expect((await headOf(registry))?.list).toMatchObject({ version: 2n, previous: first?.hash, count: 2n })
  })

  test('a push by digest publishes nothing', async () => {
    const registry = await open()
    const image = await makeImage(registry, 'acme.eth')
    expect((await putManifest(registry, 'acme.eth', image.digest, image)).status).toBe(201)
    expect(await headOf(registry)).toBeUndefined()
  })

  test('each repository has its own list, a subname of one owner too', async () => {
    const registry = await open()
    await pushImage(registry, 'acme.eth/web', 'v1')
    expect((await headOf(registry, 'web.acme.eth'))?.list.name).toBe('web.acme.eth')
    expect(await headOf(registry, 'acme.eth')).toBeUndefined()
  })

  test('pushes of different tags at once: all of them in the list, versions without a gap', async () => {
    const registry = await open()
    const images = []
    for (let seed = 0; seed < 8; seed += 1) images.push(await makeImage(registry, 'acme.eth', seed))
    const answers = await Promise.all(images.map((image, seed) => putManifest(registry, 'acme.eth', `t${seed}`, image)))
    expect(answers.map(({ status }) => status)).toEqual(images.map(() => 201))
    expect(await readTags(registry, 'acme.eth')).toEqual(images.map((_, seed) => `t${seed}`))
    expect((await headOf(registry))?.list.version).toBe(8n)
    for (const [seed, { digest }] of images.entries()) {
      const answer = await send(registry, 'HEAD', `/v2/acme.eth/manifests/t${seed}`)
      expect(answer.headers.get('docker-content-digest')).toBe(digest)
    }
  })
}

function swarmReferenceRules(open: OpenRegistry): void {
  async function entryInList(registry: Registry, tag: string) {
    const { entries } = JSON.parse((await send(registry, 'GET', '/v2/acme.eth/_mooring/list')).text)
    return entries.find((entry: { tag: string }) => entry.tag === tag)
  }

  test('protocol 2.1 a pushed tag carries the Swarm reference of its manifest, and the ledger keeps it', async () => {
    const registry = await open()
    const image = await makeImage(registry, 'acme.eth')
    expect((await putManifest(registry, 'acme.eth', `${image.digest}?tag=a&tag=b`, image)).status).toBe(201)
    const swarmReference = swarmReferenceOf(image.text)
    for (const tag of ['a', 'b']) expect(await entryInList(registry, tag)).toMatchObject({ swarmReference })
    expect(await registry.deps.swarm.ledger.find(image.digest)).toMatchObject({
      ...{ swarmReference, isProven: true, size: image.size },
    })
  })

  test('a manifest pushed by digest alone has its Swarm reference in the ledger too', async () => {
    const registry = await open()
    const image = await makeImage(registry, 'acme.eth')
    await putManifest(registry, 'acme.eth', image.digest, image)
    expect(await registry.deps.swarm.ledger.find(image.digest)).toMatchObject({
      swarmReference: swarmReferenceOf(image.text),
    })
  })

  test('a push of the same manifest again publishes nothing, but where the entry has no reference, or a wrong one', async () => {
    const registry = await open()
    const image = await pushImage(registry, 'acme.eth', 'v1')
    await putManifest(registry, 'acme.eth', 'v1', image)
    expect((await headOf(registry))?.list.version).toBe(1n)
    for (const wrong of [ZERO_REFERENCE, swarmReferenceOf('other bytes')]) {
      await publish(registry, [{ tag: 'v1', entry: { ...entryOf(image), swarmReference: wrong } }])
      expect(await entryInList(registry, 'v1')).toMatchObject({ swarmReference: wrong })
      expect((await putManifest(registry, 'acme.eth', 'v1', image)).status).toBe(201)
      expect(await entryInList(registry, 'v1')).toMatchObject({ swarmReference: swarmReferenceOf(image.text) })
    }
    expect((await headOf(registry))?.list.version).toBe(5n)
  })

  test('row 9 an immutable entry takes its reference from a push of the same manifest, and keeps all else', async () => {
    const registry = await open()
    const image = await makeImage(registry, 'acme.eth')
    await putManifest(registry, 'acme.eth', image.digest, image)
    await publish(registry, [{ tag: 'v1', entry: entryOf(image, FLAG_IMMUTABLE) }])
    expect((await putManifest(registry, 'acme.eth', 'v1', image)).status).toBe(201)
    expect(await entryInList(registry, 'v1')).toEqual({
      ...{ ...entryOf(image, FLAG_IMMUTABLE), tag: 'v1', updatedVersion: 2 },
      swarmReference: swarmReferenceOf(image.text),
    })
    const other = await makeImage(registry, 'acme.eth', 2)
    errorOf(await putManifest(registry, 'acme.eth', 'v1', other), 403, 'DENIED')
  })
}

function immutableRules(open: OpenRegistry): void {
  test('an immutable tag stays: another digest is 403 DENIED, the same one 201', async () => {
    const registry = await open()
    const [image, other] = [await makeImage(registry, 'acme.eth', 1), await makeImage(registry, 'acme.eth', 2)]
    expect((await putManifest(registry, 'acme.eth', image.digest, image)).status).toBe(201)
    await publish(registry, [{ tag: 'v1', entry: entryOf(image, FLAG_IMMUTABLE) }])
    expect((await putManifest(registry, 'acme.eth', 'v1', image)).status).toBe(201)
    const message = errorOf(await putManifest(registry, 'acme.eth', 'v1', other), 403, 'DENIED')
    expect(message).toBe(`tag v1 is immutable: it stays ${image.digest}; push under another tag`)
    const now = await send(registry, 'GET', '/v2/acme.eth/manifests/v1')
    expect(now.headers.get('docker-content-digest')).toBe(image.digest)
  })

  test('end-7b an immutable tag among ?tag=: 403, and none of them moves', async () => {
    const registry = await open()
    const [image, other] = [await makeImage(registry, 'acme.eth', 1), await makeImage(registry, 'acme.eth', 2)]
    await publish(registry, [{ tag: 'fixed', entry: entryOf(image, FLAG_IMMUTABLE) }])
    errorOf(await putManifest(registry, 'acme.eth', `${other.digest}?tag=new&tag=fixed`, other), 403, 'DENIED')
    expect(await readTags(registry, 'acme.eth')).toEqual(['fixed'])
    expect((await putManifest(registry, 'acme.eth', `${other.digest}?tag=new`, other)).status).toBe(201)
  })

  test('end-9 DELETE of an immutable tag leaves a tombstone: absent, not listed, never used again', async () => {
    const registry = await open()
    const image = await makeImage(registry, 'acme.eth')
    expect((await putManifest(registry, 'acme.eth', image.digest, image)).status).toBe(201)
    await publish(registry, [{ tag: 'v1', entry: entryOf(image, FLAG_IMMUTABLE) }])
    expect((await send(registry, 'DELETE', '/v2/acme.eth/manifests/v1')).status).toBe(202)
    errorOf(await send(registry, 'GET', '/v2/acme.eth/manifests/v1'), 404, 'MANIFEST_UNKNOWN')
    expect(await readTags(registry, 'acme.eth')).toEqual([])
    const message = errorOf(await putManifest(registry, 'acme.eth', 'v1', image), 403, 'DENIED')
    expect(message).toContain('was deleted and cannot be used again')
    expect((await headOf(registry))?.list.count).toBe(2n)
  })
}

function missingContentRules(open: OpenRegistry): void {
  test('a digest that the signed list names and this gateway does not hold: 503 with Retry-After, never 404', async () => {
    const registry = await open()
    const digest: Digest = `sha256:${'d'.repeat(64)}`
    await publish(registry, [{ tag: 'v1', entry: entryOf({ digest, size: 9, mediaType: imageType, text: '' }) }])
    for (const tagOrDigest of ['v1', digest]) {
      const answer = await send(registry, 'GET', `/v2/acme.eth/manifests/${tagOrDigest}`)
      expect(errorOf(answer, 503, 'UNKNOWN')).toContain(digest)
      expect(answer.headers.get('retry-after')).toBe('5')
    }
    errorOf(await send(registry, 'GET', '/v2/acme.eth/manifests/v2'), 404, 'MANIFEST_UNKNOWN')
  })

  test('content of another repository is not shown because a list names it', async () => {
    const registry = await open()
    const image = await pushImage(registry, 'other.eth', 'v1')
    await publish(registry, [{ tag: 'stolen', entry: entryOf(image) }])
    expect((await send(registry, 'GET', '/v2/other.eth/manifests/v1')).status).toBe(200)
    expect((await send(registry, 'GET', '/v2/acme.eth/manifests/stolen')).status).toBe(503)
  })

  test('tags outlive the gateway that signed them', async () => {
    const registry = await open()
    const { text } = await pushImage(registry, 'acme.eth', 'v1')
    const restarted = { deps: registry.deps, ...createApp({ ...registry.deps }) }
    expect((await send(restarted, 'GET', '/v2/acme.eth/manifests/v1')).text).toBe(text)
  })
}
