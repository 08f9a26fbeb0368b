import { once } from 'node:events'
import { readdir, stat } from 'node:fs/promises'
import { get as ask, type IncomingMessage } from 'node:http'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import { openNodeStores } from '../../../gateway/store/node-stores.ts'
import { type GatewayProcess, startServing } from '../../e2e/gateway-process.ts'
import { startWorld, type World } from '../../e2e/world.ts'
import { addressOf, testKeys } from '../../fixtures.ts'
import { type ComputedContent, storeComputed } from '../computed-content.ts'
import { type FakeBee, startFakeBee } from '../fake-bee.ts'

// Layers of which a gateway has nothing but the reference, pulled from a process of its own; always from fake nodes.

const MiB = 1024 * 1024
const batchId = `0x${'ba'.repeat(32)}` as const
const onBytes = /^GET \/bytes/

let world: World
let nodes: [FakeBee, FakeBee]
let gateway: GatewayProcess | undefined
let made = 0
beforeAll(async () => {
  world = await startWorld()
})
afterAll(() => world.close())
beforeEach(async () => {
  nodes = [await startFakeBee(), await startFakeBee()]
})
afterEach(async () => {
  await gateway?.kill()
  for (const node of nodes) await node.stop()
})

/** A gateway whose repository shows these contents, which are on Swarm alone. */
async function serveCold(contents: readonly ComputedContent[], ...bees: FakeBee[]) {
  const dataDir = join(world.folder, `cold-${++made}`)
  const stores = await openNodeStores(dataDir)
  const key = { ensName: 'acme.eth', owner: addressOf(testKeys.owner) }
  for (const { digest, size, swarmReference } of contents) {
    const storing = { now: Math.floor(Date.now() / 1000), removals: 0 }
    expect(await stores.catalog.linkBlob(key, digest, size, storing)).toBe(true)
    await stores.swarmLedger.recordReference(digest, size, swarmReference)
    await stores.swarmLedger.enqueue([{ digest, size }])
    await stores.swarmLedger.markUploaded(digest, batchId, storing.now + 3600)
  }
  await stores.close()
  gateway = await startServing(world, dataDir, ...bees.flatMap(({ beeUrl }) => ['--bee', beeUrl]))
  return { gateway, dataDir }
}

type Pulled = { status: number; bytes: number; isRight: boolean; isWhole: boolean; retryAfter: string | undefined }

/** One pull on a connection of its own; `leaveAfter` so many bytes the client is gone. */
async function pull(
  { url }: GatewayProcess,
  content: ComputedContent,
  leaveAfter = Number.POSITIVE_INFINITY,
): Promise<Pulled> {
  const request = ask(`${url}/v2/acme.eth/blobs/${content.digest}`, { agent: false })
  const [response] = (await once(request, 'response')) as [IncomingMessage]
  let [bytes, isRight] = [0, true]
  try {
    for await (const piece of response as AsyncIterable<Buffer>) {
      isRight &&= response.statusCode !== 200 || content.matches(bytes, piece)
      bytes += piece.byteLength
      if (bytes >= leaveAfter) break
    }
  } catch {
    // Broken off, which `complete` says too.
  }
  const { statusCode: status = 0, complete, headers } = response
  const isWhole = status === 200 && complete && bytes === content.size
  return { status, bytes, isRight, isWhole, retryAfter: headers['retry-after'] }
}

/** As a client that does what Retry-After says. */
async function pullPatiently(from: GatewayProcess, content: ComputedContent): Promise<Pulled> {
  for (let tries = 0; tries < 5; tries++) {
    const pulled = await pull(from, content)
    if (pulled.status !== 503) return pulled
    await pause(Number(pulled.retryAfter) * 1000)
  }
  throw new Error('still 503')
}

/** Bytes of all files of content, finished or not. */
async function storedBytes(dataDir: string): Promise<number> {
  const entries = await readdir(dataDir, { recursive: true, withFileTypes: true })
  const files = entries.filter((entry) => entry.isFile() && !/sqlite/.test(entry.name))
  const sizes = await Promise.all(files.map(async ({ parentPath, name }) => (await stat(join(parentPath, name))).size))
  return sizes.reduce((sum, size) => sum + size, 0)
}

test('hard test 3: the last byte of a 300 MB layer is corrupt: not all of it and a broken transfer, nothing is kept, less than 64 MB of memory, then the healthy node gives it', async () => {
  const [corrupt, healthy] = nodes
  const layer = storeComputed(300 * MiB, 3, nodes)
  const small = storeComputed(8 * MiB, 33, nodes)
  const { gateway, dataDir } = await serveCold([layer, small], corrupt, healthy)
  expect(await pull(gateway, small)).toMatchObject({ status: 200, isRight: true, isWhole: true })
  const before = await storedBytes(dataDir)
  await healthy.stop()
  corrupt.inject({ on: onBytes, damage: { kind: 'flip', at: layer.size - 1 } })
  const baseline = gateway.residentBytes()
  const broken = await pull(gateway, layer)
  expect(broken).toMatchObject({ status: 200, isRight: true, isWhole: false })
  expect(broken.bytes).toBeLessThan(layer.size)
  expect(await storedBytes(dataDir)).toBe(before)
  await healthy.start()
  expect(await pullPatiently(gateway, layer)).toMatchObject({ bytes: layer.size, isRight: true, isWhole: true })
  const grownMiB = Math.round((gateway.mostResidentBytes() - baseline) / MiB)
  process.stdout.write(
    `a corrupt layer of 300 MB and a right one: ${grownMiB} MiB over the ${baseline / MiB} MiB before\n`,
  )
  expect(grownMiB).toBeLessThan(64)
})

test('hard test 10: 200 pulls at once of one cold blob of 50 MB are one download, in bounded memory; who leaves harms nobody; wrong bytes fail all, and nothing of them is kept', async () => {
  const [node] = nodes
  const [blob, spoilt, small] = [50, 50, 8].map((size, at) => storeComputed(size * MiB, 10 + at, nodes)) as [
    ComputedContent,
    ComputedContent,
    ComputedContent,
  ]
  const { gateway, dataDir } = await serveCold([blob, spoilt, small], node)
  expect(await pull(gateway, small)).toMatchObject({ status: 200, isRight: true, isWhole: true })
  const before = await storedBytes(dataDir)
  const baseline = gateway.residentBytes()
  const readsOf = ({ swarmReference }: ComputedContent) =>
    node.seen.filter(({ path }) => path === `/bytes/${swarmReference.slice(2)}`).length

  const pulls = Array.from({ length: 200 }, (_, client) => pull(gateway, blob, client % 10 === 0 ? MiB : undefined))
  for (const [client, pulled] of (await Promise.all(pulls)).entries()) {
    expect(pulled).toMatchObject({ status: 200, isRight: true, isWhole: client % 10 !== 0 })
  }
  expect(readsOf(blob)).toBe(1)
  expect(await storedBytes(dataDir)).toBe(before + blob.size)

  const heal = node.inject({ on: onBytes, damage: { kind: 'flip', at: spoilt.size - 1 } })
  const failed = await Promise.all(Array.from({ length: 200 }, () => pull(gateway, spoilt)))
  for (const pulled of failed) {
    expect(pulled.isWhole).toBe(false)
    expect(pulled.status === 200 ? pulled.isRight : pulled.retryAfter).toBeTruthy()
    expect(pulled.bytes).toBeLessThan(spoilt.size)
  }
  expect(await storedBytes(dataDir)).toBe(before + blob.size)
  heal()
  expect(await pullPatiently(gateway, spoilt)).toMatchObject({ bytes: spoilt.size, isRight: true, isWhole: true })
  const grownMiB = Math.round((gateway.mostResidentBytes() - baseline) / MiB)
  process.stdout.write(`200 pulls of 50 MB at once: ${grownMiB} MiB over the ${baseline / MiB} MiB before\n`)
  expect(grownMiB).toBeLessThan(256)
})
