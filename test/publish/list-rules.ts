import { expect, test } from 'vitest'
import { decodeResponse, encodeTagLookup, parseLookup } from '../../gateway/ens/lookup.ts'
import { verifyLookup } from '../../gateway/ens/verify.ts'
import { parseProofJson, parseSignedListJson } from '../../gateway/tags/json.ts'
import { ZERO_HASH } from '../../gateway/tags/list.ts'
import { verifyTagProof, verifyWholeList } from '../../gateway/tags/verify.ts'
import { addressOf, createTestSigner, swarmReferenceOf, testKeys } from '../fixtures.ts'
import { errorOf, type OpenRegistry, pushImage, type Registry, send } from '../registry/client.ts'
import { type AuthoredList, author, changesUpload, type UploadJson, wholeUpload } from './author.ts'
import { listPath, put, readList, reasonOf } from './client.ts'
import { entryOf } from './repository.ts'

const owner = addressOf(testKeys.owner)

/** Publishes a list whole and shows that it was taken. */
async function publish(registry: Registry, list: AuthoredList): Promise<void> {
  const answer = await put(registry, await wholeUpload(list))
  expect([answer.status, JSON.parse(answer.text).hash]).toEqual([201, list.hash])
}

const first = () =>
  author(undefined, [
    { tag: 'v1', entry: entryOf(1) },
    { tag: 'v2', entry: entryOf(2, { flags: 1 }) },
    { tag: 'latest', entry: entryOf(1) },
  ])

/** `GET` and `PUT _mooring/list` of protocol 5: what goes in comes out, in every form. */
export function listRules(open: OpenRegistry): void {
  test('protocol 5 GET list: no list is 404 NAME_UNKNOWN, a pushed tag makes one that proves itself', async () => {
    const registry = await open()
    errorOf(await send(registry, 'GET', listPath), 404, 'NAME_UNKNOWN')
    const { digest, size, mediaType, text } = await pushImage(registry, 'acme.eth', 'v1')
    const answer = await send(registry, 'GET', listPath)
    const { signed, slots } = readList(answer)
    expect([...verifyWholeList(signed.list, slots)]).toEqual([])
    expect(Object.keys(JSON.parse(answer.text))).toEqual(['list', 'hash', 'signatures', 'timestamp', 'entries'])
    const [entry] = JSON.parse(answer.text).entries
    const swarmReference = swarmReferenceOf(text)
    expect(entry).toEqual({ tag: 'v1', digest, size, mediaType, swarmReference, updatedVersion: 1, flags: 0 })
    errorOf(await send(registry, 'GET', '/v2/stranger.eth/_mooring/list'), 404, 'NAME_UNKNOWN')
    errorOf(await send(registry, 'GET', '/v2/nobody.eth/_mooring/list'), 404, 'NAME_UNKNOWN')
  })

  test('protocol 5 GET list: entries in slot order, tombstones included, exactly as they were put', async () => {
    const registry = await open()
    const list = await author(undefined, [
      ...Array.from({ length: 600 }, (_, i) => ({ tag: `t${599 - i}`, entry: entryOf(i) })),
      { tag: 'gone', entry: entryOf(7, { flags: 3 }) },
    ])
    const upload = await wholeUpload(list)
    await publish(registry, list)
    const {
      entries,
      list: header,
      hash,
      signatures,
      timestamp,
    } = JSON.parse((await send(registry, 'GET', listPath)).text)
    expect({ entries, list: header, signatures }).toEqual(upload)
    expect([hash, timestamp]).toEqual([list.hash, null])
  })

  test('protocol 5 GET list: a strong ETag that changes with list and signatures, 304 while it stands', async () => {
    const registry = await open()
    await pushImage(registry, 'acme.eth', 'v1')
    const etag = (await send(registry, 'GET', listPath)).headers.get('etag') ?? ''
    expect(etag).toMatch(/^"[0-9a-f]{64}"$/)
    const again = (known: string) => send(registry, 'GET', listPath, { headers: { 'if-none-match': known } })
    for (const known of [etag, `W/${etag}`, `"x", ${etag}`, '*']) expect((await again(known)).status).toBe(304)
    expect((await again('"x"')).status).toBe(200)
    expect((await again(etag)).headers.get('etag')).toBe(etag)
    await pushImage(registry, 'acme.eth', 'v2', 2)
    expect((await again(etag)).status).toBe(200)
    const second = (await again(etag)).headers.get('etag')
    expect(second).not.toBe(etag)
    registry.deps.chain.setName('acme.eth', { owner, policy: { publishers: [addressOf(testKeys.other)] } })
    const withoutSignatures = await send(registry, 'GET', listPath)
    expect(JSON.parse(withoutSignatures.text).signatures).toEqual([])
    expect(withoutSignatures.headers.get('etag')).not.toBe(second)
  })

  test('protocol 5 GET list: served even when it has expired; HEAD has the same headers', async () => {
    const registry = await open()
    await publish(registry, await first())
    registry.deps.clock.advance(100 * 86_400)
    const answer = await send(registry, 'GET', listPath)
    expect(readList(answer).slots).toHaveLength(4)
    const head = await send(registry, 'HEAD', listPath)
    expect([...head.headers]).toEqual([...answer.headers])
  })

  test('protocol 5 GET list: one answer is of one version; a list that moves meanwhile is read again, at last 503', async () => {
    const registry = await open()
    await publish(registry, await first())
    const { readSlots } = registry.deps.lists
    let moves = 2
    const moving: typeof readSlots = async (...asked) => (moves-- > 0 ? undefined : readSlots(...asked))
    registry.deps.lists = { ...registry.deps.lists, readSlots: moving }
    expect(readList(await send(registry, 'GET', listPath)).slots).toHaveLength(4)
    moves = Number.POSITIVE_INFINITY
    errorOf(await send(registry, 'GET', listPath), 503, 'UNKNOWN')
  })

  test('protocol 5 GET list: a list over what is collected first is streamed, and breaks off when it moves', async () => {
    const registry = await open()
    const list = await author(
      undefined,
      Array.from({ length: 9000 }, (_, i) => ({
        tag: `${'long-'.repeat(24)}${i}`,
        entry: entryOf(i, { mediaType: 'a/'.repeat(120) }),
      })),
    )
    await publish(registry, list)
    const request = () => new Request(`http://gateway.test${listPath}`)
    const streamed = await registry.fetch(request())
    expect([streamed.status, streamed.headers.get('content-length')]).toEqual([200, null])
    expect(JSON.parse(await streamed.text()).entries).toHaveLength(9000)
    const broken = await registry.fetch(request())
    await publish(registry, await author(list, [{ tag: 'v1', entry: entryOf(1) }]))
    await expect(broken.text()).rejects.toThrow('no longer the current one')
  })

  test('protocol 5 PUT list: 201 whole or as changes, again for the current one, and tags are pulled by it', async () => {
    const registry = await open()
    const one = await first()
    const answer = await put(registry, await wholeUpload(one))
    expect(answer.status).toBe(201)
    const { entries, ...signedList } = await wholeUpload(one)
    expect(JSON.parse(answer.text)).toEqual({ ...signedList, hash: one.hash })
    const two = await author(one, [
      { tag: 'v1', entry: null },
      { tag: 'v3', entry: entryOf(3) },
    ])
    for (let i = 0; i < 2; i++) expect((await put(registry, await changesUpload(two))).status).toBe(201)
    expect((await put(registry, await wholeUpload(two))).status).toBe(201)
    const { signed } = readList(await send(registry, 'GET', listPath))
    expect([signed.hash, signed.list.version]).toEqual([two.hash, 2n])
    const tags = JSON.parse((await send(registry, 'GET', '/v2/acme.eth/tags/list')).text).tags
    expect(tags).toEqual(['latest', 'v2', 'v3'])
    expect(entries).toHaveLength(3)
  })

  test('protocol 5 PUT list: a whole list may change, add and remove; a relay gateway takes it too', async () => {
    const registry = await open({ signerKey: null })
    const one = await first()
    await publish(registry, one)
    const two = await author(one, [
      { tag: 'v1', entry: entryOf(9) },
      { tag: 'latest', entry: null },
      { tag: 'v4', entry: entryOf(4) },
    ])
    await publish(registry, two)
    const { lists } = JSON.parse((await send(registry, 'GET', '/v2/acme.eth/_mooring/history?n=1')).text)
    const changed = lists[0].changes.map(({ tag }: { tag: string }) => tag)
    expect(changed.sort()).toEqual(['latest', 'v1', 'v4'])
  })

  test('protocol 5 PUT list: 412 with the current list, all null where there is none', async () => {
    const registry = await open()
    const one = await first()
    const two = await author(one, [{ tag: 'v3', entry: entryOf(3) }])
    const early = await put(registry, await changesUpload(two))
    expect([early.status, JSON.parse(early.text)]).toEqual([412, { list: null, hash: null, signatures: [] }])
    await publish(registry, one)
    await publish(registry, two)
    const { entries, ...current } = await wholeUpload(two)
    const rival = await author(one, [{ tag: 'v4', entry: entryOf(4) }])
    for (const upload of [await changesUpload(rival), await wholeUpload(rival), await wholeUpload(one)]) {
      const answer = await put(registry, upload)
      expect([answer.status, JSON.parse(answer.text)]).toEqual([412, { ...current, hash: two.hash }])
    }
    expect(entries).toHaveLength(4)
  })

  test('protocol 5: of 12 rival publishers of one version exactly one wins, the others get 412', async () => {
    const registry = await open()
    const one = await first()
    await publish(registry, one)
    const rivals = await Promise.all(
      Array.from({ length: 12 }, (_, i) => author(one, [{ tag: `rival-${i}`, entry: entryOf(i) }])),
    )
    const uploads = await Promise.all(rivals.map((rival, i) => (i % 2 ? changesUpload(rival) : wholeUpload(rival))))
    const answers = await Promise.all(uploads.map((upload) => put(registry, upload)))
    const statuses = answers.map(({ status }) => status)
    expect(statuses.filter((status) => status === 201)).toHaveLength(1)
    expect(statuses.filter((status) => status === 412)).toHaveLength(11)
    const { signed } = readList(await send(registry, 'GET', listPath))
    expect(signed.hash).toBe(rivals[statuses.indexOf(201)]?.hash)
  })

  test('protocol 5 PUT list: more valid signatures of the current list are added, none is lost', async () => {
    const registry = await open()
    const { other } = testKeys
    const publishers = [owner, addressOf(other)].sort()
    registry.deps.chain.setName('acme.eth', { owner, policy: { publishers } })
    const one = await first()
    for (const key of [testKeys.owner, other]) {
      expect((await put(registry, await wholeUpload(one, [createTestSigner(key)]))).status).toBe(201)
    }
    const { signatures } = readList(await send(registry, 'GET', listPath)).signed
    expect(signatures.map(({ signer }) => signer)).toEqual(publishers)
  })

  test('protocol 5 proof: presence, absence and a tombstone, each with the answer that a lookup gives', async () => {
    const registry = await open()
    await publish(
      registry,
      await author(undefined, [
        { tag: 'v1', entry: entryOf(1) },
        { tag: 'gone', entry: entryOf(2, { flags: 3 }) },
      ]),
    )
    for (const tag of ['v1', 'none', 'gone']) {
      const answer = await send(registry, 'GET', `/v2/acme.eth/_mooring/proof/${tag}`)
      const json = JSON.parse(answer.text)
      const members = ['list', 'hash', 'signatures', 'timestamp', 'tag', 'entry', 'proof', 'response']
      expect([answer.status, Object.keys(json), json.tag]).toEqual([200, members, tag])
      expect(json.entry?.flags).toBe({ v1: 0, gone: 3, none: undefined }[tag])
      const callData = encodeTagLookup('acme.eth', tag, 'text')
      const { entries } = await verifyLookup({
        callData,
        response: json.response,
        readAuthority: registry.deps.chain.readAuthority,
        localTime: registry.deps.clock(),
        memory: null,
      })
      const present = tag === 'v1' ? json.entry : undefined
      expect(entries).toEqual([present])
      const { list } = parseSignedListJson(json)
      expect(verifyTagProof(list, tag, parseProofJson(json.proof))).toEqual(present)
      expect(decodeResponse(json.response, parseLookup(callData)).proofs).toEqual([json.proof])
    }
    errorOf(await send(registry, 'GET', '/v2/acme.eth/_mooring/proof/a%2Fb'), 400, 'MANIFEST_INVALID')
    errorOf(await send(registry, 'GET', '/v2/other.eth/_mooring/proof/v1'), 404, 'NAME_UNKNOWN')
  })

  test('protocol 5 history: newest first, page by page, each version with what it changed', async () => {
    const registry = await open()
    errorOf(await send(registry, 'GET', '/v2/acme.eth/_mooring/history'), 404, 'NAME_UNKNOWN')
    for (const [seed, tag] of ['a', 'b', 'a'].entries()) await pushImage(registry, 'acme.eth', tag, seed)
    const read = async (query: string) => {
      const answer = await send(registry, 'GET', `/v2/acme.eth/_mooring/history${query}`)
      return { ...JSON.parse(answer.text), link: answer.headers.get('link') }
    }
    const { name, lists, link } = await read('')
    expect([name, link, lists.length]).toEqual(['acme.eth', null, 3])
    expect(Object.keys(lists[0])).toEqual(['list', 'hash', 'signatures', 'changes'])
    expect(lists.map(({ list }: UploadJson) => list.version)).toEqual([3, 2, 1])
    for (const [i, { list }] of lists.entries()) expect(list.previous).toBe(lists[i + 1]?.hash ?? ZERO_HASH)
    const [change] = lists[0].changes
    expect([change.tag, change.before.updatedVersion, change.after.updatedVersion]).toEqual(['a', 1, 3])
    expect(lists[1].changes).toMatchObject([{ tag: 'b', before: null }])
    const page = await read('?n=1')
    expect(page.lists).toEqual([lists[0]])
    expect(page.link).toBe(`</v2/acme.eth/_mooring/history?n=1&last=${lists[0].hash}>; rel="next"`)
    expect((await read(`?n=5&last=${lists[0].hash}`)).lists).toEqual(lists.slice(1))
    expect((await read(`?last=${lists[2].hash}`)).lists).toEqual([])
    errorOf(await send(registry, 'GET', '/v2/acme.eth/_mooring/history?last=v1'), 400, 'UNSUPPORTED')
  })

  test('protocol 5 history: a version that changed very much ends its page, and its changes are read bit by bit', async () => {
    const registry = await open()
    const one = await author(
      undefined,
      Array.from({ length: 10_000 }, (_, i) => ({ tag: `t${i}`, entry: entryOf(i) })),
    )
    await publish(registry, one)
    let longest = 0
    const { readChanges } = registry.deps.lists
    const watched: typeof readChanges = async (...asked) => {
      const changes = await readChanges(...asked)
      longest = Math.max(longest, changes.length)
      return changes
    }
    registry.deps.lists = { ...registry.deps.lists, readChanges: watched }
    const two = await author(one, [{ tag: 't1', entry: entryOf(1) }])
    for (const list of [two, await author(two, [])]) await publish(registry, list)
    const read = async (query: string) => {
      const answer = await send(registry, 'GET', `/v2/acme.eth/_mooring/history${query}`)
      const counts = JSON.parse(answer.text).lists.map(({ changes }: { changes: unknown[] }) => changes.length)
      return [counts, answer.headers.get('link') !== null]
    }
    expect(await read('')).toEqual([[0, 1, 10_000], false])
    expect(await read(`?last=${two.hash}`)).toEqual([[10_000], false])
    expect(longest).toBeLessThan(1000)
  })

  test('protocol 5: lists of the present owner and epoch only', async () => {
    const registry = await open()
    await publish(registry, await first())
    for (const name of [{ owner: addressOf(testKeys.other) }, { owner, epoch: 1n }]) {
      registry.deps.chain.setName('acme.eth', name)
      for (const what of ['list', 'history', 'proof/v1']) {
        errorOf(await send(registry, 'GET', `/v2/acme.eth/_mooring/${what}`), 404, 'NAME_UNKNOWN')
      }
    }
    const begun = await author(undefined, [{ tag: 'v1', entry: entryOf(5) }], { epoch: 1n })
    await publish(registry, begun)
    registry.deps.chain.setName('acme.eth', { owner })
    expect(readList(await send(registry, 'GET', listPath)).signed.list.epoch).toBe(0n)
    expect(reasonOf(await put(registry, await wholeUpload(begun)))).toBe('EpochMismatch')
  })
}
