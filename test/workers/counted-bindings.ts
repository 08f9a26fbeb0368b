import type { Bucket } from '../../gateway/store/r2-bucket.ts'

/** What was asked of a database: one call is one round trip, a statement alone or a whole batch. */
export type DatabaseCounts = { roundTrips: number; rowsRead: number; rowsWritten: number }

/** The same database, counting. It has the calls that are counted and no others. */
export function countDatabase(database: D1Database): { database: D1Database; counts: DatabaseCounts } {
  const counts: DatabaseCounts = { roundTrips: 0, rowsRead: 0, rowsWritten: 0 }
  const uncounted = new WeakMap<D1PreparedStatement, D1PreparedStatement>()
  const count = (results: readonly D1Result[]) => {
    counts.roundTrips++
    for (const { meta } of results) {
      counts.rowsRead += meta.rows_read
      counts.rowsWritten += meta.rows_written
    }
  }
  const countStatement = (statement: D1PreparedStatement): D1PreparedStatement => {
    const counted: Pick<D1PreparedStatement, 'bind' | 'all'> = {
      bind: (...values) => countStatement(statement.bind(...values)),
      async all<Row>() {
        const result = await statement.all<Row>()
        count([result])
        return result
      },
    }
    uncounted.set(counted as D1PreparedStatement, statement)
    return counted as D1PreparedStatement
  }
  const counted: Pick<D1Database, 'prepare' | 'batch'> = {
    prepare: (text) => countStatement(database.prepare(text)),
    async batch<Row>(statements: D1PreparedStatement[]) {
      const results = await database.batch<Row>(statements.map((statement) => uncounted.get(statement) ?? statement))
      count(results)
      return results
    },
  }
  return { database: counted as D1Database, counts }
}

/** Bytes of bodies that left a bucket, and the most of them that were on their way at a time. */
export type BodyCounts = { sentBytes: number; takenBytes: number; mostHeldBytes: number }

/** The same bucket, counting what its bodies hand out. Who reads the answers adds to `takenBytes`. */
export function countBodies(bucket: R2Bucket): { bucket: R2Bucket; counts: BodyCounts } {
  const counts: BodyCounts = { sentBytes: 0, takenBytes: 0, mostHeldBytes: 0 }
  const countBody = (object: R2ObjectBody): R2ObjectBody => {
    const { key, size, customMetadata = {} } = object
    const body = countBytes(object.body, (bytes) => {
      counts.sentBytes += bytes
      counts.mostHeldBytes = Math.max(counts.mostHeldBytes, counts.sentBytes - counts.takenBytes)
    })
    const whole = () => new Response(body)
    const read = { text: () => whole().text(), arrayBuffer: () => whole().arrayBuffer() }
    return { key, size, customMetadata, body, ...read } as Partial<R2ObjectBody> as R2ObjectBody
  }
  const counted: Bucket = {
    head: (key) => bucket.head(key),
    get: async (key, options) => {
      const object = await bucket.get(key, options)
      return object && countBody(object)
    },
    put: (key, value, options) => bucket.put(key, value, options),
    delete: (keys) => bucket.delete(keys),
    list: (options) => bucket.list(options),
    createMultipartUpload: (key) => bucket.createMultipartUpload(key),
    resumeMultipartUpload: (key, uploadId) => bucket.resumeMultipartUpload(key, uploadId),
  }
  return { bucket: counted as R2Bucket, counts }
}

/** The same bytes, none of them read before somebody asks for them. */
function countBytes(body: ReadableStream<Uint8Array>, count: (bytes: number) => void): ReadableStream<Uint8Array> {
  const reader = body.getReader()
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        const { done, value } = await reader.read()
        if (done) return controller.close()
        count(value.byteLength)
        controller.enqueue(value)
      },
      cancel: (reason) => reader.cancel(reason),
    },
    { highWaterMark: 0 },
  )
}
