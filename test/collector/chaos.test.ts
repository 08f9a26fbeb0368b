import { existsSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { collectGarbage } from '../../gateway/collector.ts'
import { checkStores } from '../../gateway/fsck.ts'
import { startGateway } from '../../gateway/serve.ts'
import { openNodeStores } from '../../gateway/store/node-stores.ts'
import { command } from '../cli/command.ts'
import { createTestChain, createTestSigner, testDomain, testKeys, testNames } from '../fixtures.ts'
import { type Registry, registryOver } from '../registry/client.ts'
import { expectAcknowledged, runClients } from './chaos.ts'

async function scratchFolder(): Promise<string> {
  const folder = await mkdtemp(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'mooring-chaos-'))
  onTestFinished(() => rm(folder, { recursive: true }))
  return folder
}

test('20 clients push, mount and delete while garbage is collected in a loop: every acknowledged tag is whole', async () => {
  const stores = await openNodeStores(await scratchFolder())
  onTestFinished(() => stores.close())
  const registry = registryOver(stores, { limits: { gcGraceSeconds: 0, historyVersions: 1, historySeconds: 0 } })
  const { deps } = registry
  let isOver = false
  let collections = 0
  let removed = 0
  const collectInLoop = async () => {
    for (; !isOver; collections++) {
      deps.clock.advance(1)
      // Most leave a moment between a blob and its manifest, some none at all.
      const limits = { ...deps.limits, gcGraceSeconds: collections % 4 === 0 ? 0 : 3 }
      const collection = await collectGarbage({ ...deps, limits }, { dryRun: false })
      removed += collection.removed.length
      await new Promise((resume) => setTimeout(resume, 10))
    }
  }
  const collecting = collectInLoop()
  const acknowledged = await runClients(registry, 20, 6, () => collections > 3 && removed > 20).finally(() => {
    isOver = true
  })
  await collecting
  deps.clock.advance(1_000)
  await collectGarbage(deps, { dryRun: false })
  process.stdout.write(`${collections} collections removed ${removed} items beside ${acknowledged.size} tags\n`)
  expect(collections).toBeGreaterThan(3)
  expect(removed).toBeGreaterThan(20)
  await expectAcknowledged(registry, acknowledged)
  for await (const problem of checkStores({ ...deps, ...stores })) expect(problem).toBeUndefined()
  expect((await collectGarbage(deps, { dryRun: false })).removed).toEqual([])
})

test("the same over sockets, with the gateway's own collector: and gc and fsck find nothing afterwards", async () => {
  const folder = await scratchFolder()
  const dataDir = join(folder, 'data')
  const keyFile = join(folder, 'publisher.key')
  await writeFile(keyFile, testKeys.owner, { mode: 0o600 })
  const start = Date.now()
  // Fifty seconds pass in each, so that grace times come and go while clients push.
  const clock = () => 1_800_000_000n + BigInt(Math.floor((Date.now() - start) / 20))
  const logged: string[] = []
  const hasCollected = () => logged.includes('collected garbage')
  const gateway = await startGateway(
    {
      ...{ port: 0, host: '127.0.0.1', dataDir, rpcUrls: ['http://127.0.0.1:9'], chainId: testDomain.chainId },
      ...{ resolver: testDomain.resolver, ensRegistry: testDomain.resolver, publisherKeyFile: keyFile },
      insecureNoAuth: false,
      collection: { intervalSeconds: 0.05, limits: { gcGraceSeconds: 20, historyVersions: 1, historySeconds: 0 } },
    },
    { chain: createTestChain(testNames, clock), signer: createTestSigner(), clock, log: (event) => logged.push(event) },
  )
  const fetchOverSocket = async (request: Request) => {
    const { pathname, search } = new URL(request.url)
    const hasBody = request.method !== 'GET' && request.method !== 'HEAD'
    const body = hasBody ? { body: await request.arrayBuffer() } : {}
    return fetch(gateway.url + pathname + search, { method: request.method, headers: request.headers, ...body })
  }
  const registry: Pick<Registry, 'fetch'> = { fetch: fetchOverSocket }
  const acknowledged = await runClients(registry as Registry, 20, 3, hasCollected)
  await expectAcknowledged(registry as Registry, acknowledged)
  await gateway.close()
  expect(new Set(logged)).toEqual(new Set(['collected garbage']))
  const fsck = await command(['fsck', '--data', dataDir, '--json'])
  expect([fsck.code, JSON.parse(fsck.out)]).toEqual([0, { ok: true, problems: [] }])
})
