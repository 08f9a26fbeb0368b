// A thread that hashes chunks: plain JavaScript, because Node starts it from source and from an installed package alike. Each message says
// where in the shared `batches` whole chunks of 4,096 bytes are, at most 256; the answers, in the same order, are their addresses.
import { parentPort, workerData } from 'node:worker_threads'

const [chunkBytes, addressBytes, maxChunks] = [4096, 32, 256]
const { module, batches } = workerData
const { memory, hashChunks, chunksAt, spansAt, addressesAt } = new WebAssembly.Instance(module).exports
const target = new Uint8Array(memory.buffer, chunksAt(), maxChunks * chunkBytes)
const spans = new DataView(memory.buffer, spansAt(), maxChunks * 8)
for (let at = 0; at < maxChunks; at += 1) spans.setBigUint64(at * 8, BigInt(chunkBytes), true)

parentPort.on('message', ({ from, bytes }) => {
  target.set(new Uint8Array(batches, from, bytes))
  const count = bytes / chunkBytes
  hashChunks(count)
  parentPort.postMessage(new Uint8Array(memory.buffer, addressesAt(), count * addressBytes).slice())
})
