import { bytesOf, type FuzzedParser, type Structure, textOf } from './parsers/parser.ts'
import type { Random } from './random.ts'

/** Longer inputs are cut: what is above every limit is one case, not many. */
const maxBytes = 64 * 1024

/** Changes an input in one way; `others` are inputs that the same parser takes. */
type Mutation = (input: Uint8Array, random: Random, others: readonly Uint8Array[]) => Uint8Array

/** An input made from one that is taken: by one to four changes, of its bytes or of its structure; whole again where somebody can. */
export async function mutatedInput(parser: FuzzedParser, random: Random): Promise<Uint8Array> {
  const { seeds, structure, repair } = parser
  let input = random.pick(seeds)
  for (let left = random.between(1, 4); left > 0; left--) {
    const mutation = random.pick(random.chance(0.6) ? structured[structure] : ofBytes)
    input = mutation(input, random, seeds).subarray(0, maxBytes)
  }
  return repair && random.chance(0.3) ? repair(input, random) : input
}

const texts = [
  ...[
    '',
    '\0',
    '\u00e9',
    'ſ',
    '\u202e',
    '\ufeff',
    '\ud83d\ude00',
    '\ud800',
    '%2e%2e%2f',
    '../',
    '\r\n',
    '\n',
    ' ',
    '\t',
  ],
  ...['0', '-0', '-1', '1e400', '9007199254740993', '18446744073709551616', '1.0', '1e2', 'NaN', '0x', '9'.repeat(400)],
  ...[
    'null',
    '[',
    '{',
    '}',
    ']',
    '"',
    '\\',
    '\\u0000',
    '\\ud800',
    '__proto__',
    'constructor',
    'toString',
    '*',
    ':',
    ',',
    '.',
    '=',
  ],
]

const ofBytes: readonly Mutation[] = [
  (input, random) => changedAt(input, random, (byte) => byte ^ (1 << random.between(0, 7))),
  (input, random) => changedAt(input, random, () => random.between(0, 255)),
  (input, random) =>
    changedAt(input, random, () => random.pick([0, 0x20, 0x22, 0x2c, 0x30, 0x39, 0x5b, 0x7b, 0x7f, 0x80, 0xc0, 0xff])),
  (input, random) => input.subarray(0, random.between(0, input.length)),
  (input, random) => input.subarray(random.between(0, input.length)),
  (input, random) => spliced(input, ...rangeOf(input, random), new Uint8Array()),
  (input, random) => {
    const [from, to] = rangeOf(input, random)
    return spliced(input, to, to, repeated(input.subarray(from, to), random.between(1, 20)))
  },
  (input, random) => inserted(input, random, bytesOf(random.pick(texts))),
  (input, random) =>
    inserted(
      input,
      random,
      Uint8Array.from({ length: random.between(1, 40) }, () => random.between(0, 255)),
    ),
  (input, random, others) => {
    const other = random.pick(others)
    return spliced(input, ...rangeOf(input, random), other.subarray(...rangeOf(other, random)))
  },
]

/** A value in place of another: of another type, too large, too deep, or a name that objects have anyway. */
const nasty: readonly (() => string)[] = [
  ...[
    'null',
    'true',
    '-1',
    '-0',
    '0',
    '1e400',
    '1.0',
    '9007199254740993',
    '1e-400',
    '""',
    '[]',
    '{}',
    '"\\u0000"',
    '"\\ud800"',
  ],
  ...['{"__proto__":{"a":1}}', '{"constructor":1}', '"\u202e"', '"ſ"', '[[]]', '[null]', '"0x"', '"0X12"'],
].map((text) => () => text)
const deep = [
  () => '['.repeat(3_000) + ']'.repeat(3_000),
  () => `${'{"a":'.repeat(2_000)}1${'}'.repeat(2_000)}`,
  () => `"${'é'.repeat(9_000)}"`,
]

type Place = { holder: Record<string, unknown>; name: string }

/** Stands for text that JSON.stringify would not write. */
const mark = '\u0001raw\u0001'

function jsonMutation(edit: (place: Place, random: Random) => string | null): Mutation {
  return (input, random) => {
    const value = jsonOf(input)
    const places = placesIn(value)
    if (places.length === 0) return bytesOf(random.pick(nasty)())
    const raw = edit(random.pick(places), random)
    const text = JSON.stringify(value)
    return bytesOf(raw === null ? text : text.replace(`"${mark.replaceAll('\u0001', '\\u0001')}"`, () => raw))
  }
}

function jsonOf(input: Uint8Array): unknown {
  try {
    return JSON.parse(textOf(input))
  } catch {
    return null
  }
}

/** Every member and element; not those of what is nested for the nesting's sake. */
function placesIn(value: unknown, depth = 0): Place[] {
  if (typeof value !== 'object' || value === null || depth > 10) return []
  const holder = value as Record<string, unknown>
  return Object.keys(holder).flatMap((name) => [{ holder, name }, ...placesIn(holder[name], depth + 1)])
}

function replaceBy(text: (random: Random) => string) {
  return jsonMutation(({ holder, name }, random) => {
    holder[name] = mark
    return text(random)
  })
}

const ofJson: readonly Mutation[] = [
  replaceBy((random) => random.pick(nasty)()),
  replaceBy((random) => random.pick(deep)()),
  replaceBy((random) => JSON.stringify(random.pick(texts))),
  replaceBy((random) => `${random.between(-5, 2 ** random.between(1, 52))}`),
  jsonMutation(({ holder, name }) => {
    delete holder[name]
    return null
  }),
  jsonMutation(({ holder, name }) => {
    const text = JSON.stringify(holder[name])
    holder[name] = mark
    return Array.isArray(holder)
      ? Array.from({ length: 20 }, () => text).join(',')
      : `${text},${JSON.stringify(name)}:${text}`
  }),
  jsonMutation(({ holder, name }, random) => {
    const other = random.pick([name.toUpperCase(), name.replace('s', 'ſ'), `${name} `, 'extra', '__proto__', ''])
    const value = holder[name]
    delete holder[name]
    Object.defineProperty(holder, other, { value, enumerable: true, configurable: true, writable: true })
    return null
  }),
  jsonMutation(({ holder, name }) => {
    holder[name] = [holder[name]]
    return null
  }),
  jsonMutation(({ holder, name }, random) => {
    const text = typeof holder[name] === 'string' ? (holder[name] as string) : 'x'
    holder[name] = textOf(random.pick(ofBytes)(bytesOf(text), random, [bytesOf(text)]))
    return null
  }),
]

const wordDigits = 64

/** At a word of an ABI encoding, counted from behind `0x` or behind that and a selector. */
function wordAt(input: Uint8Array, random: Random): [from: number, to: number] {
  const start = random.pick([2, 10, 10, 2 + 8 + 8])
  const words = Math.max(0, Math.floor((input.length - start) / wordDigits) - 1)
  const from = start + wordDigits * random.between(0, words)
  return [Math.min(from, input.length), Math.min(from + wordDigits, input.length)]
}

const wordValues = [
  0n,
  1n,
  31n,
  32n,
  33n,
  0x40n,
  2n ** 31n,
  2n ** 32n - 1n,
  2n ** 32n,
  2n ** 53n,
  2n ** 64n - 1n,
  2n ** 64n,
  2n ** 255n,
  2n ** 256n - 1n,
]

function wordOf(value: bigint): Uint8Array {
  return bytesOf(value.toString(16).padStart(wordDigits, '0'))
}

const ofAbi: readonly Mutation[] = [
  (input, random) => spliced(input, ...wordAt(input, random), wordOf(random.pick(wordValues))),
  (input, random) => spliced(input, ...wordAt(input, random), wordOf(BigInt(random.between(0, input.length)))),
  (input, random) => spliced(input, ...wordAt(input, random), new Uint8Array()),
  (input, random) => {
    const [from, to] = wordAt(input, random)
    return spliced(input, to, to, repeated(input.subarray(from, to), random.between(1, 40)))
  },
  (input, random) => {
    const [from, to] = wordAt(input, random)
    return spliced(input, ...wordAt(input, random), input.slice(from, to))
  },
  (input, random) => {
    const [from, to] = wordAt(input, random)
    return spliced(input, from, to, bytesOf(random.bytes(32).slice(2)))
  },
  (input) => bytesOf(textOf(input).toUpperCase().replace('0X', '0x')),
]

function partsMutation(separator: string): readonly Mutation[] {
  const change = (edit: (parts: string[], at: number, random: Random) => void): Mutation => {
    return (input, random) => {
      const parts = textOf(input).split(separator)
      edit(parts, random.between(0, parts.length - 1), random)
      return bytesOf(parts.join(separator))
    }
  }
  return [
    change((parts, at) => parts.splice(at, 1)),
    change((parts, at, random) =>
      parts.splice(at, 0, ...Array.from({ length: random.between(1, 30) }, () => parts[at] ?? '')),
    ),
    change((parts, at, random) => parts.splice(at, 1, random.pick(parts))),
    change((parts, at, random) => parts.splice(at, 1, random.pick(texts))),
    change((parts, at, random) => {
      parts[at] = textOf(random.pick(ofBytes)(bytesOf(parts[at] ?? ''), random, parts.map(bytesOf)))
    }),
    (input, random) => bytesOf(random.shuffled(textOf(input).split(separator)).join(separator)),
  ]
}

/** A part of a JWT, changed as the JSON that it is. */
const jwtPart: Mutation = (input, random) => {
  const parts = textOf(input).split('.')
  const at = random.between(0, Math.min(1, parts.length - 1))
  const json = Uint8Array.from(Buffer.from(parts[at] ?? '', 'base64url'))
  parts[at] = Buffer.from(random.pick(ofJson)(json, random, [json])).toString('base64url')
  return bytesOf(parts.join('.'))
}

const structured: Readonly<Record<Structure, readonly Mutation[]>> = {
  json: ofJson,
  abi: ofAbi,
  lines: partsMutation('\n'),
  words: [...partsMutation(' '), ...partsMutation(':'), ...partsMutation(',')],
  jwt: [jwtPart, jwtPart, jwtPart, ...partsMutation('.')],
}

function changedAt(input: Uint8Array, random: Random, change: (byte: number) => number): Uint8Array {
  const changed = input.slice()
  const at = random.between(0, Math.max(0, input.length - 1))
  if (at < changed.length) changed[at] = change(changed[at] as number)
  return changed
}

function rangeOf(input: Uint8Array, random: Random): [from: number, to: number] {
  const from = random.between(0, input.length)
  return [from, Math.min(input.length, from + random.between(0, random.chance(0.8) ? 40 : input.length))]
}

function inserted(input: Uint8Array, random: Random, more: Uint8Array): Uint8Array {
  const at = random.between(0, input.length)
  return spliced(input, at, at, more)
}

function spliced(input: Uint8Array, from: number, to: number, middle: Uint8Array): Uint8Array {
  return Buffer.concat([input.subarray(0, from), middle, input.subarray(to)])
}

function repeated(part: Uint8Array, times: number): Uint8Array {
  return Buffer.concat(
    Array.from({ length: Math.min(times, Math.ceil(maxBytes / Math.max(1, part.length))) }, () => part),
  )
}
