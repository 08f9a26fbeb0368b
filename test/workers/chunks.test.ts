import { env } from 'cloudflare:workers'
import { beforeEach, expect, test } from 'vitest'
import { workerLimits } from '../../gateway/limits.ts'
import { digestOf } from '../../gateway/oci/digest.ts'
import type { Env } from '../../worker/env.ts'
import { createWorkerGateway } from '../../worker/gateway.ts'
import { blobOf } from '../registry/client.ts'
import { createFaults } from './faults.ts'
import { emptyBindings } from './stores.ts'

// How many questions to D1 and R2 one request of an upload asks, of the 1,000 that a request to a Worker may ask.

beforeEach(emptyBindings)

const mostQuestions = 1_000

function open() {
  const faults = createFaults(() => 'pass')
  const bindings = { ...env, DB: faults.around(env.DB), BLOBS: faults.around(env.BLOBS) } as Env
  const gateway = createWorkerGateway(bindings)
  const ask = async (method: string, path: string, body?: Uint8Array<ArrayBuffer>) => {
    const before = faults.decided.length
    const response = await gateway.fetch(new Request(`http://gateway.test${path}`, { method, ...(body && { body }) }))
    const bytes = new Uint8Array(await response.arrayBuffer())
    return { status: response.status, headers: response.headers, bytes, questions: faults.decided.length - before }
  }
  return { ask }
}

test.each([
  ['copied, since it is small', 100],
  ['joined from its parts', 20_000],
])(
  'a blob in more short chunks than a Worker takes is 400 and names the length; what it took is %s',
  async (_, chunkBytes) => {
    const { ask } = open()
    const begun = await ask('POST', '/v2/acme.eth/blobs/uploads/')
    const { minChunkBytes, maxShortChunks } = workerLimits
    expect([begun.status, begun.headers.get('oci-chunk-min-length')]).toEqual([202, String(minChunkBytes)])
    const location = begun.headers.get('location') ?? ''
    const chunk = blobOf(chunkBytes)
    let most = 0
    for (let at = 0; at <= maxShortChunks; at++) {
      const { status, questions } = await ask('PATCH', location, chunk)
      expect(status).toBe(202)
      most = Math.max(most, questions)
    }
    expect(most).toBeLessThan(20)
    const refused = await ask('PATCH', location, chunk)
    expect([refused.status, new TextDecoder().decode(refused.bytes)]).toEqual([
      400,
      expect.stringContaining(`may have less than ${minChunkBytes}`),
    ])
    const whole = new Uint8Array(chunkBytes * (maxShortChunks + 1))
    for (let at = 0; at <= maxShortChunks; at++) whole.set(chunk, at * chunkBytes)
    const digest = await digestOf('sha256', whole)
    const put = await ask('PUT', `${location}?digest=${digest}`)
    expect(put.status).toBe(201)
    const pulled = await ask('GET', `/v2/acme.eth/blobs/${digest}`)
    expect([pulled.status, await digestOf('sha256', pulled.bytes)]).toEqual([200, digest])
    // Of each chunk: read once when it is joined, once more where it is read.
    for (const { questions } of [put, pulled]) expect(questions).toBeLessThan(maxShortChunks + 30)
    expect(2 * (workerLimits.maxChunks + 30)).toBeLessThan(mostQuestions)
  },
)
