import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { command } from '../cli/command.ts'
import { pushTags, read, startWorld, type World } from './world.ts'

vi.setConfig({ testTimeout: 120_000 })

let world: World
beforeAll(async () => {
  world = await startWorld()
})
afterAll(() => world.close())

test('mooring retention proposes DELETE requests and changes, takes none, and its requests are the ones to send', async () => {
  for (const tag of ['v1', 'v2', 'v3']) await pushTags(world, tag)
  const { code, json } = await read(world, 'retention', 'acme.eth', '--keep-last', '1', '--keep', 'v1')
  expect(code).toBe(0)
  expect(json).toMatchObject({ name: 'acme.eth', version: 3, tags: 3, changes: [{ tag: 'v2', entry: null }] })
  expect(json.requests).toEqual([{ method: 'DELETE', url: `${world.gateway.url}/v2/acme.eth/manifests/v2` }])
  expect(json.remove).toMatchObject([{ tag: 'v2', updatedVersion: 2, immutable: false }])
  const young = await read(world, 'retention', 'acme.eth', '--older-than', '1')
  expect(young.json.remove).toEqual([])

  const [request] = json.requests as { method: string; url: string }[]
  expect((await read(world, 'tags', 'acme.eth')).json.tags).toHaveLength(3)
  expect((await fetch(request!.url, { method: request!.method })).status).toBe(202)
  const left = (await read(world, 'tags', 'acme.eth')).json.tags as { tag: string }[]
  expect(left.map(({ tag }) => tag)).toEqual(['v1', 'v3'])
})

test('mooring retention without a rule would let everything go: exit 2', async () => {
  const { code, err } = await command(['retention', 'acme.eth', ...world.chainFlags])
  expect([code, err]).toEqual([2, expect.stringContaining('--keep-last')])
})
