import type { Hex } from 'viem'
import { privateKeyToAccount } from 'viem/accounts'
import { nodeOf, repositoryOf } from '../gateway/ens/name.ts'
import { encodeTagEntry, encodeTagKey, type TagEntry, ZERO_REFERENCE } from '../gateway/tags/entry.ts'
import { entryToJson, headerToJson, signaturesToJson } from '../gateway/tags/json.ts'
import { type ListHeader, listTypedData, NO_DELEGATIONS, ZERO_HASH } from '../gateway/tags/list.ts'
import { buildWellFormedTree, type Slot } from '../gateway/tags/tree.ts'
import type { Chain } from './lab.ts'
import { digestOf, tagAt } from './tags.ts'

/** Publishes a list of `size` tags under a name that has none yet, as a publisher would: one signature, one PUT. */
export async function publishList(gateway: string, chain: Chain, ensName: string, size: number): Promise<void> {
  const tags = Array.from({ length: size }, (_, position) => tagAt(position))
  const entries = tags.map((tag) => ({ tag, entry: entryFor(tag) }))
  await publishEntries(gateway, chain, ensName, entries)
}

type Entries = readonly { tag: string; entry: TagEntry }[]

/** The same for these entries, which are in the order of their tags' bytes. */
export async function publishEntries(gateway: string, chain: Chain, ensName: string, entries: Entries): Promise<void> {
  const list = headerFor(chain, ensName, entries)
  const domain = { chainId: chain.chainId, resolver: chain.resolver }
  const signature = await privateKeyToAccount(chain.publisherKey).signTypedData(listTypedData(domain, list))
  const body = JSON.stringify({
    list: headerToJson(list),
    signatures: signaturesToJson([{ signer: chain.publisher, signature }]),
    entries: entries.map(({ tag, entry }) => ({ tag, ...entryToJson(entry) })),
  })
  const url = `${gateway}/v2/${repositoryOf(ensName)}/_mooring/list`
  const response = await fetch(url, { method: 'PUT', body, headers: { 'content-type': 'application/json' } })
  if (response.status !== 201) throw new Error(`PUT ${url}: ${response.status} ${await response.text()}`)
}

function entryFor(tag: string): TagEntry {
  const mediaType = 'application/vnd.oci.image.manifest.v1+json'
  return { digest: digestOf(tag), size: 1000, mediaType, swarmReference: ZERO_REFERENCE, updatedVersion: 1, flags: 0 }
}

function headerFor(chain: Chain, ensName: string, entries: Entries): ListHeader {
  const now = BigInt(Math.floor(Date.now() / 1000))
  return {
    name: ensName,
    node: nodeOf(ensName),
    owner: chain.publisher.toLowerCase() as Hex,
    epoch: 0n,
    version: 1n,
    previous: ZERO_HASH,
    root: rootOf(entries),
    count: BigInt(entries.length + 1),
    delegations: NO_DELEGATIONS,
    issuedAt: now,
    expiresAt: now + 90n * 86_400n,
  }
}

function rootOf(entries: Entries): Hex {
  const keys = entries.map(({ tag }) => encodeTagKey(tag))
  const slots: Slot[] = entries.map(({ entry }, at) => ({
    key: keys[at] as Hex,
    nextKey: keys[at + 1] ?? '0x',
    value: encodeTagEntry(entry),
  }))
  const building = buildWellFormedTree([{ key: '0x', nextKey: keys[0] ?? '0x', value: '0x' }, ...slots], 1n)
  for (;;) {
    const step = building.next()
    if (step.done) return step.value.root
  }
}
