import { createHash, randomBytes } from 'node:crypto'
import { setImmediate } from 'node:timers/promises'
import { MerkleTree } from '@ethersphere/bee-js'
import { parseDigest } from '../../gateway/oci/digest.ts'
import type { ContentStore } from '../../gateway/store/content-store.ts'
import { openFilesContent } from '../../gateway/store/files.ts'
import { hashWhileStoring } from '../../gateway/store/swarm-ingest.ts'
import { openThreadedSwarmHash } from '../../gateway/swarm/node-threads.ts'
import { openSwarmHash } from '../../gateway/swarm/node-wasm.ts'

// What a gateway does with a body, in a process of its own: into the files store with its sha256 and its Swarm reference, each way in
// turns. Argument: an order; prints MB per second of each run by way.

type Order = { folder: string; megabytes: number; beeJsMegabytes: number; runs: number }
type Way = { name: 'threads' | 'oneThread' | 'beeJs'; megabytes: number; store(bytes: Buffer): Promise<string> }

const order: Order = JSON.parse(process.argv[2] ?? '{}')
const files = await openFilesContent(order.folder)
const threaded = await openThreadedSwarmHash()
const uploadId = 'ab'.repeat(16)
/** What a socket gives at once. */
const pieceBytes = 64 * 1024

function bodyOf(bytes: Buffer): ReadableStream<Uint8Array> {
  let from = 0
  return new ReadableStream({
    pull(sink) {
      if (from >= bytes.length) return sink.close()
      sink.enqueue(new Uint8Array(bytes.subarray(from, from + pieceBytes)))
      from += pieceBytes
    },
  })
}

async function put(content: ContentStore, bytes: Buffer): Promise<void> {
  const part = await content.writePart(uploadId, bodyOf(bytes), bytes.length)
  await content.assemble(uploadId, [part], parseDigest(part.sha256))
}

async function storeInOnePass(hash: Awaited<ReturnType<typeof openSwarmHash>>, bytes: Buffer): Promise<string> {
  let reference = ''
  const ledger = {
    async recordReference(_digest: string, _size: number, computed: string) {
      reference = computed
    },
  }
  const content = hashWhileStoring(files, { hash, ledger, pause: () => setImmediate() })
  await put(content, bytes)
  await content.dropUpload(uploadId)
  return reference
}

/** Without a hash of our own: stored with its sha256, and read once more for bee-js. */
async function storeThenHash(bytes: Buffer): Promise<string> {
  await put(files, bytes)
  await files.dropUpload(uploadId)
  const body = await files.read(parseDigest(`sha256:${createHash('sha256').update(bytes).digest('hex')}`))
  const tree = new MerkleTree(MerkleTree.NOOP)
  for await (const piece of body as unknown as AsyncIterable<Uint8Array>) await tree.append(piece)
  return `0x${Buffer.from((await tree.finalize()).hash()).toString('hex')}`
}

const plain = await openSwarmHash()
const ways: readonly Way[] = [
  { name: 'threads', megabytes: order.megabytes, store: (bytes) => storeInOnePass(threaded, bytes) },
  { name: 'oneThread', megabytes: order.megabytes, store: (bytes) => storeInOnePass(plain, bytes) },
  { name: 'beeJs', megabytes: order.beeJsMegabytes, store: storeThenHash },
]

async function timed({ megabytes, store }: Way): Promise<number> {
  const bytes = randomBytes(megabytes * 1e6)
  const hasher = plain.createHasher()
  hasher.update(bytes)
  const begin = performance.now()
  const reference = await store(bytes)
  const seconds = (performance.now() - begin) / 1000
  if (reference !== hasher.digest()) throw new Error(`${reference} is not the reference`)
  return megabytes / seconds
}

const rates: Record<Way['name'], number[]> = { threads: [], oneThread: [], beeJs: [] }
for (let run = -1; run < order.runs; run += 1) {
  for (const way of ways) {
    const rate = await timed(run < 0 ? { ...way, megabytes: 1 } : way)
    if (run >= 0) rates[way.name].push(rate)
  }
}
await threaded.close()
process.stdout.write(`${JSON.stringify(rates)}\n`)
