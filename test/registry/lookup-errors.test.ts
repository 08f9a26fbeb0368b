import { describe, expect, test } from 'vitest'
import { encodeTagLookup } from '../../gateway/ens/lookup.ts'
import { createMemoryCatalog, createMemoryContent, createMemoryTagLists } from '../../gateway/store/memory.ts'
import { testDomain } from '../fixtures.ts'
import { pushImage, registryOver } from './client.ts'

const sender = '0x00000000000000000000000000000000000000aa'
const base = `/ccip/${testDomain.chainId}/${testDomain.resolver}`

function open() {
  const stores = { content: createMemoryContent(), catalog: createMemoryCatalog(), lists: createMemoryTagLists() }
  return registryOver(stores)
}

/** ERC-3668 (protocol 4): CORS on every status, an error is `{"message"}`, a 4xx stops the client and a 5xx sends it on. */
async function look(registry: ReturnType<typeof open>, path: string, init: RequestInit = {}) {
  const response = await registry.fetch(new Request(`http://gateway.test${path}`, init))
  expect(response.headers.get('access-control-allow-origin')).toBe('*')
  const text = await response.text()
  if (response.status !== 204) expect(response.headers.get('content-length')).toBe(String(text.length))
  if (response.status >= 400) expect(Object.keys(JSON.parse(text))).toEqual(['message'])
  return { status: response.status, text, headers: response.headers }
}

describe('ENS lookups through the app', () => {
  const callData = encodeTagLookup('acme.eth', 'v1', 'text')

  test('GET and POST answer the same bytes, and OPTIONS is answered', async () => {
    const registry = open()
    await pushImage(registry, 'acme.eth', 'v1')
    const get = await look(registry, `${base}/${sender}/${callData}.json`)
    const post = { method: 'POST', body: JSON.stringify({ data: callData, sender }) }
    expect([get.status, get.text]).toEqual([200, expect.stringMatching(/^\{"data":"0x[0-9a-f]+"\}$/)])
    expect((await look(registry, `${base}/${sender}`, post)).text).toBe(get.text)
    for (const path of [`${base}/${sender}`, `${base}/${sender}/${callData}.json`]) {
      expect((await look(registry, path, { method: 'OPTIONS' })).status).toBe(204)
    }
  })

  test('400 for callData outside the rules, truncated or oversized or of another node', async () => {
    const registry = open()
    await pushImage(registry, 'acme.eth', 'v1')
    expect((await look(registry, `${base}/${sender}/${callData}.json`)).status).toBe(200)
    const node = encodeTagLookup('other.eth', 'v1', 'text').slice(-328)
    const bad = ['0x', '0x12', callData.slice(0, -64), `0x${'ab'.repeat(16_385)}`, callData.slice(0, -328) + node]
    for (const data of bad) {
      expect([data.slice(0, 20), (await look(registry, `${base}/${sender}/${data}.json`)).status]).toEqual([
        data.slice(0, 20),
        400,
      ])
      const post = { method: 'POST', body: JSON.stringify({ data, sender }) }
      expect((await look(registry, `${base}/${sender}`, post)).status).toBe(400)
    }
    expect((await look(registry, `${base}/${sender}`, { method: 'POST', body: '{' })).status).toBe(400)
  })

  test('404 for another chain, another contract and paths that are no endpoint', async () => {
    const registry = open()
    const file = `${sender}/${callData}.json`
    const paths = [
      `/ccip/1/${testDomain.resolver}/${file}`,
      `/ccip/${testDomain.chainId}/${sender}/${file}`,
      '/ccip/x',
      `${base}/`,
    ]
    for (const path of paths) expect((await look(registry, path)).status).toBe(404)
  })

  test('503 for a name without a list, with an expired one, and for a chain that cannot be asked', async () => {
    const registry = open()
    const path = `${base}/${sender}/${callData}.json`
    expect((await look(registry, path)).status).toBe(503)
    await pushImage(registry, 'acme.eth', 'v1')
    expect((await look(registry, path)).status).toBe(200)
    registry.deps.chain.setDown(true)
    expect((await look(registry, path)).status).toBe(503)
    registry.deps.chain.setDown(false)
    registry.deps.clock.advance(100 * 24 * 60 * 60)
    expect((await look(registry, path)).status).toBe(503)
  })
})
