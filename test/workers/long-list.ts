import type { Hex } from 'viem'
import { nodeOf } from '../../gateway/ens/name.ts'
import { runInSlices } from '../../gateway/routes/slices.ts'
import type { Signer } from '../../gateway/signer.ts'
import { createD1Sql } from '../../gateway/store/d1.ts'
import { createSqlTagLists } from '../../gateway/store/sql-tag-lists.ts'
import { encodeTagEntry, encodeTagKey } from '../../gateway/tags/entry.ts'
import { entryToJson, headerToJson, signaturesToJson } from '../../gateway/tags/json.ts'
import { hashList, type ListDomain, type ListHeader, NO_DELEGATIONS, ZERO_HASH } from '../../gateway/tags/list.ts'
import { depthOf, linkSlots, nodesAtLevel, planChanges, type TagChange } from '../../gateway/tags/tree.ts'
import { entryOf } from '../publish/repository.ts'

/** Where a long list goes, and who signs it: the owner of the name. */
export type LongListPlace = {
  database: D1Database
  domain: ListDomain
  ensName: string
  signer: Pick<Signer, 'address' | 'signList'>
}

/** The tag with this number, from 0 on. */
export function longListTag(number: number): string {
  return `v${String(number).padStart(7, '0')}`
}

/** A publish puts its own hashes on top of what is stored, whatever that is. */
const madeUpHash: Hex = `0x${'ab'.repeat(32)}`
/** Neighbours stand this far from each other, as after a long time of additions and removals. Shares no factor with round numbers. */
const stride = 48_271

/**
 * Puts the first list of a name straight into the database: 100,000 tags would take long to hash and publish. Each `change` is planned on
 * what is stored, and resolves with the body of a PUT that publishes it.
 */
export async function openLongList({ database, domain, ensName, signer }: LongListPlace, tags: number) {
  const value = encodeTagEntry(entryOf(1, { updatedVersion: 1 }))
  const entries = Array.from({ length: tags }, (_, position) => {
    return { key: encodeTagKey(longListTag((position * stride) % tags)), value }
  })
  const slots = await runInSlices(linkSlots(entries), async () => undefined)
  const levels = Array.from({ length: depthOf(slots.length) + 1 }, (_, level) =>
    Array<Hex>(nodesAtLevel(slots.length, level)).fill(madeUpHash),
  )
  const line = { ...domain, ensName, owner: signer.address, epoch: 0n }
  const lists = createSqlTagLists(createD1Sql(database))
  let header = firstHeader(ensName, signer.address, slots.length)
  let hash = hashList(domain, header)
  const signatures = async () => [{ signer: signer.address, signature: await signer.signList(domain, header) }]
  const signed = { list: header, hash, signatures: await signatures(), timestamp: null }
  const isFirst = await lists.begin(line, signed, { slots, levels, changes: [] })
  if (!isFirst) throw new Error(`${ensName} has a list already`)
  return {
    async change({ tag, entry }: TagChange): Promise<string> {
      const version = header.version + 1n
      const dated = { tag, entry: entry && { ...entry, updatedVersion: Number(version) } }
      const { root, count } = await planChanges(await lists.openTree(line, hash), [dated], version)
      header = { ...header, version, previous: hash, root, count: BigInt(count) }
      hash = hashList(domain, header)
      const changes = [{ tag, entry: dated.entry && entryToJson(dated.entry) }]
      return JSON.stringify({ list: headerToJson(header), signatures: signaturesToJson(await signatures()), changes })
    },
  }
}

function firstHeader(name: string, owner: ListHeader['owner'], count: number): ListHeader {
  const issuedAt = BigInt(Math.floor(Date.now() / 1000))
  const line = { name, node: nodeOf(name), owner, epoch: 0n, version: 1n, previous: ZERO_HASH }
  const content = { root: madeUpHash, count: BigInt(count), delegations: NO_DELEGATIONS }
  return { ...line, ...content, issuedAt, expiresAt: issuedAt + 86_400n }
}
