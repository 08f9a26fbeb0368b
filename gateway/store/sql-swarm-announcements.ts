import type { Hex } from 'viem'
import type { Sql } from './sql.ts'
import type { Announcement, AnnouncementStore } from './swarm-announcements.ts'

type Row = {
  ens_name: string
  feed_owner: Hex | ''
  feed_end: number | null
  epoch: number
  version: number
  list_hash: Hex
  signatures_hash: Hex
  list_reference: Hex
  index_reference: Hex
  payload_reference: Hex
  index_root: Hex
  index_rows: number
  postage_batch_id: Hex | null
  position: number | null
  is_verified: number
}

const columns = `ens_name, feed_owner, feed_end, epoch, version, list_hash, signatures_hash, list_reference, index_reference,
  payload_reference, index_root, index_rows, postage_batch_id, position, is_verified`

/** Announcements in the table `swarm_announcement` of migrations/. */
export function createSqlAnnouncements(sql: Sql): AnnouncementStore {
  return {
    async find(ensName, feedOwner) {
      const text = `SELECT ${columns} FROM swarm_announcement WHERE ens_name = ?1 AND feed_owner = ?2`
      const row = await sql.first<Row>(text, [ensName, feedOwner ?? ''])
      return row && announcementOf(row)
    },
    async record(announcement) {
      await sql.run(recordText, valuesOf(announcement))
    },
  }
}

const recordText = `INSERT INTO swarm_announcement (${columns})
  VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15)
  ON CONFLICT DO UPDATE SET feed_end = ?3, epoch = ?4, version = ?5,
    list_hash = ?6, signatures_hash = ?7, list_reference = ?8, index_reference = ?9, payload_reference = ?10, index_root = ?11,
    index_rows = ?12, postage_batch_id = ?13, position = ?14, is_verified = ?15`

function valuesOf(announcement: Announcement) {
  const { ensName, feedOwner, feedEnd, epoch, version, listHash, signaturesHash } = announcement
  const { listReference, indexReference, payloadReference, indexRoot, indexRows, postageBatchId, position } =
    announcement
  const numbers = [epoch, version].map((value) => {
    if (value <= BigInt(Number.MAX_SAFE_INTEGER)) return Number(value)
    throw new RangeError(`${value} is above 2^53 - 1`)
  })
  return [
    ...[ensName, feedOwner ?? '', feedEnd, ...numbers, listHash, signaturesHash, listReference, indexReference],
    ...[payloadReference, indexRoot, indexRows, postageBatchId, position, announcement.isVerified ? 1 : 0],
  ]
}

function announcementOf(row: Row): Announcement {
  return {
    ensName: row.ens_name,
    feedOwner: row.feed_owner === '' ? null : row.feed_owner,
    feedEnd: row.feed_end,
    epoch: BigInt(row.epoch),
    version: BigInt(row.version),
    listHash: row.list_hash,
    signaturesHash: row.signatures_hash,
    listReference: row.list_reference,
    indexReference: row.index_reference,
    payloadReference: row.payload_reference,
    indexRoot: row.index_root,
    indexRows: row.index_rows,
    postageBatchId: row.postage_batch_id,
    position: row.position,
    isVerified: row.is_verified === 1,
  }
}
