import type { Hex } from 'viem'
import { createClientMemory } from '../../gateway/cli/client/memory.ts'
import { nodeOf } from '../../gateway/ens/name.ts'
import { FLAG_IMMUTABLE, ZERO_REFERENCE } from '../../gateway/tags/entry.ts'
import { NO_DELEGATIONS, type SignedList, ZERO_HASH } from '../../gateway/tags/list.ts'

// A process of its own that remembers versions 1, 2, ... of one name, an immutable tag with each, and prints each tag once it is remembered.
const [folder = '', who = '', count = '0'] = process.argv.slice(2)
const node = nodeOf('acme.eth')
const owner: Hex = `0x${'11'.repeat(20)}`
const domain = { chainId: 31337, resolver: `0x${'22'.repeat(20)}` as Hex }
const digest = `sha256:${'1'.repeat(64)}` as const
const entry = { digest, size: 1, mediaType: 'a/b', swarmReference: ZERO_REFERENCE, updatedVersion: 1 }

function listOf(version: number): SignedList {
  const line = { name: 'acme.eth', node, owner, epoch: 0n, version: BigInt(version), previous: ZERO_HASH }
  const list = { ...line, root: ZERO_HASH, count: 1n, delegations: NO_DELEGATIONS, issuedAt: 1n, expiresAt: 2n }
  return { list, hash: `0x${version.toString(16).padStart(64, '0')}`, signatures: [], timestamp: null }
}

const memory = createClientMemory(folder, 'shared')
for (let version = 1; version <= Number(count); version++) {
  const tag = `${who}-${version}`
  const entries = new Map([[tag, { ...entry, flags: FLAG_IMMUTABLE }]])
  await memory.remember(domain, listOf(version), { tags: [tag], entries })
  process.stdout.write(`${tag}\n`)
}
