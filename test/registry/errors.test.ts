import { describe, expect, test } from 'vitest'
import { ChainUnavailable } from '../../gateway/chain/chain-reader.ts'
import { lookupErrorResponse, registryErrorResponse, statusOfCode, unavailable } from '../../gateway/errors.ts'
import { OciError, ociErrorCodes } from '../../gateway/oci/error.ts'
import { DigestMismatch, PartTooLarge } from '../../gateway/store/content-store.ts'
import { SqlUnavailable } from '../../gateway/store/sql.ts'
import { Refusal, refusalNames } from '../../gateway/tags/refusal.ts'

const request = new Request('http://gateway.test/v2/acme.eth/tags/list?token=secret')
const digests = [`sha256:${'a'.repeat(64)}`, `sha256:${'b'.repeat(64)}`] as const

async function mapped(error: unknown) {
  const logged: [string, unknown][] = []
  const log = (event: string, fields?: unknown) => logged.push([event, fields])
  const response = registryErrorResponse(error, log, request)
  const body = (await response.json()) as { errors: { code: string; message: string; detail?: unknown }[] }
  return { status: response.status, headers: response.headers, errors: body.errors, logged }
}

describe('errors become a status here and nowhere else (distribution-spec "Error Codes")', () => {
  test('every code has a status, and a body of one item', async () => {
    expect(Object.keys(statusOfCode).toSorted()).toEqual([...ociErrorCodes].toSorted())
    for (const code of ociErrorCodes) {
      const { status, errors, headers } = await mapped(new OciError(code, 'why'))
      expect([status, errors]).toEqual([statusOfCode[code], [{ code, message: 'why' }]])
      expect(headers.get('content-type')).toBe('application/json')
    }
  })

  test('status, headers, detail and further items of an error go out', async () => {
    const more = [{ code: 'BLOB_UNKNOWN' as const, message: 'second' }]
    const options = { status: 416, headers: { range: '0-0' }, detail: { offset: 0 }, more }
    const { status, headers, errors } = await mapped(new OciError('BLOB_UPLOAD_INVALID', 'first', options))
    expect([status, headers.get('range')]).toEqual([416, '0-0'])
    expect(errors).toEqual([{ code: 'BLOB_UPLOAD_INVALID', message: 'first', detail: { offset: 0 } }, ...more])
  })

  test('a body whose client went away is a line in the log without a stack; another connection reset is a failure', async () => {
    const reset = (message: string) => mapped(Object.assign(new Error(message), { code: 'ECONNRESET' }))
    const { logged } = await reset('aborted')
    const url = 'http://gateway.test/v2/acme.eth/tags/list'
    expect(logged).toEqual([['request broken off', { method: 'GET', url }]])
    const other = await reset('read ECONNRESET')
    expect([other.status, other.logged[0]?.[0]]).toEqual([500, 'request failed'])
  })

  test.each(refusalNames)('the refusal %s is 403 DENIED with detail.reason, never 404 (protocol 5)', async (reason) => {
    const { status, errors } = await mapped(new Refusal(reason, 'why'))
    expect([status, errors]).toEqual([
      403,
      [{ code: 'DENIED', message: `refused: ${reason}: why`, detail: { reason } }],
    ])
  })

  test('the stores’ own errors: a wrong digest is 400, a body over its limit 413', async () => {
    expect(await mapped(new DigestMismatch(...digests))).toMatchObject({
      status: 400,
      errors: [{ code: 'DIGEST_INVALID' }],
    })
    expect(await mapped(new PartTooLarge(5))).toMatchObject({ status: 413, errors: [{ code: 'SIZE_INVALID' }] })
  })

  test('what cannot be had now is 503 UNKNOWN with Retry-After', async () => {
    const unasked = [new ChainUnavailable('http://key@rpc.test refused'), new SqlUnavailable('rpc.test is overloaded')]
    for (const error of [...unasked, unavailable('later')]) {
      const { status, headers, errors } = await mapped(error)
      expect([status, headers.get('retry-after'), errors[0]?.code]).toEqual([503, '5', 'UNKNOWN'])
      expect(errors[0]?.message).not.toContain('rpc.test')
    }
  })

  test('anything else is 500 UNKNOWN: the log has it whole but for the query, the client has nothing of it', async () => {
    for (const error of [new Error('at /var/lib: key 0xabc'), 'text', undefined]) {
      const { status, errors, logged } = await mapped(error)
      const message = 'internal error; the gateway has logged what happened'
      expect([status, errors]).toEqual([500, [{ code: 'UNKNOWN', message }]])
      expect(logged).toHaveLength(1)
      expect(JSON.stringify(logged)).toContain(error instanceof Error ? error.message : String(error))
      expect(JSON.stringify(logged)).not.toContain('secret')
    }
  })
})

describe('lookups: {"message"} with CORS (ERC-3668)', () => {
  const lookup = (error: unknown) => lookupErrorResponse(error, () => undefined, request)

  test.each(refusalNames)('the refusal %s: 400 for callData, 503 for a list that does not stand', async (reason) => {
    const isCallData = ['BadResponse', 'InvalidName', 'NodeMismatch', 'InvalidTag'].includes(reason)
    const response = lookup(new Refusal(reason, 'why'))
    expect([response.status, response.headers.get('access-control-allow-origin')]).toEqual([
      isCallData ? 400 : 503,
      '*',
    ])
    expect(await response.json()).toEqual({ message: `refused: ${reason}: why` })
  })

  test('the rest have the status they have in the registry', async () => {
    expect(lookup(new OciError('NAME_UNKNOWN', 'x')).status).toBe(404)
    expect(lookup(new ChainUnavailable('x')).status).toBe(503)
    expect(lookup(new Error('x')).status).toBe(500)
  })
})
