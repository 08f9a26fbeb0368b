import { expect, test } from 'vitest'
import { createApp } from '../../gateway/app.ts'
import { openForPush } from '../../gateway/routes/repository.ts'
import { pointTags } from '../../gateway/routes/tag-changes.ts'
import { createMemoryCatalog, createMemoryContent, createMemoryTagLists } from '../../gateway/store/memory.ts'
import { ZERO_REFERENCE } from '../../gateway/tags/entry.ts'
import { createTestDeps, createTestSigner, testKeys } from '../fixtures.ts'

const day = 86_400

async function publishedApp(signer = createTestSigner()) {
  const stores = { content: createMemoryContent(), catalog: createMemoryCatalog(), lists: createMemoryTagLists() }
  const deps = createTestDeps(stores)
  const url = new URL('http://gateway/v2/acme.eth/tags/list')
  const context = {
    deps,
    request: new Request(url),
    url,
    params: { repository: 'acme.eth' },
    caller: { kind: 'operator' } as const,
    client: '',
    addHeader: () => {},
  }
  const repository = await openForPush(context)
  const content = { digest: `sha256:${'ab'.repeat(32)}`, size: 1, mediaType: 'application/x' } as const
  const target = { ...content, swarmReference: ZERO_REFERENCE }
  await pointTags(deps, repository, ['1.0'], target)
  const app = createApp({ ...deps, signer })
  const read = async () => {
    const answer = await app.fetch(new Request(url))
    await new Promise((resolve) => setTimeout(resolve, 20))
    return answer.status
  }
  const version = async () => (await stores.lists.findHead(repository.line))?.list.version
  return { deps, read, version }
}

test('protocol 2.2: a list that is read past half of its life is renewed, and not before', async () => {
  const { deps, read, version } = await publishedApp()
  deps.clock.advance(45 * day - 60)
  expect(await read()).toBe(200)
  expect(await version()).toBe(1n)
  deps.clock.advance(61)
  expect(await read()).toBe(200)
  expect(await version()).toBe(2n)
})

test('protocol 2.2: a list that has expired is renewed by the first who reads it', async () => {
  const { deps, read, version } = await publishedApp()
  deps.clock.advance(91 * day)
  await read()
  expect(await version()).toBe(2n)
  deps.clock.advance(60)
  expect(await read()).toBe(200)
})

test('protocol 2.2: a gateway without the publisher key renews nothing', async () => {
  const { deps, read, version } = await publishedApp(createTestSigner(testKeys.other))
  deps.clock.advance(50 * day)
  expect(await read()).toBe(200)
  expect(await version()).toBe(1n)
})
