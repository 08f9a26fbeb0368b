import type { Digest } from '../oci/digest.ts'
import {
  cutOff,
  type SizedContent,
  type SwarmLedger,
  type SwarmRecord,
  SwarmReferenceConflict,
  type SwarmState,
} from './swarm-ledger.ts'

/** The ledger in memory. */
export function createMemorySwarmLedger(): SwarmLedger {
  const rows = new Map<Digest, SwarmRecord>()
  const copyOf = (digest: Digest) => {
    const row = rows.get(digest)
    return row && { ...row }
  }
  /** Changes a row that is in one of these states. */
  const change = (digest: Digest, states: readonly SwarmState[], changes: Partial<SwarmRecord>) => {
    const row = rows.get(digest)
    if (row && states.includes(row.state)) Object.assign(row, changes)
  }
  return {
    ...referencesIn(rows),
    find: async (digest) => copyOf(digest),
    async findMany(digests) {
      const found = digests.map(copyOf).filter((row) => row !== undefined)
      return new Map(found.map((row) => [row.digest, row]))
    },
    async enqueue(contents, again = false) {
      for (const content of contents) {
        const row = rowOf(rows, content)
        if (again) Object.assign(row, fresh, { state: 'queued' })
        else if (row.state === 'local') row.state = 'queued'
      }
    },
    async dequeue(digest) {
      change(digest, ['queued'], { ...fresh, state: 'local' })
    },
    listDue: async (state, now, limit) => dueIn(rows, state, now, limit).map((row) => ({ ...row })),
    async claimDue(state, now, limit, until) {
      return dueIn(rows, state, now, limit).map((row) => {
        if (state === 'queued' && row.lastError === cutOff) row.failures += 1
        return { ...Object.assign(row, { lastError: cutOff, nextTryAt: until }) }
      })
    },
    async markUploaded(digest, postageBatchId, nextTryAt) {
      change(digest, ['queued'], { ...fresh, state: 'uploaded', postageBatchId, nextTryAt })
    },
    async markVerified(digest) {
      change(digest, ['uploaded'], { state: 'verified', failures: 0, nextTryAt: 0, lastError: null })
    },
    async markFailed(digest, lastError, nextTryAt) {
      const failures = (rows.get(digest)?.failures ?? 0) + 1
      change(digest, ['queued', 'uploaded'], { failures, lastError, nextTryAt })
    },
    async count() {
      const counts = { local: 0, queued: 0, uploaded: 0, verified: 0 }
      for (const { state } of rows.values()) counts[state]++
      return counts
    },
  }
}

function dueIn(rows: Map<Digest, SwarmRecord>, state: SwarmState, now: number, limit: number): SwarmRecord[] {
  const due = [...rows.values()].filter((row) => row.state === state && row.nextTryAt <= now)
  due.sort((one, other) => one.nextTryAt - other.nextTryAt || (one.digest < other.digest ? -1 : 1))
  return due.slice(0, limit)
}

const fresh = { postageBatchId: null, failures: 0, nextTryAt: 0, lastError: null }

function referencesIn(
  rows: Map<Digest, SwarmRecord>,
): Pick<SwarmLedger, 'recordReference' | 'claimReferences' | 'withoutProvenReference' | 'list'> {
  return {
    async recordReference(digest, size, swarmReference) {
      const row = rowOf(rows, { digest, size })
      const known = row.swarmReference
      if (row.isProven && known !== null && known !== swarmReference) {
        throw new SwarmReferenceConflict(digest, known, swarmReference)
      }
      const isCorrected = known !== null && known !== swarmReference
      if (isCorrected && row.state !== 'queued') Object.assign(row, fresh, { state: 'local' })
      Object.assign(row, { size, swarmReference, isProven: true })
    },
    async claimReferences(contents) {
      for (const { digest, size, swarmReference } of contents) {
        const row = rowOf(rows, { digest, size })
        if (row.swarmReference === null) Object.assign(row, { size, swarmReference })
      }
    },
    withoutProvenReference: async (digests) => digests.filter((digest) => !rows.get(digest)?.isProven),
    async list(after, limit) {
      const listed = [...rows.values()].filter((row) => row.digest > after && row.swarmReference !== null)
      listed.sort((one, other) => (one.digest < other.digest ? -1 : 1))
      return listed.slice(0, limit).map((row) => ({ ...row }))
    },
  }
}

function rowOf(rows: Map<Digest, SwarmRecord>, { digest, size }: SizedContent): SwarmRecord {
  const known = rows.get(digest)
  if (known) return known
  const row: SwarmRecord = { digest, size, swarmReference: null, isProven: false, state: 'local', ...fresh }
  rows.set(digest, row)
  return row
}
