import { randomBytes } from 'node:crypto'
import { toHex } from 'viem'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { openSwarmHash } from '../../gateway/swarm/node-wasm.ts'
import { patternBytes } from '../swarm/naive.ts'
import { goldenLevel1, goldenReferences, helloAddress, helloChunk, nowhere } from './golden.ts'
import type { NodeUnderTest } from './node-under-test.ts'
import { feedId, signSoc } from './single-owner.ts'

const batchHeader = 'swarm-postage-batch-id'

type Said = { status: number; type: string | null; body: Buffer; headers: Headers }

/** How a real node's API was seen to answer (Bee 2.8.0 and 2.8.1): no client of ours in between, so that a fake cannot agree with it by mistake. */
export function measuredRules(name: string, open: () => Promise<NodeUnderTest>): void {
  describe(name, () => {
    let node: NodeUnderTest
    let stamp: Record<string, string>

    beforeAll(async () => {
      node = await open()
      stamp = { [batchHeader]: node.postageBatchId.slice(2), 'swarm-redundancy-level': '0' }
    })
    afterAll(() => node.stop())

    const ask = async (path: string, init: RequestInit = {}): Promise<Said> => {
      const response = await fetch(node.beeUrl + path, { ...init, headers: { connection: 'close', ...init.headers } })
      const body = Buffer.from(await response.arrayBuffer())
      return { status: response.status, type: response.headers.get('content-type'), body, headers: response.headers }
    }
    const post = (path: string, body: Uint8Array, headers: Record<string, string> = stamp) => {
      return ask(path, { method: 'POST', body: body as BodyInit, headers })
    }
    const said = ({ status, body }: Said) => [status, (JSON.parse(body.toString()) as { message?: string }).message]
    const hello = async () => {
      const { body } = await post('/bytes', Buffer.from('hello'))
      return `/bytes/${(JSON.parse(body.toString()) as { reference: string }).reference}`
    }

    test('POST /bytes: 201, the reference as JSON without 0x, an upload tag', async () => {
      const { status, type, body, headers } = await post('/bytes', Buffer.from('hello'))
      expect([status, type]).toEqual([201, 'application/json; charset=utf-8'])
      expect(JSON.parse(body.toString())).toEqual({ reference: helloAddress.slice(2) })
      expect(Number(headers.get('swarm-tag'))).toBeGreaterThan(0)
    })

    test('POST /bytes without a batch is 400, with an unknown one 404', async () => {
      const level = { 'swarm-redundancy-level': '0' }
      expect(said(await post('/bytes', Buffer.from('x'), level))).toEqual([400, 'invalid header params'])
      const unknown = { ...level, 'swarm-postage-batch-id': nowhere.slice(2) }
      expect(said(await post('/bytes', Buffer.from('x'), unknown))).toEqual([404, 'batch with id not found'])
    })

    test('redundancy level 1 is another reference, level 7 is 400', async () => {
      const at = (level: string) => post('/bytes', patternBytes(4097), { ...stamp, 'swarm-redundancy-level': level })
      expect(JSON.parse((await at('1')).body.toString())).toEqual({ reference: goldenLevel1.slice(2) })
      const back = await ask(`/bytes/${goldenLevel1.slice(2)}`)
      expect(back.body.equals(patternBytes(4097))).toBe(true)
      expect(said(await at('7'))).toEqual([400, 'invalid header params'])
    })

    test('GET /bytes: entity tag, Accept-Ranges; HEAD has only the length', async () => {
      const path = await hello()
      const { status, type, headers, body } = await ask(path)
      expect([status, type, body.toString()]).toEqual([200, 'application/octet-stream', 'hello'])
      expect([headers.get('etag'), headers.get('accept-ranges')]).toEqual([`"${helloAddress.slice(2)}"`, 'bytes'])
      const head = await ask(path, { method: 'HEAD' })
      expect([head.status, head.headers.get('content-length')]).toEqual([200, '5'])
      expect([head.headers.get('etag'), head.headers.get('accept-ranges')]).toEqual([null, null])
      const same = await ask(path, { headers: { 'if-none-match': `"${helloAddress.slice(2)}"` } })
      expect(same.status).toBe(304)
    })

    const ranges: readonly [range: string, status: number, contentRange: string | null, body: string][] = [
      ['1-2', 206, 'bytes 1-2/5', 'el'],
      ['3-', 206, 'bytes 3-4/5', 'lo'],
      ['-2', 206, 'bytes 3-4/5', 'lo'],
      ['4-9', 206, 'bytes 4-4/5', 'o'],
      ['5-9', 416, 'bytes */5', 'invalid range: failed to overlap\n'],
      ['3-1', 416, null, 'invalid range\n'],
      ['abc', 416, null, 'invalid range\n'],
    ]

    test.each(ranges)('GET /bytes with Range bytes=%s is %i', async (range, status, contentRange, body) => {
      const answer = await ask(await hello(), { headers: { range: `bytes=${range}` } })
      expect([answer.status, answer.headers.get('content-range'), answer.body.toString()]).toEqual([
        status,
        contentRange,
        body,
      ])
      expect(answer.type).toBe(status === 206 ? 'application/octet-stream' : 'text/plain; charset=utf-8')
    })

    test('two ranges come as multipart', async () => {
      const { status, type, body } = await ask(await hello(), { headers: { range: 'bytes=0-0,2-3' } })
      expect([status, type?.split(';')[0]]).toEqual([206, 'multipart/byteranges'])
      expect(body.toString()).toContain(
        'Content-Range: bytes 2-3/5\r\nContent-Type: application/octet-stream\r\n\r\nll\r\n--',
      )
    })

    test('what is missing is 404 in JSON', async () => {
      expect(said(await ask(`/bytes/${nowhere.slice(2)}`))).toEqual([404, 'Not Found'])
      expect(said(await ask(`/chunks/${nowhere.slice(2)}`))).toEqual([404, 'chunk not found'])
      expect(said(await ask(`/feeds/${'11'.repeat(20)}/${nowhere.slice(2)}`))).toEqual([404, 'no update found'])
      expect(said(await ask('/chunks/zz'))).toEqual([400, 'invalid path params'])
      expect(said(await ask('/bytes/abc'))).toEqual([400, 'invalid path params'])
      const head = await ask(`/bytes/${nowhere.slice(2)}`, { method: 'HEAD' })
      expect([head.status, head.type]).toEqual([404, null])
    })

    test('POST /chunks: an unknown upload tag is 404, too few bytes 400, too many 413, a live tag 201', async () => {
      const opened = await ask('/tags', { method: 'POST' })
      const { uid } = JSON.parse(opened.body.toString()) as { uid: number }
      const tagged = { ...stamp, 'swarm-tag': String(uid) }
      const written = await post('/chunks', helloChunk, tagged)
      expect([written.status, JSON.parse(written.body.toString())]).toEqual([201, { reference: helloAddress.slice(2) }])
      expect(said(await post('/chunks', helloChunk, { ...stamp, 'swarm-tag': '99999' }))).toEqual([
        404,
        'tag not found',
      ])
      expect(said(await post('/chunks', Buffer.from('hello'), tagged))).toEqual([400, 'insufficient data length'])
      expect((await post('/chunks', Buffer.alloc(5000), tagged)).status).toBe(413)
      const read = await ask(`/chunks/${helloAddress.slice(2)}`)
      expect([read.type, read.body.equals(helloChunk)]).toEqual(['binary/octet-stream', true])
    })

    test('an upload tag counts chunks, and apart those that this batch had stamped before', async () => {
      const content = randomBytes(5000)
      const opened = await ask('/tags', { method: 'POST' })
      const { uid } = JSON.parse(opened.body.toString()) as { uid: number }
      const tagged = { ...stamp, 'swarm-tag': String(uid) }
      const count = async () => JSON.parse((await ask(`/tags/${uid}`)).body.toString()) as object
      const { reference } = JSON.parse((await post('/bytes', content, tagged)).body.toString()) as { reference: string }
      expect(await count()).toMatchObject({ split: 3, seen: 0, address: reference })
      await post('/bytes', content, tagged)
      expect(await count()).toMatchObject({ split: 6, seen: 3 })
      expect((await ask('/tags/zz')).status).toBe(400)
    })

    test('without a level a node before API 8 stores plain content, later ones another reference', async () => {
      const { apiVersion } = JSON.parse((await ask('/health')).body.toString()) as { apiVersion: string }
      const isNewer = Number.parseInt(apiVersion, 10) >= 8
      const silent = await post('/bytes', patternBytes(4097), { 'swarm-postage-batch-id': stamp[batchHeader] ?? '' })
      const reference = isNewer ? goldenLevel1 : goldenReferences[3]?.[1]
      expect(JSON.parse(silent.body.toString())).toEqual({ reference: reference?.slice(2) })
      expect(said(await ask(`/batches/${nowhere.slice(2)}`))).toEqual([404, isNewer ? 'batch not found' : 'Not Found'])
    })

    test('feeds and single-owner chunks: read as content, with index, signature and entity tag', async () => {
      const hash = await openSwarmHash()
      const topic = toHex(randomBytes(32))
      const sign = (position: number, text: string) => signSoc(hash, feedId(topic, position), Buffer.from(text))
      const [zero, one, other] = [await sign(0, 'zero'), await sign(1, 'one'), await sign(1, 'other')]
      const feed = `/feeds/${zero.soc.owner.slice(2)}/${topic.slice(2)}`
      expect(said(await ask(feed))).toEqual([404, 'no update found'])
      if (node.isDev) return
      const put = ({ soc }: typeof zero, headers = stamp, sig = soc.signature) => {
        return post(`/soc/${soc.owner.slice(2)}/${soc.id.slice(2)}?sig=${sig.slice(2)}`, soc.chunk, headers)
      }
      const slots = async () => {
        const { body } = await ask(`/stamps/${stamp[batchHeader]}/buckets`)
        const { buckets } = JSON.parse(body.toString()) as { buckets: { collisions: number }[] }
        return buckets.reduce((sum, { collisions }) => sum + collisions, 0)
      }
      const before = await slots()
      for (const update of [zero, one, one, other]) {
        const { status, body } = await put(update)
        expect([status, JSON.parse(body.toString())]).toEqual([201, { reference: update.address.slice(2) }])
      }
      // The same again costs nothing; another one at its address does, and is not stored.
      expect((await slots()) - before).toBe(3)
      const { status, headers, body } = await ask(feed)
      expect([status, body.toString()]).toEqual([200, 'one'])
      expect([headers.get('swarm-feed-index'), headers.get('swarm-feed-index-next')]).toEqual([
        '0000000000000001',
        '0000000000000002',
      ])
      expect(headers.get('swarm-soc-signature')).toBe(one.soc.signature.slice(2))
      expect(headers.get('etag')).toBe(`"${hash.addressOf(one.soc.chunk).slice(2)}"`)
      const wrapped = await ask(feed, { headers: { 'swarm-only-root-chunk': 'true' } })
      expect(wrapped.body.equals(one.soc.chunk)).toBe(true)
      expect(said(await put(zero, stamp, other.soc.signature))).toEqual([401, 'invalid chunk'])
      const noStamp = "Either 'Swarm-Postage-Stamp' or 'Swarm-Postage-Batch-Id' header must be set in the request"
      expect(said(await put(zero, {}))).toEqual([400, noStamp])
    })

    test('a development node: /chunks without a tag 400, direct upload 400, /soc 501, no topping up', async () => {
      const direct = await post('/bytes', Buffer.from('x'), { ...stamp, 'swarm-deferred-upload': 'false' })
      const tagless = await post('/chunks', helloChunk)
      if (!node.isDev) return expect([direct.status, tagless.status]).toEqual([201, 201])
      expect(said(direct)).toEqual([400, 'operation not supported in dev mode'])
      expect(said(tagless)).toEqual([400, 'operation not supported in dev mode'])
      const soc = await post(`/soc/${'11'.repeat(20)}/${'11'.repeat(32)}?sig=${'11'.repeat(65)}`, helloChunk)
      expect(said(soc)).toEqual([501, 'operation is not supported in dev mode'])
      const toppedUp = await ask(`/stamps/topup/${node.postageBatchId.slice(2)}/1000`, { method: 'PATCH' })
      expect(said(toppedUp)).toEqual([501, 'Not Implemented'])
    })

    test('batches: depth below 17 is 400, one that is not the node’s 404', async () => {
      expect((await ask('/stamps/100000000/10', { method: 'POST' })).status).toBe(400)
      expect(said(await ask(`/stamps/${nowhere.slice(2)}`))).toEqual([404, 'issuer does not exist'])
      const { body } = await ask(`/stamps/${node.postageBatchId.slice(2)}`)
      expect(JSON.parse(body.toString())).toMatchObject({
        batchID: node.postageBatchId.slice(2),
        usable: true,
        exists: true,
      })
    })
  })
}
