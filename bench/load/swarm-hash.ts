import { randomBytes } from 'node:crypto'
import { MerkleTree } from '@ethersphere/bee-js'
import { openSwarmHash } from '../../gateway/swarm/node-wasm.ts'

// Swarm hashes in a process of its own. Argument: an order; prints {ours: [...], beeJs: [...]}, MB per second of processor time. Time on
// the processor is what counts here: nothing else runs in this process, and what runs beside it takes nothing away.

type Order = { megabytes: number; beeJsMegabytes: number; runs: number }

const order: Order = JSON.parse(process.argv[2] ?? '{}')
const content = randomBytes(order.megabytes * 1e6)
const beeJsContent = content.subarray(0, order.beeJsMegabytes * 1e6)
const swarmHash = await openSwarmHash()
const pieceBytes = 1024 * 1024

function hashOurs(bytes: Buffer): string {
  const hasher = swarmHash.createHasher()
  for (let from = 0; from < bytes.length; from += pieceBytes) hasher.update(bytes.subarray(from, from + pieceBytes))
  return hasher.digest()
}

async function hashByBeeJs(bytes: Buffer): Promise<string> {
  const tree = new MerkleTree(MerkleTree.NOOP)
  await tree.append(bytes)
  return `0x${Buffer.from((await tree.finalize()).hash()).toString('hex')}`
}

async function rate(bytes: Buffer, hash: (bytes: Buffer) => unknown): Promise<number> {
  const { user, system } = process.cpuUsage()
  await hash(bytes)
  const used = process.cpuUsage()
  return bytes.length / (used.user + used.system - user - system)
}

const ours: number[] = []
const beeJs: number[] = []
if (hashOurs(beeJsContent) !== (await hashByBeeJs(beeJsContent))) throw new Error('bee-js has another reference')
for (let run = 0; run < order.runs; run += 1) {
  ours.push(await rate(content, hashOurs))
  beeJs.push(await rate(beeJsContent, hashByBeeJs))
}
process.stdout.write(`${JSON.stringify({ ours, beeJs })}\n`)
