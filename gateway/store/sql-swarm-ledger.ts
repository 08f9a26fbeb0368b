import type { Hex } from 'viem'
import type { Digest } from '../oci/digest.ts'
import type { Sql } from './sql.ts'
import { cutOff, type SwarmLedger, type SwarmRecord, SwarmReferenceConflict, type SwarmState } from './swarm-ledger.ts'

type Row = {
  digest: Digest
  size: number
  swarm_reference: Hex | null
  is_proven: number
  state: SwarmState
  postage_batch_id: Hex | null
  failures: number
  next_try_at: number
  last_error: string | null
}

const columns = 'digest, size, swarm_reference, is_proven, state, postage_batch_id, failures, next_try_at, last_error'
const fresh = 'postage_batch_id = NULL, failures = 0, next_try_at = 0, last_error = NULL'

/** The ledger in the table `swarm_content` of migrations/. */
export function createSqlSwarmLedger(sql: Sql): SwarmLedger {
  return { ...references(sql), ...queue(sql), ...readings(sql) }
}

function references(sql: Sql): Pick<SwarmLedger, 'recordReference' | 'claimReferences' | 'withoutProvenReference'> {
  return {
    async recordReference(digest, size, swarmReference) {
      const proven = 'SELECT 1 AS found FROM swarm_content WHERE digest = ?1 AND swarm_reference = ?2 AND is_proven'
      if (await sql.first(proven, [digest, swarmReference])) return
      const [, , rows] = await sql.batch([
        { text: forgetText, values: [digest, swarmReference] },
        { text: recordText, values: [digest, size, swarmReference] },
        { text: 'SELECT swarm_reference FROM swarm_content WHERE digest = ?1', values: [digest] },
      ])
      const known = (rows![0] as Pick<Row, 'swarm_reference'>).swarm_reference
      if (known !== null && known !== swarmReference) throw new SwarmReferenceConflict(digest, known, swarmReference)
    },
    async claimReferences(contents) {
      const text = `INSERT INTO swarm_content (digest, size, swarm_reference)
        SELECT value ->> 'digest', value ->> 'size', value ->> 'swarmReference' FROM json_each(?1) WHERE true
        ON CONFLICT DO UPDATE SET size = excluded.size, swarm_reference = excluded.swarm_reference
        WHERE swarm_content.swarm_reference IS NULL`
      await sql.batch([{ text, values: [JSON.stringify(contents)] }])
    },
    async withoutProvenReference(digests) {
      const rows = await sql.all<{ digest: Digest }>(
        `SELECT w.value AS digest FROM json_each(?1) w
         WHERE NOT EXISTS (SELECT 1 FROM swarm_content s WHERE s.digest = w.value AND s.is_proven) ORDER BY w.key`,
        [JSON.stringify(digests)],
      )
      return rows.map(({ digest }) => digest)
    },
  }
}

/** What was only said, was another reference, and does not wait to be uploaded anyway: such a row begins anew. */
const forgetText = `UPDATE swarm_content SET state = 'local', ${fresh}
  WHERE digest = ?1 AND NOT is_proven AND swarm_reference <> ?2 AND state <> 'queued'`
/** A proven reference is left alone: the caller finds out when it is another one. */
const recordText = `INSERT INTO swarm_content (digest, size, swarm_reference, is_proven) VALUES (?1, ?2, ?3, 1)
  ON CONFLICT DO UPDATE SET size = ?2, swarm_reference = ?3, is_proven = 1 WHERE NOT is_proven`

function dueText(state: SwarmState): string {
  return `WHERE state = '${state}' AND next_try_at <= ?1 ORDER BY next_try_at, digest LIMIT ?2`
}

type Queue = Pick<
  SwarmLedger,
  'enqueue' | 'dequeue' | 'listDue' | 'claimDue' | 'markUploaded' | 'markVerified' | 'markFailed'
>
function queue(sql: Sql): Queue {
  return {
    async enqueue(contents, again = false) {
      const change = again ? `state = 'queued', ${fresh}` : `state = 'queued' WHERE state = 'local'`
      const text = `INSERT INTO swarm_content (digest, size, state)
        SELECT value ->> 'digest', value ->> 'size', 'queued' FROM json_each(?1) WHERE true
        ON CONFLICT DO UPDATE SET ${change}`
      await sql.batch([{ text, values: [JSON.stringify(contents)] }])
    },
    async dequeue(digest) {
      await sql.run(`UPDATE swarm_content SET state = 'local', ${fresh} WHERE digest = ?1 AND state = 'queued'`, [
        digest,
      ])
    },
    async listDue(state, now, limit) {
      const text = `SELECT ${columns} FROM swarm_content ${dueText(state)}`
      return (await sql.all<Row>(text, [now, limit])).map(recordOf)
    },
    async claimDue(state, now, limit, until) {
      const again = state === 'queued' ? 'failures + (last_error IS ?4)' : 'failures'
      const text = `UPDATE swarm_content SET next_try_at = ?3, failures = ${again}, last_error = ?4
        WHERE digest IN (SELECT digest FROM swarm_content ${dueText(state)}) RETURNING ${columns}`
      return (await sql.all<Row>(text, [now, limit, until, cutOff])).map(recordOf)
    },
    async markUploaded(digest, postageBatchId, nextTryAt) {
      await sql.run(
        `UPDATE swarm_content SET state = 'uploaded', postage_batch_id = ?2, failures = 0, next_try_at = ?3, last_error = NULL
         WHERE digest = ?1 AND state = 'queued'`,
        [digest, postageBatchId, nextTryAt],
      )
    },
    async markVerified(digest) {
      await sql.run(
        `UPDATE swarm_content SET state = 'verified', failures = 0, next_try_at = 0, last_error = NULL
         WHERE digest = ?1 AND state = 'uploaded'`,
        [digest],
      )
    },
    async markFailed(digest, lastError, nextTryAt) {
      await sql.run(
        `UPDATE swarm_content SET failures = failures + 1, last_error = ?2, next_try_at = ?3
         WHERE digest = ?1 AND state IN ('queued', 'uploaded')`,
        [digest, lastError, nextTryAt],
      )
    },
  }
}

function readings(sql: Sql): Pick<SwarmLedger, 'find' | 'findMany' | 'list' | 'count'> {
  return {
    async find(digest) {
      const row = await sql.first<Row>(`SELECT ${columns} FROM swarm_content WHERE digest = ?1`, [digest])
      return row && recordOf(row)
    },
    async findMany(digests) {
      const text = `SELECT ${columns} FROM swarm_content WHERE digest IN (SELECT value FROM json_each(?1))`
      const rows = await sql.all<Row>(text, [JSON.stringify(digests)])
      return new Map(rows.map((row) => [row.digest, recordOf(row)]))
    },
    async list(after, limit) {
      const text = `SELECT ${columns} FROM swarm_content WHERE digest > ?1 AND swarm_reference IS NOT NULL
        ORDER BY digest LIMIT ?2`
      return (await sql.all<Row>(text, [after, limit])).map(recordOf)
    },
    async count() {
      const text = 'SELECT state, count(*) AS rows FROM swarm_content GROUP BY state'
      const counts = { local: 0, queued: 0, uploaded: 0, verified: 0 }
      for (const { state, rows } of await sql.all<{ state: SwarmState; rows: number }>(text)) counts[state] = rows
      return counts
    },
  }
}

function recordOf(row: Row): SwarmRecord {
  return {
    digest: row.digest,
    size: row.size,
    swarmReference: row.swarm_reference,
    isProven: row.is_proven === 1,
    state: row.state,
    postageBatchId: row.postage_batch_id,
    failures: row.failures,
    nextTryAt: row.next_try_at,
    lastError: row.last_error,
  }
}
