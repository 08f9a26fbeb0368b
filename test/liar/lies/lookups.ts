import { concat, type Hex, size, slice } from 'viem'
import type { Answer, Ending, Lie, Told } from '../lie.ts'
import * as bodies from './bodies.ts'
import { hijack, redirect, redirectsTo } from './elsewhere.ts'

type Change = (answer: Answer) => Answer

/** Lookups answered in another way. */
function answered(change: Change): Told {
  return { answer: (answer, { kind }) => (kind === 'lookup' ? change(answer) : answer) }
}

const clients = (ending: Ending): Lie['expected'] => ({ proxy: ending, library: ending })

const lie = (name: string, change: Change, ending: Ending, more: Partial<Lie> = {}): Lie => ({
  ...{ name, clause: '4', tell: () => answered(change), expected: clients(ending) },
  ...more,
})

const encoded = (name: string, respond: (honest: Hex) => Hex, contract: Ending): Lie => ({
  ...{ name, clause: '3.1 row 0', tell: () => ({ respond }) },
  expected: { proxy: 'BadResponse', library: 'BadResponse', contract },
})

const withData = (data: unknown): Change => bodies.altered(() => Buffer.from(JSON.stringify({ data })))

/** Bytes that are no response, or more than one (row 0). What carries no meaning the contract may pass over. */
const responses: readonly Lie[] = [
  encoded('a response without its last word', (it) => slice(it, 0, size(it) - 32), 'reverted'),
  encoded('a word behind the response', (it) => concat([it, `0x${'00'.repeat(32)}`]), 'honest'),
  encoded('a response of no bytes', () => '0x', 'reverted'),
  encoded('a response of two bytes', () => '0x1234', 'reverted'),
  encoded('a response of more than 128 KiB', (it) => concat([it, `0x${'00'.repeat(131_072)}`]), 'BadResponse'),
  encoded(
    'an offset past the end',
    (it) => concat([slice(it, 0, 9 * 32), `0x${'ff'.repeat(32)}`, slice(it, 10 * 32)]),
    'reverted',
  ),
  encoded('an address with bits above it', (it) => concat(['0x01', slice(it, 1)]), 'OwnerMismatch'),
]

/** Bodies that are no answer (protocol 4). A client of ENS has no limit of its own, and is not asked. */
const answers: readonly Lie[] = [
  lie('a web page with status 200', bodies.page, 'BadResponse'),
  lie('JSON without data', withData(undefined), 'BadResponse'),
  lie('data that is no hex', withData('0x12zz'), 'BadResponse'),
  lie('data of half a byte', withData('0x123'), 'BadResponse'),
  lie('data that is a number', withData(1), 'BadResponse'),
  lie('no content with status 204', () => ({ status: 204, headers: {}, body: new Uint8Array() }), 'BadResponse'),
  lie('a lookup without end', bodies.endless, 'BadResponse'),
  lie('a gzip bomb for a lookup', bodies.gzipBomb, 'BadResponse'),
  lie('a lookup said to be gzip', bodies.falselyEncoded, 'GatewayUnavailable', {
    expected: { proxy: 'honest', library: 'GatewayUnavailable' },
  }),
  lie('a lookup that breaks off', bodies.brokenOff(100), 'GatewayUnavailable'),
  lie('a lookup longer than its Content-Length', bodies.headed({ 'content-length': '40' }), 'BadResponse'),
  lie('a lookup shorter than its Content-Length', bodies.headed({ 'content-length': '999999' }), 'GatewayUnavailable'),
  lie('a lookup that never begins', bodies.silent, 'GatewayUnavailable'),
  lie('a lookup that stops', bodies.stalled(100), 'GatewayUnavailable'),
  lie('a lookup byte by byte', bodies.slow, 'GatewayUnavailable'),
]

/** Words that a careless client takes for "no such tag". */
const silences: readonly Lie[] = [
  lie('404 for a name that is there', bodies.status(404), 'GatewayUnavailable', {
    expected: { proxy: 'GatewayUnavailable', library: 'GatewayUnavailable', contract: 'GatewayUnavailable' },
  }),
  lie(
    '404 that says the tag is unknown',
    bodies.status(404, {}, '{"errors":[{"code":"MANIFEST_UNKNOWN","message":"manifest unknown"}]}'),
    'GatewayUnavailable',
  ),
  lie('410 gone for good', bodies.status(410), 'GatewayUnavailable'),
  lie('500 with no word', bodies.status(500, {}, ''), 'GatewayUnavailable', {
    expected: { proxy: 'GatewayUnavailable', library: 'GatewayUnavailable', contract: 'GatewayUnavailable' },
  }),
  lie('429 for ever', bodies.status(429, { 'retry-after': '86400' }), 'GatewayUnavailable'),
]

/** Places where nobody may be sent, and credentials that nobody may be asked for. The trap there counts. */
const elsewhere: readonly Lie[] = [
  ...redirectsTo.map(([place, target]) =>
    redirected(`a lookup redirected to ${place}`, (port, path) => redirect(target(port, path))),
  ),
  lie('a lookup redirected in circles', (answer) => redirect('./')(answer), 'GatewayUnavailable'),
  {
    name: 'a lookup that asks to log in elsewhere',
    clause: '4',
    tell: ({ world }) => answered(hijack(world.trap.port)),
    expected: clients('GatewayUnavailable'),
  },
]

function redirected(name: string, change: (port: number, path: string) => Change): Lie {
  return {
    ...{ name, clause: '4' },
    tell: ({ world }) => answered(change(world.trap.port, '/stolen.json')),
    expected: clients('GatewayUnavailable'),
  }
}

/** Row 0 and what HTTP can do to a lookup. */
export const lookupLies: readonly Lie[] = [...responses, ...answers, ...silences, ...elsewhere]
