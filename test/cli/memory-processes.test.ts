import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import { createClientMemory } from '../../gateway/cli/client/memory.ts'
import { nodeOf } from '../../gateway/ens/name.ts'

const node = nodeOf('acme.eth')
const domain = { chainId: 31337, resolver: `0x${'22'.repeat(20)}` as const }
const root = fileURLToPath(new URL('../../', import.meta.url))

let writer: string
beforeAll(async () => {
  writer = join(await mkdtemp(join(tmpdir(), 'mooring-memory-writer-')), 'writer.mjs')
  const entryPoints = [join(root, 'test/cli/memory-writer.ts')]
  await build({ entryPoints, outfile: writer, bundle: true, platform: 'node', format: 'esm' })
})
afterAll(() => rm(dirname(writer), { recursive: true }))

let folder: string
let writers: ChildProcess[]
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'mooring-memory-processes-'))
  writers = []
})
afterEach(async () => {
  for (const started of writers) started.kill('SIGKILL')
  await rm(folder, { recursive: true })
})

/** Starts a process that remembers; `onTag` is called with each tag that it said it remembered. */
function startWriter(who: string, count: number, onTag: (tag: string) => void): ChildProcess {
  const started = spawn(process.execPath, [writer, folder, who, `${count}`], { stdio: ['ignore', 'pipe', 'inherit'] })
  createInterface({ input: started.stdout }).on('line', onTag)
  writers.push(started)
  return started
}

function recall() {
  return createClientMemory(folder, 'shared').recall(domain, node)
}

test('row 9: three processes on one folder lose nothing of what any of them remembered', async () => {
  const acknowledged = new Set<string>()
  const each = 25
  const ends = ['a', 'b', 'c'].map((who) =>
    once(
      startWriter(who, each, (tag) => acknowledged.add(tag)),
      'close',
    ),
  )
  expect(await Promise.all(ends)).toEqual([
    [0, null],
    [0, null],
    [0, null],
  ])
  expect(acknowledged.size).toBe(3 * each)
  const memory = await recall()
  expect(memory?.version).toBe(BigInt(each))
  expect(new Set(memory?.entries.keys())).toEqual(acknowledged)
})

test('kill -9 at any moment: what was remembered is there, whole, and the others go on', async () => {
  const acknowledged = new Set<string>()
  const survivor = once(
    startWriter('survivor', 60, (tag) => acknowledged.add(tag)),
    'close',
  )
  const killed = [7, 19].map((most) => {
    let seen = 0
    const started = startWriter(`killed${most}`, 100_000, (tag) => {
      acknowledged.add(tag)
      if (++seen === most) started.kill('SIGKILL')
    })
    return once(started, 'close')
  })
  expect(await Promise.all(killed)).toEqual([
    [null, 'SIGKILL'],
    [null, 'SIGKILL'],
  ])
  expect(await survivor).toEqual([0, null])
  const memory = await recall()
  expect(memory?.version).toBeGreaterThanOrEqual(60n)
  const missing = [...acknowledged].filter((tag) => !memory?.entries.has(tag))
  expect(missing).toEqual([])
  // Of a killed process one more may be there than it lived to say.
  expect((memory?.entries.size ?? 0) - acknowledged.size).toBeLessThanOrEqual(2)
  const [name = ''] = await readdir(folder)
  const left = await readdir(join(folder, name))
  expect(left.filter((file) => file.endsWith('.json')).length).toBeGreaterThan(0)
})

test('row 9: what one process does at the same time it does not lose either', async () => {
  const acknowledged: string[] = []
  await once(
    startWriter('seed', 1, (tag) => acknowledged.push(tag)),
    'close',
  )
  const memory = createClientMemory(folder, 'shared')
  const before = await memory.recall(domain, node)
  const entry = before?.entries.get('seed-1')
  if (!before?.signed || entry === undefined) throw new Error('nothing was remembered')
  const { signed } = before
  const tags = Array.from({ length: 20 }, (_, position) => `own-${position}`)
  await Promise.all(
    tags.map((tag) => memory.remember(domain, signed, { tags: [tag], entries: new Map([[tag, entry]]) })),
  )
  expect(new Set((await recall())?.entries.keys())).toEqual(new Set(['seed-1', ...tags]))
})
