import { env } from 'cloudflare:workers'
import { beforeEach, describe, expect, test } from 'vitest'
import { encodeGetter, encodeLookup, encodeTagLookup, gatewayUrlTemplates } from '../../gateway/ens/lookup.ts'
import { digestOf } from '../../gateway/oci/digest.ts'
import { ZERO_REFERENCE } from '../../gateway/tags/entry.ts'
import type { TagChange } from '../../gateway/tags/tree.ts'
import { contentOf } from '../../worker/deps.ts'
import type { Env } from '../../worker/env.ts'
import { createWorkerGateway } from '../../worker/gateway.ts'
import { createTestSigner } from '../fixtures.ts'
import { entryOf } from '../publish/repository.ts'
import { blobOf, bytesOf, configType, imageType, layerType } from '../registry/client.ts'
import { countBodies, countDatabase } from './counted-bindings.ts'
import { longListTag, openLongList } from './long-list.ts'
import { chainDomain, publish } from './publisher.ts'
import { emptyBindings } from './stores.ts'

// What a Worker pays for: questions to the database, rows written, and memory. All of it is counted, none of it timed.

beforeEach(emptyBindings)

/** The app of a Worker whose bindings count. */
function openCounted() {
  const { database, counts } = countDatabase(env.DB)
  const { bucket, counts: bodies } = countBodies(env.BLOBS)
  const bindings: Env = { ...env, DB: database, BLOBS: bucket }
  return { ...createWorkerGateway(bindings), counts, bodies, buffers: contentOf(bucket).buffers }
}

type Counted = ReturnType<typeof openCounted>

/** One answer that must have this status, and what it took. */
async function ask(gateway: Counted, method: string, path: string, status: number, init: RequestInit = {}) {
  const before = { ...gateway.counts }
  const response = await gateway.fetch(new Request(`http://gateway.test${path}`, { method, ...init }))
  const text = await response.text()
  expect([response.status, text.slice(0, 300)]).toEqual([status, expect.any(String)])
  const { roundTrips, rowsWritten } = gateway.counts
  return {
    text,
    headers: response.headers,
    roundTrips: roundTrips - before.roundTrips,
    rowsWritten: rowsWritten - before.rowsWritten,
  }
}

async function pushBlob(gateway: Counted, bytes: Uint8Array<ArrayBuffer>) {
  const digest = await digestOf('sha256', bytes)
  await ask(gateway, 'POST', `/v2/acme.eth/blobs/uploads/?digest=${digest}`, 201, { body: bytes })
  return { digest, size: bytes.byteLength }
}

async function pushImage(gateway: Counted) {
  const config = { mediaType: configType, ...(await pushBlob(gateway, bytesOf('{"os":"linux"}'))) }
  const layer = { mediaType: layerType, ...(await pushBlob(gateway, blobOf(1_000))) }
  const text = JSON.stringify({ schemaVersion: 2, mediaType: imageType, config, layers: [layer] })
  const digest = await digestOf('sha256', bytesOf(text))
  const headers = { 'content-type': imageType }
  await ask(gateway, 'PUT', `/v2/acme.eth/manifests/${digest}`, 201, { headers, body: text })
  const entry = { ...entryOf(0), digest, size: text.length, mediaType: imageType, swarmReference: ZERO_REFERENCE }
  return { text, digest, layer, entry }
}

function lookupPath(callData: `0x${string}`): string {
  const { chainId, resolver } = chainDomain()
  const { get } = gatewayUrlTemplates('', chainId, resolver)
  return get.replace('{sender}', resolver).replace('{data}', callData)
}

describe('round trips to D1', () => {
  test('a lookup takes one, whether it is the first of its tag or not', async () => {
    const gateway = openCounted()
    await publish(
      gateway,
      Array.from({ length: 100 }, (_, at) => ({ tag: `v${at}`, entry: entryOf(at) })),
    )
    const many = Array.from({ length: 32 }, (_, at) => encodeGetter('acme.eth', `oci-tag[v${at}]`, 'data'))
    const calls = [
      encodeTagLookup('acme.eth', 'v7', 'text'),
      encodeTagLookup('acme.eth', 'absent', 'data'),
      encodeLookup('acme.eth', many),
    ]
    for (const callData of calls) {
      const [first, again] = [
        await ask(gateway, 'GET', lookupPath(callData), 200),
        await ask(gateway, 'GET', lookupPath(callData), 200),
      ]
      expect([first.text, first.roundTrips, again.roundTrips]).toEqual([again.text, 1, 1])
    }
  })

  test('a manifest takes one by digest, also again and for HEAD; by tag one more to who may push; one more where its use is to be noted', async () => {
    const gateway = openCounted()
    const { text, digest, entry } = await pushImage(gateway)
    await publish(gateway, [{ tag: 'v1', entry }])
    // Nobody has to log in here, so everybody may push, and it is looked whether something is staged for the tag.
    for (const [name, asked] of [
      ['v1', 2],
      [digest, 1],
    ] as const) {
      const path = `/v2/acme.eth/manifests/${name}`
      const taken = async (method: string, query = '') => {
        const answer = await ask(gateway, method, path + query, 200)
        expect([answer.headers.get('docker-content-digest'), answer.text]).toEqual([
          digest,
          method === 'GET' ? text : '',
        ])
        return answer.roundTrips
      }
      // What has a query is answered by the route, whatever was answered before.
      expect([await taken('GET'), await taken('GET'), await taken('HEAD'), await taken('HEAD', '?')]).toEqual([
        asked,
        asked,
        asked,
        asked,
      ])
      await env.DB.prepare('UPDATE manifest SET used_at = 0').run()
      expect(await taken('GET', '?')).toBe(asked + 1)
      expect(await taken('GET', '?')).toBe(asked)
    }
  })
})

test('a publish of one tag into 100,000 writes 60 rows at most and asks the database six times', async () => {
  const signer = createTestSigner()
  const list = await openLongList({ database: env.DB, domain: chainDomain(), ensName: 'acme.eth', signer }, 100_000)
  const gateway = openCounted()
  const publishOne = async (change: TagChange) =>
    ask(gateway, 'PUT', '/v2/acme.eth/_mooring/list', 201, { body: await list.change(change) })
  for (const number of [0, 40_000, 70_000, 99_999]) {
    const added = await publishOne({ tag: `${longListTag(number)}-added`, entry: entryOf(number) })
    const moved = await publishOne({ tag: longListTag(number), entry: entryOf(number) })
    expect([added.roundTrips, moved.roundTrips]).toEqual([6, 6])
    expect(added.rowsWritten).toBeLessThanOrEqual(60)
    expect(moved.rowsWritten).toBeLessThanOrEqual(30)
    // Up to three ways to the root: of the tag, of the one before it, and of the last, which takes its place.
    const removed = await publishOne({ tag: longListTag(number), entry: null })
    expect(removed.roundTrips).toBe(8)
    expect(removed.rowsWritten).toBeLessThanOrEqual(60)
  }
})

const megabyte = 1_000_000

/** A body as requests have it, of pieces that all differ; each is hashed on its way. */
function longBody(pieces: readonly number[], hashed: WritableStreamDefaultWriter<Uint8Array>): ReadableStream {
  const { readable, writable } = new IdentityTransformStream()
  const writer = writable.getWriter()
  const send = async () => {
    for (const number of pieces) {
      const piece = new Uint8Array(megabyte).fill(number)
      await hashed.write(piece)
      await writer.write(piece)
    }
    await writer.close()
  }
  send().catch(() => undefined)
  return readable
}

const numbers = (from: number, to: number) => Array.from({ length: to - from }, (_, at) => from + at)

async function endHash(hash: DigestStream, hashed: WritableStreamDefaultWriter<Uint8Array>): Promise<string> {
  await hashed.close()
  return `sha256:${Buffer.from(await hash.digest).toString('hex')}`
}

test('a PATCH of 90 MB holds 24 MB at most, a GET of 100 MB 8 MB, also for a client that stops reading', async () => {
  const gateway = openCounted()
  const sent = new crypto.DigestStream('SHA-256')
  const hashed = sent.getWriter()
  const { headers } = await ask(gateway, 'POST', '/v2/acme.eth/blobs/uploads/', 202)
  const first = { body: longBody(numbers(0, 90), hashed) }
  const patched = await ask(gateway, 'PATCH', headers.get('location')!, 202, first)
  const second = { body: longBody(numbers(90, 100), hashed) }
  const whole = await ask(gateway, 'PATCH', patched.headers.get('location')!, 202, second)
  expect(whole.headers.get('range')).toBe(`0-${100 * megabyte - 1}`)
  const digest = await endHash(sent, hashed)
  await ask(gateway, 'PUT', `${whole.headers.get('location')}?digest=${digest}`, 201)
  expect(gateway.buffers.mostHeldBytes).toBeGreaterThan(0)
  expect(gateway.buffers.mostHeldBytes).toBeLessThanOrEqual(24 * megabyte)
  expect(gateway.buffers.heldBytes).toBe(0)

  const { bodies, buffers, ...reading } = openCounted()
  const response = await reading.fetch(new Request(`http://gateway.test/v2/acme.eth/blobs/${digest}`))
  expect([response.status, response.headers.get('content-length')]).toEqual([200, `${100 * megabyte}`])
  const received = new crypto.DigestStream('SHA-256')
  const hashing = received.getWriter()
  let pausesAt = 30 * megabyte
  for await (const bytes of response.body as ReadableStream<Uint8Array>) {
    await hashing.write(bytes)
    bodies.takenBytes += bytes.byteLength
    if (bodies.takenBytes < pausesAt) continue
    await scheduler.wait(200)
    pausesAt += 30 * megabyte
  }
  expect(await endHash(received, hashing)).toBe(digest)
  expect(bodies.sentBytes).toBeGreaterThanOrEqual(100 * megabyte)
  expect(bodies.mostHeldBytes).toBeLessThanOrEqual(8 * megabyte)
  expect(buffers.mostHeldBytes).toBe(0)
})
