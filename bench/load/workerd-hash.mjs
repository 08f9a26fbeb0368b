import { MerkleTree } from '@ethersphere/bee-js'
import { openSwarmHash } from '../../worker/swarm-hash.ts'

// A Worker that hashes as many MiB as the path says, by us or by bee-js. Its own clock stands still meanwhile: whoever asks takes the time.

const piece = new Uint8Array(1024 * 1024).map((_, at) => at * 7)
const swarmHash = openSwarmHash()

async function hashOurs(pieces) {
  const hasher = (await swarmHash).createHasher()
  for (let at = 0; at < pieces; at += 1) hasher.update(piece)
  return hasher.digest()
}

async function hashByBeeJs(pieces) {
  const tree = new MerkleTree(MerkleTree.NOOP)
  for (let at = 0; at < pieces; at += 1) await tree.append(piece)
  return `0x${[...(await tree.finalize()).hash()].map((byte) => byte.toString(16).padStart(2, '0')).join('')}`
}

export default {
  async fetch(request) {
    const [, who, pieces] = new URL(request.url).pathname.split('/')
    return new Response(await (who === 'ours' ? hashOurs : hashByBeeJs)(Number(pieces)))
  },
}
