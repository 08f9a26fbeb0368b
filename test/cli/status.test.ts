import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { getRequestListener } from '@hono/node-server'
import { expect, onTestFinished, test } from 'vitest'
import { createMemoryStores } from '../../gateway/store/memory.ts'
import { pushImage, registryOver } from '../registry/client.ts'
import { command } from './command.ts'

/** A gateway that answers as it is told to. */
async function listen(answer: (request: Request) => Promise<Response>): Promise<string> {
  const server = createServer(getRequestListener(answer))
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening))
  onTestFinished(() => new Promise((closed) => void server.close(() => closed()).closeAllConnections()))
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

const status = (gateway: string, ...more: string[]) => command(['status', 'acme.eth', '--gateway', gateway, ...more])

async function openGateway(options: Parameters<typeof registryOver>[1] = {}) {
  const stores = createMemoryStores()
  const registry = registryOver(stores, options)
  const gateway = await listen((request) => registry.fetch(request))
  return { stores, registry, gateway }
}

test('interfaces status: what the gateway says, page after page; exit 0 while nothing needs a person', async () => {
  const { registry, gateway } = await openGateway()
  const tags = Array.from({ length: 103 }, (_, number) => `v${String(number).padStart(3, '0')}`)
  const { digest } = await pushImage(registry, 'acme.eth', 'v000')
  for (const tag of tags.slice(1)) await pushImage(registry, 'acme.eth', tag)
  const { code, out } = await status(gateway, '--json')
  const value = JSON.parse(out)
  expect([code, value.ok, value.name, value.gateway, value.version]).toEqual([0, true, 'acme.eth', gateway, 103])
  expect(value.tags.map(({ tag }: { tag: string }) => tag)).toEqual(tags)
  const text = await status(gateway)
  expect(text.code).toBe(0)
  expect(text.out).toContain(`acme.eth  version 103, 103 tags, by ${gateway}`)
  expect(text.out).toContain(`v000  ${digest.slice(0, 19)}...  stored, 3 local`)
})

test('interfaces status: exit 1 when something needs a person', async () => {
  const { stores, registry, gateway } = await openGateway()
  const image = await pushImage(registry, 'acme.eth', 'v1')
  expect((await status(gateway)).code).toBe(0)
  const [layer] = JSON.parse(image.text).layers
  await stores.content.remove(layer.digest)
  const { code, out } = await status(gateway)
  expect([code, out]).toEqual([1, expect.stringContaining(`! ContentMissing (v1): ${layer.digest} is neither here`)])
  const json = await status(gateway, '--json')
  expect([json.code, JSON.parse(json.out)]).toEqual([1, expect.objectContaining({ ok: false, name: 'acme.eth' })])
})

test('interfaces status: what is staged stands beside the tag, also before anything was published', async () => {
  const { registry, gateway } = await openGateway({ signerKey: null })
  const { digest } = await pushImage(registry, 'acme.eth', 'v1')
  const { code, out } = await status(gateway)
  expect(code).toBe(0)
  expect(out).toContain(`acme.eth  nothing published, 1 tag, by ${gateway}`)
  const waits = 'staged to create, not published until signed'
  expect(out).toContain(`v1  ${digest.slice(0, 19)}...  stored, 3 local, ${waits}`)
  const { version, listHash, tags } = JSON.parse((await status(gateway, '--json')).out)
  expect([version, listHash, tags]).toMatchObject([null, null, [{ tag: 'v1', published: false, staged: 'create' }]])
})

const row = { tag: 'v1', digest: 'sha256:00', stored: true, missing: 0, swarm: {}, postage: [] }
const page = { ok: true, name: 'acme.eth', version: 1, listHash: '0x', tags: [row], problems: [] }

test('what a gateway writes cannot steer the terminal', async () => {
  const problems = [{ reason: 'Red', tag: 'v1', detail: '\u001b[31mall is well\u0007\nok' }]
  const gateway = await listen(async () => Response.json({ ...page, problems }))
  const { code, out } = await status(gateway)
  expect([code, out]).toEqual([1, expect.stringContaining('! Red (v1): ?[31mall is well??ok')])
})

const full = { ...page, tags: Array.from({ length: 100 }, () => row) }

test.each([
  ['HTML', () => new Response('<html>')],
  ['null', () => Response.json(null)],
  ['a tag without its digest', () => Response.json({ ...page, tags: [{ ...row, digest: undefined }] })],
  ['what is staged in words of its own', () => Response.json({ ...page, tags: [{ ...row, staged: 'all' }] })],
  ['problems that are none', () => Response.json({ ...page, problems: [null] })],
  ['what is no Swarm part', () => Response.json({ ...page, swarm: { version: 'one' } })],
  ['404', () => new Response('{}', { status: 404 })],
  ['the same page for ever', () => Response.json(full)],
])('a gateway that answers %s: GatewayUnavailable, exit 1, and never "ok"', async (_what, answer) => {
  const good = await listen(async () => Response.json(page))
  expect((await status(good, '--json')).code).toBe(0)
  const { code, out, err } = await status(await listen(async () => answer()), '--json')
  expect([code, JSON.parse(out)]).toEqual([1, { ok: false, name: 'acme.eth', error: 'GatewayUnavailable' }])
  expect(err).toMatch(/^mooring: GatewayUnavailable: /)
})

const reference = `0x${'12'.repeat(32)}`
const onSwarm = { version: 1, payloadReference: reference, feed: { owner: '0xaa', position: 4 }, error: null }

test.each([
  ['an update points to it', {}, [`list  on Swarm: recover --list ${reference}`, 'feed  update 4 of 0xaa']],
  ['no update yet', { feed: { owner: '0xaa', position: null } }, ['feed  no update points to it yet']],
  ['no key', { feed: null }, ["feed  none: this gateway holds no publisher's key"]],
  ['behind', { version: null }, ['list  not on Swarm yet, version 0 is: recover']],
  ['an error', { error: 'no node' }, ['not announced: no node']],
])('interfaces status: the reference that recover takes and the feed (%s)', async (_what, change, lines) => {
  const gateway = await listen(async () => Response.json({ ...page, swarm: { ...onSwarm, ...change } }))
  const { code, out } = await status(gateway)
  expect(code).toBe(0)
  for (const line of lines) expect(out).toContain(line)
  const json = await status(gateway, '--json')
  expect(JSON.parse(json.out).swarm).toEqual({ ...onSwarm, ...change })
})

test('a problem of the list itself has no tag', async () => {
  const problems = [{ reason: 'AnnouncementFailing', tag: null, detail: 'the list is not announced' }]
  const { code, out } = await status(await listen(async () => Response.json({ ...page, problems })))
  expect([code, out]).toEqual([1, expect.stringContaining('! AnnouncementFailing: the list is not announced')])
})
