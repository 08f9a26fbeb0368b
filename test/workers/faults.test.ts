import { env } from 'cloudflare:workers'
import { beforeEach, describe, expect, test } from 'vitest'
import { encodeTagLookup } from '../../gateway/ens/lookup.ts'
import { createD1Sql } from '../../gateway/store/d1.ts'
import { createR2Content } from '../../gateway/store/r2.ts'
import { SqlConflict, SqlUnavailable } from '../../gateway/store/sql.ts'
import { createSqlCatalog } from '../../gateway/store/sql-catalog.ts'
import { createSqlTagLists } from '../../gateway/store/sql-tag-lists.ts'
import { lookUpTag, lookupPath } from '../lookup/client.ts'
import {
  beginUpload,
  blobOf,
  makeImage,
  pushBlob,
  putManifest,
  type Registry,
  readTags,
  registryOver,
  send,
} from '../registry/client.ts'
import { createFaults, type Decide } from './faults.ts'
import { emptyBindings } from './stores.ts'

beforeEach(emptyBindings)

/** The app over the bindings, with faults between; `timeoutMs` is how long it waits for any call. */
function open(decide: Decide = () => 'pass', timeoutMs = 20_000) {
  const faults = createFaults(decide)
  const sql = createD1Sql(faults.around(env.DB), timeoutMs)
  const content = createR2Content(faults.around(env.BLOBS), { timeoutMs })
  const registry = registryOver({ content, catalog: createSqlCatalog(sql), lists: createSqlTagLists(sql) })
  // Several of them write to one database.
  registry.deps.randomId = () => crypto.randomUUID().replaceAll('-', '')
  return { registry, faults }
}

/** One push of a tag as a client sends it, up to the first answer that is no success: its status, 201 at the end. */
async function push(registry: Registry, tag: string, seed: number): Promise<number> {
  const layer = blobOf(3_000, seed)
  const begun = await send(registry, 'POST', '/v2/acme.eth/blobs/uploads/')
  if (begun.status !== 202) return statusOf(begun)
  const digest = await sha256(layer)
  const put = await send(registry, 'PUT', `${begun.headers.get('location')}?digest=${digest}`, { body: layer })
  if (put.status !== 201) return statusOf(put)
  const config = { mediaType: 'application/vnd.oci.image.config.v1+json', digest, size: 3_000 }
  const mediaType = 'application/vnd.oci.image.manifest.v1+json'
  const text = JSON.stringify({ schemaVersion: 2, mediaType, config, layers: [] })
  return statusOf(await putManifest(registry, 'acme.eth', tag, { text, mediaType }))
}

/** A failure is a 503 that says when to come again. */
function statusOf({ status, headers }: { status: number; headers: Headers }): number {
  if (status !== 201) expect([status, headers.get('retry-after')]).toEqual([503, '5'])
  return status
}

async function sha256(bytes: Uint8Array<ArrayBuffer>): Promise<string> {
  const hash = new Uint8Array(await crypto.subtle.digest('SHA-256', bytes))
  return `sha256:${[...hash].map((byte) => byte.toString(16).padStart(2, '0')).join('')}`
}

/** What everybody sees: a list that verifies, and whose every tag can be pulled whole. */
async function seenTags(registry: Registry): Promise<string[]> {
  const tags = await readTags(registry, 'acme.eth')
  for (const tag of tags) {
    const manifest = await send(registry, 'GET', `/v2/acme.eth/manifests/${tag}`)
    expect(manifest.status).toBe(200)
    expect((await lookUpTag(registry, 'acme.eth', tag)).digest).toBe(manifest.headers.get('docker-content-digest'))
    const { config } = JSON.parse(manifest.text)
    const blob = await send(registry, 'GET', `/v2/acme.eth/blobs/${config.digest}`)
    expect([blob.status, await sha256(new Uint8Array(blob.bytes))]).toEqual([200, config.digest])
  }
  return tags
}

/** How many calls one push makes. */
async function callsOfPush(): Promise<number> {
  const { registry, faults } = open()
  expect(await push(registry, 'v1', 1)).toBe(201)
  const first = faults.decided.length
  expect(await push(registry, 'v2', 2)).toBe(201)
  expect(first).toBeGreaterThan(10)
  return faults.decided.length - first
}

describe('D1 or R2 fails at any one call of a push: 503 with Retry-After, nothing half-visible, and the next try works', () => {
  test.each(['fail', 'fail after'] as const)('%s', async (fate) => {
    const calls = await callsOfPush()
    const clean = open().registry
    for (let call = 0; call < calls; call++) {
      const { registry } = open((now) => (now === call ? fate : 'pass'))
      const tag = `${fate === 'fail' ? 'a' : 'b'}${call}`
      const status = await push(registry, tag, 100 + call)
      const isThere = (await seenTags(clean)).includes(tag)
      if (status === 201) expect(isThere).toBe(true)
      expect(await push(registry, tag, 100 + call)).toBe(201)
      expect(await seenTags(clean)).toContain(tag)
      // Keeps the list, and so the checks above, short.
      expect((await send(clean, 'DELETE', `/v2/acme.eth/manifests/${tag}`)).status).toBe(202)
    }
  })
})

describe('an object that is evicted between any two awaits of a push: old state or new', () => {
  test.each(['hang', 'hang after'] as const)('%s', async (fate) => {
    const calls = await callsOfPush()
    const clean = open().registry
    for (let call = 0; call < calls; call++) {
      let evicted: () => void = () => undefined
      const end = new Promise<string>((resolve) => {
        evicted = () => resolve('evicted')
      })
      const { registry } = open((now) => {
        if (now === call) evicted()
        return now < call ? 'pass' : now === call ? fate : 'hang'
      })
      const before = await readTags(clean, 'acme.eth')
      const tag = `t${call}`
      expect(await Promise.race([push(registry, tag, 200 + call), end])).toBe('evicted')
      if (fate === 'hang after') await scheduler.wait(20)
      const after = await seenTags(clean)
      expect(after.filter((each) => each !== tag)).toEqual(before)
      expect(await push(open().registry, tag, 200 + call)).toBe(201)
      expect(await seenTags(clean)).toContain(tag)
      expect((await send(clean, 'DELETE', `/v2/acme.eth/manifests/${tag}`)).status).toBe(202)
    }
  })
})

describe('D1 that does not answer, or refuses', () => {
  test('slow: what takes too long is 503 with Retry-After, for reads, lookups and pushes', async () => {
    const clean = open().registry
    expect(await push(clean, 'v1', 1)).toBe(201)
    let isSlow = false
    const { registry } = open(() => (isSlow ? 'hang' : 'pass'), 50)
    const image = await makeImage(registry, 'acme.eth', 2)
    isSlow = true
    for (const path of ['/v2/acme.eth/tags/list', '/v2/acme.eth/manifests/v1', '/v2/acme.eth/_mooring/list']) {
      const { status, headers } = await send(registry, 'GET', path)
      expect([path, status, headers.get('retry-after')]).toEqual([path, 503, '5'])
    }
    const lookup = await registry.fetch(
      new Request(`http://gateway.test${lookupPath(encodeTagLookup('acme.eth', 'v1', 'text'))}`),
    )
    expect([lookup.status, lookup.headers.get('access-control-allow-origin')]).toEqual([503, '*'])
    expect((await putManifest(registry, 'acme.eth', 'v2', image)).status).toBe(503)
    isSlow = false
    expect((await putManifest(registry, 'acme.eth', 'v2', image)).status).toBe(201)
    expect(await readTags(clean, 'acme.eth')).toEqual(['v1', 'v2'])
  })

  test('a broken UNIQUE is a conflict, a statement that is wrong is no "later", an overloaded service is', async () => {
    const sql = createD1Sql(env.DB)
    await sql.run("INSERT INTO repository (ens_name, owner) VALUES ('acme.eth', '0x')")
    const again = () => sql.run("INSERT INTO repository (ens_name, owner) VALUES ('acme.eth', '0x')")
    await expect(again()).rejects.toBeInstanceOf(SqlConflict)
    const missing = sql.all('SELECT * FROM absent_table').catch((error: unknown) => error)
    expect(await missing).not.toBeInstanceOf(SqlUnavailable)
    expect(String(await missing)).toContain('no such table')
    const overloaded = {
      prepare: () => ({
        bind: () => ({
          all: async () => Promise.reject(new Error('D1_ERROR: D1 DB is overloaded. Too many requests queued.')),
        }),
      }),
    }
    await expect(createD1Sql(overloaded as never).all('SELECT 1')).rejects.toBeInstanceOf(SqlUnavailable)
  })

  test('values that D1 cannot hold are refused before they are sent', async () => {
    const sql = createD1Sql(env.DB)
    expect(await sql.first('SELECT ?1 AS value', [2n ** 53n - 1n])).toEqual({ value: 2 ** 53 - 1 })
    await expect(sql.first('SELECT ?1 AS value', [2n ** 53n])).rejects.toBeInstanceOf(RangeError)
    expect(await sql.batch([])).toEqual([])
  })

  test('one value holds 400 kB of slots: a slice of a whole list goes through', async () => {
    const sql = createD1Sql(env.DB)
    expect(await sql.first('SELECT length(?1) AS chars', ['x'.repeat(400_000)])).toEqual({ chars: 400_000 })
    await expect(sql.first('SELECT length(?1) AS chars', ['x'.repeat(2_300_000)])).rejects.toThrow('TOOBIG')
  })
})

test('an upload goes on at another instance where the first one stopped', async () => {
  const [one, other] = [open().registry, open().registry]
  const bytes = blobOf(5_000)
  const location = await beginUpload(one, 'acme.eth')
  const patched = await send(one, 'PATCH', location, { body: bytes.slice(0, 2_000) })
  expect(patched.status).toBe(202)
  const put = await send(other, 'PUT', `${location}?digest=${await sha256(bytes)}`, { body: bytes.slice(2_000) })
  expect([put.status, put.text]).toEqual([201, ''])
  expect(await pushBlob(one, 'acme.eth', bytes)).toBe(await sha256(bytes))
})
