import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { fetchResponse } from '../../gateway/cli/client/ccip.ts'
import { unaskedListBytes } from '../../gateway/cli/client/read-list.ts'
import {
  answerForOtherTag,
  forgeDigest,
  type Lie,
  type LyingGateway,
  replay,
  signAsStranger,
  startLyingGateway,
} from '../../gateway/cli/demo/liar.ts'
import { encodeTagLookup } from '../../gateway/ens/lookup.ts'
import { createTestSigner, testKeys } from '../fixtures.ts'
import { type Answer, pushTags, read, startProxy, startWorld, type World } from './world.ts'

let world: World
let liar: LyingGateway
let old: Lie
const callData = encodeTagLookup('acme.eth', 'latest', 'text')

beforeAll(async () => {
  world = await startWorld()
  liar = await startLyingGateway()
  await pushTags(world, 'latest')
  old = replay(await fetchResponse(world.gateway.url, domain(), callData))
  await pushTags(world, '1.0')
})
afterAll(async () => {
  await liar.close()
  await world.close()
})

function domain() {
  return { chainId: world.chain.chainId, resolver: world.chain.addresses.resolver }
}

/** A command whose only gateways are these. */
function ask(verb: string, ...gateways: string[]) {
  return read(world, verb, 'acme.eth', ...gateways.flatMap((url) => ['--gateway', url]))
}

const honest: () => Lie = () => (asked) => fetchResponse(world.gateway.url, domain(), asked)

const lies: readonly [lie: string, tell: () => Lie, error: string][] = [
  ['a forged digest', () => forgeDigest(world.gateway.url, domain()), 'BadProof'],
  ['the proof of another tag', () => answerForOtherTag(world.gateway.url, domain(), '1.0'), 'BadProof'],
  ['a list that a stranger signed', () => strangersList(), 'NotPublisher'],
  ['bytes that are no answer', () => async () => '0x1234', 'BadResponse'],
  ['nothing at all', () => async () => '0x', 'BadResponse'],
]

function strangersList(): Lie {
  return signAsStranger(world.gateway.url, domain(), createTestSigner(testKeys.third))
}

test.each(lies)(
  'rows 0 to 8: %s is refused by contract and verifier, exit 4 with the name',
  async (_lie, tell, error) => {
    liar.tell(honest())
    expect(await ask('resolve', liar.url)).toMatchObject({ code: 0, json: { status: 'present' } })
    liar.tell(tell())
    const { code, json, err } = await ask('resolve', liar.url)
    expect(code).toBe(4)
    expect(json).toMatchObject({ status: 'unverified', digest: null, viaEns: null, error })
    expect(err).toContain(`mooring: ${error}: `)
  },
)

test('row 9: an older list is Rollback for a client that remembers, although the contract takes it', async () => {
  expect((await ask('resolve', world.gateway.url)).code).toBe(0)
  liar.tell(old)
  const { code, json } = await ask('resolve', liar.url)
  expect(code).toBe(4)
  expect(json).toMatchObject({ status: 'unverified', error: 'Rollback', viaEns: expect.stringMatching(/^sha256:/) })
})

test('protocol 3.1: a client without memory takes an unexpired older list, as the documentation says', async () => {
  liar.tell(old)
  const fresh = { ...world, chainFlags: [...world.chainFlags.slice(0, -1), join(world.folder, 'no-memory')] }
  const { json } = await read(fresh, 'resolve', 'acme.eth', '--gateway', liar.url)
  expect(json).toMatchObject({ status: 'present', version: 1 })
})

const silent: readonly [what: string, alter: (answer: Answer) => Partial<Answer>, error: string][] = [
  ['404', () => ({ status: 404, body: Buffer.from('{"message":"not here"}') }), 'GatewayUnavailable'],
  ['500', () => ({ status: 500, body: Buffer.from('{"message":"broken"}') }), 'GatewayUnavailable'],
  [
    '502 with HTML',
    () => ({ status: 502, headers: { 'content-type': 'text/html' }, body: Buffer.from('<html>') }),
    'GatewayUnavailable',
  ],
  [
    'a redirect to another host',
    () => ({ status: 302, headers: { location: 'http://127.0.0.2/' } }),
    'GatewayUnavailable',
  ],
  ['200 with HTML', () => ({ headers: { 'content-type': 'text/html' }, body: Buffer.from('<html>') }), 'BadResponse'],
  ['a body without end', () => ({ body: Buffer.alloc(2_000_000, 'a') }), 'BadResponse'],
]

test.each(silent)('protocol 4: %s is %s alone, and the next gateway is asked', async (_what, alter, error) => {
  const proxy = await startProxy(world.gateway.url, (answer) => ({ ...answer, ...alter(answer) }))
  const alone = await ask('resolve', proxy.url)
  expect(alone).toMatchObject({ code: 4, json: { status: 'unverified', viaEns: null, error } })
  const withAnother = await ask('resolve', proxy.url, world.gateway.url)
  expect(withAnother).toMatchObject({ code: 0, json: { status: 'present', error: null } })
  await proxy.close()
})

test('protocol 4: after an answer that does not verify the next gateway is asked', async () => {
  liar.tell(forgeDigest(world.gateway.url, domain()))
  const answer = await ask('resolve', liar.url, world.gateway.url)
  expect(answer).toMatchObject({ code: 0, json: { status: 'present' } })
  // Through the Universal Resolver, whose callback is handed what was verified.
  expect(answer.json.viaEns).toBe(answer.json.digest)
})

type Change = (text: string) => string

const listLies: readonly [lie: string, change: Change, error: string][] = [
  ['an entry with another digest', (text) => text.replace(/sha256:../, 'sha256:00'), 'MalformedList'],
  ['an entry left out', (text) => text.replace(/(\[)\{"tag".*?\},(\{"tag")/, '$1$2'), 'MalformedList'],
  ['a member that is unknown', (text) => text.replace('{"list"', '{"more":1,"list"'), 'BadResponse'],
  ['another version', (text) => text.replace('"version":2', '"version":3'), 'NotPublisher|BadSignature'],
]

test.each(listLies)('tags: %s is refused', async (_lie, change, error) => {
  expect((await ask('tags', world.gateway.url)).code).toBe(0)
  const proxy = await startProxy(world.gateway.url, (answer) => changeText(answer, change))
  const { code, json } = await ask('tags', proxy.url)
  expect(code).toBe(4)
  expect(json).toMatchObject({ tags: null, error: expect.stringMatching(error) })
  await proxy.close()
})

function changeText(answer: Answer, change: Change): Answer {
  const text = Buffer.from(answer.body).toString()
  const changed = change(text)
  expect(changed).not.toBe(text)
  return { ...answer, body: Buffer.from(changed) }
}

test('A2: a list is read as far as the entries that were signed can reach, and no further', async () => {
  const askPadded = async (moreBytes: number) => {
    const proxy = await startProxy(world.gateway.url, (answer, asked) =>
      asked.includes('/_mooring/list')
        ? { ...answer, body: Buffer.concat([answer.body, Buffer.alloc(unaskedListBytes + moreBytes, ' ')]) }
        : answer,
    )
    const { code, json } = await ask('tags', proxy.url)
    const both = await ask('tags', proxy.url, world.gateway.url)
    await proxy.close()
    return { code, error: json.error, both: both.code }
  }
  expect(await askPadded(0)).toEqual({ code: 0, error: undefined, both: 0 })
  expect(await askPadded(1024 * 1024)).toEqual({ code: 4, error: 'BadResponse', both: 0 })
})

const contentLies: readonly [lie: string, path: RegExp, alter: (body: Uint8Array) => Uint8Array, error: string][] = [
  ['a blob with one bit changed', /\/blobs\//, flipLastBit, 'DigestMismatch'],
  ['a manifest with one bit changed', /\/manifests\//, flipLastBit, 'DigestMismatch'],
  ['a blob that is too long', /\/blobs\//, (body) => Buffer.concat([body, body]), 'SizeMismatch'],
  ['a manifest that is too short', /\/manifests\//, (body) => body.slice(1), 'SizeMismatch'],
]

test.each(contentLies)('verify, row 10: %s is refused', async (_lie, path, alter, error) => {
  expect((await ask('verify', world.gateway.url)).code).toBe(0)
  const proxy = await startProxy(world.gateway.url, (answer, asked) =>
    path.test(asked) ? { ...answer, body: alter(answer.body) } : answer,
  )
  const { code, json } = await ask('verify', proxy.url)
  expect(code).toBe(4)
  expect(json).toMatchObject({ ok: false, error })
  expect((json.checks as { ok: boolean }[]).at(-1)?.ok).toBe(false)
  await proxy.close()
})

function flipLastBit(body: Uint8Array): Uint8Array {
  const flipped = Uint8Array.from(body)
  flipped[flipped.length - 1] = (flipped.at(-1) ?? 0) ^ 1
  return flipped
}

test('history: a version whose header was changed is refused', async () => {
  expect((await ask('history', world.gateway.url)).code).toBe(0)
  const proxy = await startProxy(world.gateway.url, (answer, path) =>
    path.includes('/history') ? changeText(answer, (text) => text.replace('"version":1,', '"version":9,')) : answer,
  )
  expect(await ask('history', proxy.url)).toMatchObject({ code: 4, json: { lists: null, error: 'BadResponse' } })
  await proxy.close()
})

test.each([
  ['nothing for a change', '"changes":[', '"changes":[null,'],
  ['a tag that no terminal should see', '"tag":"latest"', '"tag":"\\u001b[2Jlatest"'],
  ['an entry that is none', '"before":null', '"before":{}'],
  ['a digest that is none', '"after":{"digest":"sha256:', '"after":{"digest":"\\u001b[2J'],
  ['changes that are no array', '"changes":[', '"changed":['],
])("history: %s in the gateway's account of what changed is no answer", async (_lie, part, lie) => {
  expect((await ask('history', world.gateway.url)).code).toBe(0)
  const proxy = await startProxy(world.gateway.url, (answer, path) =>
    path.includes('/history') ? changeText(answer, (text) => text.replace(part, lie)) : answer,
  )
  expect(await ask('history', proxy.url)).toMatchObject({ code: 4, json: { lists: null, error: 'BadResponse' } })
  await proxy.close()
})

test('row 5: once the chain is past its end a list is Expired, by contract and verifier', async () => {
  expect((await ask('resolve', world.gateway.url)).code).toBe(0)
  liar.tell(replay(await fetchResponse(world.gateway.url, domain(), callData)))
  for (const [method, params] of [
    ['evm_increaseTime', [91 * 24 * 3600]],
    ['evm_mine', []],
  ] as const) {
    await fetch(world.chain.rpc, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ jsonrpc: '2.0', id: 1, method, params }),
    })
  }
  expect(await ask('resolve', liar.url)).toMatchObject({ code: 4, json: { viaEns: null, error: 'Expired' } })
})
