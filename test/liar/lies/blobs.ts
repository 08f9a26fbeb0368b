import type { Answer, Asked, Ending, Lie, Told } from '../lie.ts'
import * as bodies from './bodies.ts'
import { hijack, redirect } from './elsewhere.ts'

type Change = (answer: Answer, asked: Asked) => Answer

/** The layer answered in another way. */
function answered(change: Change): Lie['tell'] {
  return ({ image }): Told => ({
    answer: (answer, asked) => (asked.digest === image.layer.digest ? change(answer, asked) : answer),
  })
}

const lie = (name: string, change: Change, ending: Ending, more: Partial<Lie> = {}): Lie => ({
  ...{ name, clause: '6', tell: answered(change), expected: { proxy: ending } },
  ...more,
})

/** Over what is held back before the first byte goes out. */
const long = { layerBytes: 2_500_000 }

/** Small layers are whole before anybody gets a byte of them; long ones break before their end. */
const bytes: readonly Lie[] = [
  lie('a blob with one bit changed', bodies.altered(bodies.lastBit), 'DigestMismatch'),
  lie('a long blob with its last bit changed', bodies.altered(bodies.lastBit), 'DigestMismatch', long),
  lie(
    'a blob too short',
    bodies.altered((it) => it.subarray(1)),
    'SizeMismatch',
  ),
  lie(
    'a blob too long',
    bodies.altered((it) => Buffer.concat([it, it])),
    'SizeMismatch',
  ),
  lie('a blob without end', bodies.endlessBehind, 'SizeMismatch'),
  lie('a long blob without end', bodies.endlessBehind, 'SizeMismatch', long),
  lie('a gzip bomb for a blob', bodies.gzipBomb, 'SizeMismatch'),
  lie('a web page for a blob', bodies.page, 'SizeMismatch'),
  {
    ...lie('another blob of the image', (it) => it, 'SizeMismatch'),
    tell: ({ image }) => ({ contents: new Map([[image.layer.digest, image.config.bytes]]) }),
  },
  {
    ...lie('a config with one bit changed', (it) => it, 'DigestMismatch'),
    tell: ({ image }) => ({ contents: new Map([[image.config.digest, bodies.lastBit(image.config.bytes)]]) }),
  },
]

const silences: readonly Lie[] = [
  lie('404 for a blob that is there', bodies.status(404), 'GatewayUnavailable'),
  lie('a blob that breaks off', bodies.brokenOff(100), 'GatewayUnavailable'),
  lie('a long blob that breaks off', bodies.brokenOff(2_000_000), 'GatewayUnavailable', long),
  lie('a blob that never begins', bodies.silent, 'GatewayUnavailable'),
  lie('a blob that stops', bodies.stalled(100), 'GatewayUnavailable'),
  lie('a blob byte by byte', bodies.slow, 'GatewayUnavailable'),
  {
    ...lie('a blob redirected to another port', (it) => it, 'GatewayUnavailable'),
    tell: (scene) => answered(redirect(`http://127.0.0.1:${scene.world.trap.port}/blob`))(scene),
  },
  {
    ...lie('a blob that asks to log in elsewhere', (it) => it, 'GatewayUnavailable'),
    tell: (scene) => answered(hijack(scene.world.trap.port))(scene),
  },
]

/** Lies in the head alone. */
const heads: readonly Lie[] = [
  lie('a blob said to be gzip', bodies.falselyEncoded, 'honest'),
  lie('a blob under text/html', bodies.headed({ 'content-type': 'text/html' }), 'honest'),
  lie(
    "another digest in a blob's head",
    bodies.headed({ 'docker-content-digest': `sha256:${'d0'.repeat(32)}` }),
    'honest',
  ),
]

/** The first gateway breaks off, and the second is asked for the rest. */
const ranges: readonly Lie[] = [
  lie(
    'a rest that begins elsewhere',
    rest((it, from) => it.subarray(from - 1, it.length - 1)),
    'DigestMismatch',
    resumed(),
  ),
  lie(
    'a rest with one bit changed',
    rest((it, from) => bodies.lastBit(it.subarray(from))),
    'DigestMismatch',
    resumed(),
  ),
  lie(
    'a rest that goes on',
    rest((it, from) => Buffer.concat([it.subarray(from), it])),
    'SizeMismatch',
    resumed(),
  ),
]

function resumed(): Partial<Lie> {
  return { ...long, beside: true, twin: (scene) => answered(rest((it, from) => it.subarray(from)))(scene) }
}

/** The first gateway's part, and then what the second says is the rest. */
function rest(change: (whole: Uint8Array, from: number) => Uint8Array): Change {
  return (answer, { second, headers }) => {
    const whole = bodies.bytesOf(answer.body)
    if (!second) return bodies.brokenOff(2_000_000)(answer)
    const from = Number(/^bytes=(\d+)-$/.exec(headers.range ?? '')?.[1] ?? 0)
    const body = change(whole, from)
    const range = `bytes ${from}-${whole.length - 1}/${whole.length}`
    const head = { ...answer.headers, 'content-length': `${body.length}`, 'content-range': range }
    return { status: from > 0 ? 206 : 200, headers: head, body }
  }
}

/** Row 10 of what a manifest names, and protocol 6. */
export const blobLies: readonly Lie[] = [...bytes, ...silences, ...heads, ...ranges]
