import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setImmediate } from 'node:timers/promises'
import { pathToFileURL } from 'node:url'
import fc from 'fast-check'
import type { Hex } from 'viem'
import { afterAll, expect, test } from 'vitest'
import { hashThreadFile } from '../../gateway/package-root.ts'
import { openThreadedSwarmHash, type ThreadedSwarmHash, type ThreadOptions } from '../../gateway/swarm/node-threads.ts'
import { openSwarmHash } from '../../gateway/swarm/node-wasm.ts'
import { createPacedHasher, referenceOf } from '../../gateway/swarm/reference.ts'
import { goldenReferences } from '../bee/golden.ts'
import { naiveReference, patternBytes } from './naive.ts'

const folder = mkdtempSync(join(tmpdir(), 'mooring-threads-'))
const opened: ThreadedSwarmHash[] = []
afterAll(async () => {
  await Promise.all(opened.map(({ close }) => close()))
  rmSync(folder, { recursive: true })
})

async function open(options: ThreadOptions = {}): Promise<ThreadedSwarmHash> {
  const hash = await openThreadedSwarmHash({ count: 2, ...options })
  opened.push(hash)
  return hash
}

const plain = await openSwarmHash()
const threaded = await open()
const batchBytes = threaded.threads.batchBytes
const noPause = async () => {
  throw new Error('threads need no pause')
}

async function hashOn(hash: ThreadedSwarmHash, ...pieces: readonly Uint8Array[]): Promise<Hex> {
  return referenceOf(hash, pieces, noPause)
}

function hashPlainly(bytes: Uint8Array): Hex {
  const hasher = plain.createHasher()
  hasher.update(bytes)
  return hasher.digest()
}

/** The program of a thread that does something else, or something else first. */
function writeThread(...lines: readonly string[]): URL {
  const path = join(folder, `${opened.length}.mjs`)
  writeFileSync(path, lines.join('\n'))
  return pathToFileURL(path)
}

/** The real program, which ends itself after its third answer: more batches are with it by then. */
function dieAfterThird(effect: string): URL {
  const real = `import ${JSON.stringify(pathToFileURL(hashThreadFile()).href)}`
  const then = `port.on('message', () => { if (++seen === 3) ${effect} })`
  return writeThread("import { parentPort as port } from 'node:worker_threads'", real, 'let seen = 0', then)
}

/** A thread that answers nothing. */
const silent = () => writeThread('setInterval(() => {}, 1000)')

test.each(goldenReferences)(
  'protocol 6: threads give the reference of a Bee node for %i bytes',
  async (bytes, wanted) => {
    expect(await hashOn(threaded, patternBytes(bytes))).toBe(wanted)
  },
)

const edges = [-4097, -4096, -1, 1, 4095, 4096, 4097].flatMap((more) => [batchBytes + more, 4 * batchBytes + more])

test.each(edges)(
  '%i bytes, about whole batches, have the reference of the plain recursive definition',
  async (bytes) => {
    expect(await hashOn(threaded, patternBytes(bytes))).toBe(naiveReference(patternBytes(bytes)))
  },
)

test('the reference does not depend on how the content is cut, nor on who else is hashed at the same time', async () => {
  const content = patternBytes(9 * batchBytes + 777)
  const wanted = hashPlainly(content)
  const cuts = fc.array(fc.integer({ min: 1, max: 400_000 }), { minLength: 1, maxLength: 30 })
  await fc.assert(
    fc.asyncProperty(fc.array(cuts, { minLength: 1, maxLength: 4 }), async (contents) => {
      const references = await Promise.all(contents.map((lengths) => hashOn(threaded, ...slicesOf(content, lengths))))
      expect(new Set(references)).toEqual(new Set([wanted]))
    }),
    { seed: 7, numRuns: 20 },
  )
})

function slicesOf(content: Uint8Array, lengths: readonly number[]): Uint8Array[] {
  const slices: Uint8Array[] = []
  let from = 0
  for (const length of [...lengths, content.byteLength]) {
    slices.push(content.subarray(from, from + length))
    from += length
  }
  return slices
}

test('bytes may change once they were taken', async () => {
  const content = patternBytes(5 * batchBytes)
  const hasher = createPacedHasher(threaded, noPause)
  const buffer = new Uint8Array(batchBytes / 2)
  for (let from = 0; from < content.byteLength; from += buffer.byteLength) {
    buffer.set(content.subarray(from, from + buffer.byteLength))
    await hasher.update(buffer)
    buffer.fill(0)
  }
  expect(await hasher.digest()).toBe(hashPlainly(content))
})

test('no more is taken than threads have room for: sixteen batches each', async () => {
  const { threads, close } = await open({ program: silent() })
  const batch = new Uint8Array(batchBytes)
  let taken = 0
  const all = Array.from({ length: 35 }, () => threads.handOver(batch).then(() => taken++))
  await Promise.all(all.slice(0, 32))
  await setImmediate()
  expect(taken).toBe(32)
  await close()
  await Promise.all(all)
  expect(taken).toBe(35)
})

test('a thread that ends in the middle loses nothing, another takes its place, and it is told', async () => {
  const content = patternBytes(20 * batchBytes + 5)
  for (const how of ["throw new Error('cosmic ray')", 'process.exit(1)']) {
    const crashes: string[] = []
    const hash = await open({ program: dieAfterThird(how), onCrash: ({ message }) => crashes.push(message) })
    expect(await hashOn(hash, content)).toBe(hashPlainly(content))
    expect(crashes.length).toBeGreaterThan(1)
    expect(crashes[0]).toBe(how.startsWith('throw') ? 'cosmic ray' : 'a hashing thread ended by itself')
  }
})

test('threads that never run cost three tries; everything is hashed by the caller then', async () => {
  const content = patternBytes(12 * batchBytes + 5)
  for (const program of [writeThread("throw new Error('no')"), new URL('file:///nowhere/thread.mjs')]) {
    const crashes: Error[] = []
    const hash = await open({ program, onCrash: (error) => crashes.push(error) })
    for (let turn = 0; turn < 2; turn += 1) expect(await hashOn(hash, content)).toBe(hashPlainly(content))
    expect(crashes.length).toBeGreaterThanOrEqual(3)
    expect(crashes.length).toBeLessThanOrEqual(4)
  }
})

test('content that is given up in the middle holds nobody up', async () => {
  const content = patternBytes(6 * batchBytes)
  const given = Array.from({ length: 10 }, () => createPacedHasher(threaded, noPause))
  await Promise.all(given.map((hasher) => hasher.update(content.subarray(0, 3 * batchBytes + 9))))
  expect(await hashOn(threaded, content)).toBe(hashPlainly(content))
})

test('closing ends what is under way with an error, and nothing is taken afterwards', async () => {
  const hash = await open({ program: silent() })
  const hasher = createPacedHasher(hash, noPause)
  await hasher.update(patternBytes(2 * batchBytes))
  const refused = expect(hasher.digest()).rejects.toThrow('the hashing threads were closed')
  await hash.close()
  await refused
  await expect(hashOn(hash, patternBytes(4 * batchBytes))).rejects.toThrow('the hashing threads were closed')
})

test('leaves are added behind whole chunks only', () => {
  const leaf = plain.addressLeaves(patternBytes(4096))
  const hasher = plain.createHasher()
  hasher.update(patternBytes(4096))
  hasher.addLeaves(leaf)
  hasher.update(new Uint8Array(1))
  expect(() => hasher.addLeaves(leaf)).toThrow('1 bytes that fill no chunk')
  expect(() => plain.addressLeaves(new Uint8Array(4097))).toThrow(RangeError)
})
