import {
  createExecutionContext,
  listDurableObjectIds,
  runInDurableObject,
  waitOnExecutionContext,
} from 'cloudflare:test'
import { env, exports } from 'cloudflare:workers'
import { beforeEach, describe, expect, inject, test } from 'vitest'
import { createViemChain } from '../../gateway/chain/viem-chain.ts'
import { encodeTagLookup } from '../../gateway/ens/lookup.ts'
import { verifyLookup } from '../../gateway/ens/verify.ts'
import { digestOf } from '../../gateway/oci/digest.ts'
import { ZERO_REFERENCE } from '../../gateway/tags/entry.ts'
import type { Env } from '../../worker/env.ts'
import worker, { type Repository } from '../../worker/index.ts'
import { entryOf } from '../publish/repository.ts'
import { blobOf, bytesOf, configType, imageType, indexType, layerType } from '../registry/client.ts'
import { chainDomain, type Gateway, nextList, publish, putList, readList } from './publisher.ts'
import { emptyBindings } from './stores.ts'

// The whole Worker as it is deployed: vars, bindings, Durable Object, and a chain behind an RPC endpoint.

beforeEach(emptyBindings)

const deployed: Gateway = { fetch: (request) => exports.default.fetch(request) }

/** An isolate of its own: it shares the bindings and nothing else. */
function anotherInstance(vars: object = {}): Gateway {
  const own = { ...env, ...vars } as Env
  return {
    async fetch(request) {
      const context = createExecutionContext()
      const response = await worker.fetch(request as Request<unknown, IncomingRequestCfProperties>, own, context)
      await waitOnExecutionContext(context)
      return response
    },
  }
}

async function send(gateway: Gateway, method: string, path: string, init: RequestInit = {}) {
  const response = await gateway.fetch(new Request(`http://gateway.test${path}`, { method, ...init }))
  const bytes = new Uint8Array(await response.arrayBuffer())
  return { status: response.status, headers: response.headers, bytes, text: new TextDecoder().decode(bytes) }
}

function repositoryOf(ensName: string): DurableObjectStub<Repository> {
  return env.REPOSITORIES.get(env.REPOSITORIES.idFromName(ensName)) as DurableObjectStub<Repository>
}

/** Objects are remembered as long as the test file runs. */
async function objectIds(): Promise<string[]> {
  return (await listDurableObjectIds(env.REPOSITORIES)).map(String)
}

async function pushBlob(gateway: Gateway, bytes: Uint8Array<ArrayBuffer>) {
  const digest = await digestOf('sha256', bytes)
  const begun = await send(gateway, 'POST', '/v2/acme.eth/blobs/uploads/')
  expect(begun.status).toBe(202)
  const half = bytes.byteLength >> 1
  const patched = await send(gateway, 'PATCH', begun.headers.get('location')!, { body: bytes.slice(0, half) })
  expect([patched.status, patched.headers.get('range')]).toEqual([202, `0-${half - 1}`])
  const put = await send(gateway, 'PUT', `${patched.headers.get('location')}?digest=${digest}`, {
    body: bytes.slice(half),
  })
  expect([put.status, put.text]).toEqual([201, ''])
  return { digest, size: bytes.byteLength }
}

/** An image whose manifest is stored by digest; a tag for it needs a signed list. */
async function pushImage(gateway: Gateway) {
  const config = { mediaType: configType, ...(await pushBlob(gateway, bytesOf('{"os":"linux"}'))) }
  const layer = { mediaType: layerType, ...(await pushBlob(gateway, blobOf(100_000))) }
  const text = JSON.stringify({ schemaVersion: 2, mediaType: imageType, config, layers: [layer] })
  const digest = await digestOf('sha256', bytesOf(text))
  const put = await send(gateway, 'PUT', `/v2/acme.eth/manifests/${digest}`, {
    headers: { 'content-type': imageType },
    body: text,
  })
  expect([put.status, put.text]).toEqual([201, ''])
  const entry = {
    digest,
    size: text.length,
    mediaType: imageType,
    swarmReference: ZERO_REFERENCE,
    updatedVersion: 0,
    flags: 0,
  }
  return { text, layer, entry }
}

describe('a Worker over D1, R2, a Durable Object and a chain', () => {
  test('push, publish, pull and look up: what one instance took, another answers, and the chain agrees', async () => {
    const { text, layer, entry } = await pushImage(deployed)
    expect(await publish(deployed, [{ tag: 'v1', entry }])).toBe(1n)
    expect(await objectIds()).toContain(String(env.REPOSITORIES.idFromName('acme.eth')))
    for (const gateway of [deployed, anotherInstance()]) {
      const manifest = await send(gateway, 'GET', '/v2/acme.eth/manifests/v1')
      expect([manifest.status, manifest.text]).toEqual([200, text])
      expect(manifest.headers.get('docker-content-digest')).toBe(entry.digest)
      const blob = await send(gateway, 'GET', `/v2/acme.eth/blobs/${layer.digest}`)
      expect([blob.status, await digestOf('sha256', blob.bytes)]).toEqual([200, layer.digest])
      const range = await send(gateway, 'GET', `/v2/acme.eth/blobs/${layer.digest}`, {
        headers: { range: 'bytes=49990-50009' },
      })
      expect([range.status, range.bytes]).toEqual([206, blobOf(100_000).slice(49_990, 50_010)])
    }
    await expectLookup('v1', entry.digest)
    await expectLookup('v2', undefined)
  })

  test('protocol 5: without a publisher’s key a push of a tag is staged, for every instance, until a list has it', async () => {
    const { text, entry } = await pushImage(deployed)
    const headers = { 'content-type': imageType }
    const pushed = await send(deployed, 'PUT', '/v2/acme.eth/manifests/v1', { headers, body: text })
    expect([pushed.status, pushed.headers.get('warning')]).toEqual([201, expect.stringContaining('"staged: ')])
    expect(await readList(deployed)).toBeUndefined()
    const readStaged = async () =>
      JSON.parse((await send(anotherInstance(), 'GET', '/v2/acme.eth/_mooring/staged')).text)
    const { changes } = await readStaged()
    expect(changes).toMatchObject([{ tag: 'v1', entry: { digest: entry.digest }, stagedBy: 'operator' }])
    await publish(deployed, [{ tag: 'v1', entry: changes[0].entry }])
    expect((await readList(deployed))?.slots.length).toBe(2)
    expect((await readStaged()).changes).toEqual([])
  })

  test('a name that nobody owns is refused, one that is none too, and a path that is no endpoint', async () => {
    expect((await send(deployed, 'POST', '/v2/acme.eth/blobs/uploads/')).status).toBe(202)
    const unowned = await send(deployed, 'POST', '/v2/nobody.eth/blobs/uploads/')
    expect([unowned.status, unowned.text]).toEqual([403, expect.stringContaining('nobody.eth has no owner')])
    const unnamed = await send(deployed, 'POST', '/v2/Acme.eth/blobs/uploads/')
    expect([unnamed.status, unnamed.text]).toEqual([400, expect.stringContaining('NAME_INVALID')])
    expect((await send(deployed, 'POST', '/v2/acme.eth/nothing')).status).toBe(404)
  })

  test('?ns= writes to the same object as the name in the path', async () => {
    const before = new Set(await objectIds())
    expect((await send(deployed, 'POST', '/v2/web/blobs/uploads/?ns=acme.eth')).status).toBe(202)
    expect((await send(deployed, 'POST', '/v2/acme.eth/web/blobs/uploads/')).status).toBe(202)
    const begun = (await objectIds()).filter((id) => !before.has(id))
    expect(begun).toEqual([String(env.REPOSITORIES.idFromName('web.acme.eth'))])
  })

  test('protocol 6: what a list names and R2 does not have is read from Swarm, checked, and kept in R2', async () => {
    const { beeUrl, swarmReference, manifest } = inject('bee')
    const digest = await digestOf('sha256', bytesOf(manifest))
    const entry = { ...entryOf(1), digest, size: manifest.length, mediaType: indexType, swarmReference }
    const lie = { ...entry, digest: entryOf(2).digest }
    await publish(deployed, [
      { tag: 'v1', entry },
      { tag: 'lie', entry: lie },
    ])
    const pull = (gateway: Gateway, tag: string) => send(gateway, 'GET', `/v2/acme.eth/manifests/${tag}`)
    expect((await pull(anotherInstance(), 'v1')).status).toBe(503)
    const withBee = anotherInstance({ MOORING_BEE: beeUrl })
    const pulled = await pull(withBee, 'v1')
    expect([pulled.status, pulled.text]).toEqual([200, manifest])
    expect((await pull(withBee, 'lie')).status).toBe(503)
    const kept = await pull(anotherInstance(), 'v1')
    expect([kept.status, kept.text]).toEqual([200, manifest])
  })

  test('publishing through two instances, 50 clients at once: every tag is there, one version each, no gap', async () => {
    const instances = [anotherInstance(), anotherInstance()]
    const publishes = Array.from({ length: 50 }, (_, number) =>
      publish(instances[number % 2]!, [{ tag: `v${number}`, entry: entryOf(number) }]),
    )
    const versions = await Promise.all(publishes)
    expect(versions.toSorted((a, b) => Number(a - b))).toEqual(versions.map((_, position) => BigInt(position + 1)))
    const { signed, slots } = (await readList(deployed))!
    expect([signed.list.version, slots.length]).toEqual([50n, 51])
    const tags = JSON.parse((await send(deployed, 'GET', '/v2/acme.eth/tags/list')).text).tags
    expect(tags).toEqual(versions.map((_, number) => `v${number}`).toSorted())
    const history = JSON.parse((await send(deployed, 'GET', '/v2/acme.eth/_mooring/history?n=50')).text)
    expect(history.lists.map((each: { list: { version: number } }) => each.list.version)).toEqual(
      Array.from({ length: 50 }, (_, position) => 50 - position),
    )
  })

  test('objects that are evicted while lists come in: a client that got no answer asks again, and nothing acknowledged is lost', async () => {
    const acknowledged: string[] = []
    const instance = anotherInstance()
    const push = async (tag: string, number: number) => {
      for (let tries = 0; ; tries++) {
        expect(tries).toBeLessThan(200)
        const { body } = await nextList(instance, [{ tag, entry: entryOf(number) }])
        const response = await putList(instance, body)
        const text = await response.text()
        if (response.status === 201) return acknowledged.push(tag)
        if (response.status === 503) expect(response.headers.get('retry-after')).toBe('5')
        else expect([response.status, text.slice(0, 8)]).toEqual([412, '{"list":'])
      }
    }
    const pushes = Promise.all(Array.from({ length: 12 }, (_, number) => push(`v${number}`, number)))
    let isDone = false
    void pushes.finally(() => {
      isDone = true
    })
    let evictions = 0
    const evict = (_: unknown, state: DurableObjectState) => {
      evictions += 1
      state.abort('evicted')
    }
    while (!isDone && evictions < 8) {
      await scheduler.wait(50)
      // A reference to an object breaks with it.
      await runInDurableObject(repositoryOf('acme.eth'), evict).catch(() => undefined)
    }
    await pushes
    expect(evictions).toBeGreaterThan(2)
    const { slots } = (await readList(deployed))!
    expect(slots.length - 1).toBe(acknowledged.length)
    expect(acknowledged.length).toBe(12)
  })
})

async function expectLookup(tag: string, digest: string | undefined): Promise<void> {
  const { rpc, chainId, addresses } = inject('chain')
  const { resolver } = chainDomain()
  const callData = encodeTagLookup('acme.eth', tag, 'text')
  const answer = await send(deployed, 'GET', `/ccip/${chainId}/${resolver}/${resolver}/${callData}.json`)
  expect([answer.status, answer.headers.get('access-control-allow-origin')]).toEqual([200, '*'])
  const chain = createViemChain({ rpcUrl: rpc, chainId, ...addresses })
  const { entries } = await verifyLookup({
    callData,
    response: JSON.parse(answer.text).data,
    readAuthority: (ensName) => chain.readAuthority(ensName),
    localTime: BigInt(Math.floor(Date.now() / 1000)),
    memory: null,
  })
  expect(entries[0]?.digest).toBe(digest)
}

describe('vars that cannot be used', () => {
  const refused: readonly (readonly [key: string, value: string, wanted: string])[] = [
    ['MOORING_RPC', '', 'the URL of a JSON-RPC endpoint'],
    ['MOORING_RPC', 'ftp://rpc.test', 'an http:// or https:// URL'],
    ['MOORING_CHAIN_ID', 'one', 'a whole number'],
    ['MOORING_RESOLVER', '0x12', 'an address: 0x and 40 hex digits'],
    ['MOORING_ENS_REGISTRY', '', 'an address, because chain 31337 has no known ENS registry'],
    ['MOORING_RATE_LIMIT', '-1', 'a whole number'],
    ['MOORING_GC_INTERVAL', 'often', 'off, or seconds'],
    ['MOORING_INSECURE_NO_AUTH', '', 'MOORING_INSECURE_NO_AUTH true: anybody may push content'],
    ['MOORING_PUBLISHER_KEY_FILE', '/key', 'nothing: a Worker holds no publisher key'],
    ['MOORING_BEE', 'bee', 'an http:// or https:// URL'],
    ['MOORING_PORT', '5050', 'nothing: a Worker listens on no port'],
  ]

  test.each(refused)('%s=%s: every answer is 500 and names the key', async (key, value, wanted) => {
    expect((await send(anotherInstance(), 'GET', '/v2/')).status).toBe(200)
    const gateway = anotherInstance({ [key]: value })
    const registry = await send(gateway, 'GET', '/v2/')
    const { errors } = JSON.parse(registry.text)
    expect([registry.status, errors[0].code]).toEqual([500, 'UNKNOWN'])
    expect(errors[0].message).toContain(key)
    expect(errors[0].message).toContain(wanted)
    const { chainId, resolver } = chainDomain()
    const lookup = await send(gateway, 'GET', `/ccip/${chainId}/${resolver}/${resolver}/0x00.json`)
    expect([lookup.status, lookup.headers.get('access-control-allow-origin')]).toEqual([500, '*'])
    expect(JSON.parse(lookup.text)).toEqual({ message: errors[0].message })
  })
})

test('RFC 6585: MOORING_RATE_LIMIT counts requests by the address that Cloudflare gives', async () => {
  const gateway = anotherInstance({ MOORING_RATE_LIMIT: '2' })
  const from = (address: string) => send(gateway, 'GET', '/v2/', { headers: { 'cf-connecting-ip': address } })
  expect([(await from('192.0.2.1')).status, (await from('192.0.2.1')).status]).toEqual([200, 200])
  const third = await from('192.0.2.1')
  expect([third.status, Number(third.headers.get('retry-after'))]).toEqual([429, expect.any(Number)])
  expect((await from('192.0.2.2')).status).toBe(200)
})
