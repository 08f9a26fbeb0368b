import { concatBytes, type Hex, isHex } from 'viem'
import { BeeError } from './bee.ts'
import type { BeeAnswer } from './call.ts'

/** A node with thousands of batches says less. */
const maxJsonBytes = 4 * 1024 * 1024

/** The bytes of a body. @throws RangeError when it has more than `maxBytes`; the rest is cancelled */
export async function readAtMost(body: ReadableStream<Uint8Array>, maxBytes: number): Promise<Uint8Array> {
  const reader = body.getReader()
  const pieces: Uint8Array[] = []
  let bytes = 0
  for (;;) {
    const { done, value } = await reader.read()
    if (done) return concatBytes(pieces)
    bytes += value.byteLength
    pieces.push(value)
    if (bytes <= maxBytes) continue
    const error = new RangeError(`more than ${maxBytes} bytes`)
    await reader.cancel(error).catch(() => undefined)
    throw error
  }
}

/** The bytes of an answer. @throws BeeError `nonsense` when they are of another type or more than `maxBytes` */
export async function readBinary(answer: BeeAnswer, maxBytes: number): Promise<Uint8Array> {
  await expectType(answer, 'octet-stream')
  return readWithin(answer, maxBytes)
}

/** The members of an answer's JSON object. @throws BeeError `nonsense` when it is none */
export async function readJson(answer: BeeAnswer): Promise<Members> {
  await expectType(answer, 'json')
  const text = new TextDecoder().decode(await readWithin(answer, maxJsonBytes))
  try {
    return createMembers(answer.what, JSON.parse(text))
  } catch (error) {
    throw error instanceof BeeError
      ? error
      : nonsense(answer.what, `no JSON came: ${JSON.stringify(text.slice(0, 60))}`)
  }
}

async function readWithin(answer: BeeAnswer, maxBytes: number): Promise<Uint8Array> {
  return readAtMost(answer.body, maxBytes).catch((error: unknown) => {
    throw error instanceof RangeError ? nonsense(answer.what, error.message) : error
  })
}

/** @throws BeeError `nonsense` unless the Content-Type's subtype is the one wanted, and nothing is compressed */
export async function expectType({ what, headers, body }: BeeAnswer, subtype: 'octet-stream' | 'json'): Promise<void> {
  const type = headers.get('content-type') ?? 'no content type'
  const coding = headers.get('content-encoding') ?? 'identity'
  const found = /^[\w.-]+\/([\w.+-]+)\s*(?:;|$)/.exec(type)?.[1]?.toLowerCase()
  if (found === subtype && coding === 'identity') return
  await body.cancel().catch(() => undefined)
  throw nonsense(what, `${coding === 'identity' ? type : `${coding}-coded ${type}`} instead of ${subtype}`)
}

/** An answer that cannot be one. */
export function nonsense(what: string, said: string): BeeError {
  return new BeeError('nonsense', `${what}: ${said}`)
}

/** Members of a JSON object, each read as what it must be. All throw BeeError `nonsense`. */
export type Members = {
  text(name: string): string
  flag(name: string): boolean
  /** A whole number, which may be negative. */
  integer(name: string): number
  /** A whole number of 64 bits, rounded where it is beyond 2^53. */
  rounded(name: string): number
  /** A whole number of any size, written as a string. */
  bigint(name: string): bigint
  /** 32 bytes in hex, as Bee writes them: without 0x. */
  hash(name: string): Hex
  objects(name: string): readonly Members[]
}

function createMembers(what: string, value: unknown): Members {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw nonsense(what, 'no JSON object came')
  const members = value as Readonly<Record<string, unknown>>
  const read = <Value>(name: string, isRight: (member: unknown) => member is Value): Value => {
    const member = members[name]
    if (isRight(member)) return member
    throw nonsense(what, `"${name}" is ${JSON.stringify(member)?.slice(0, 80)}`)
  }
  return {
    text: (name) => read(name, isText),
    flag: (name) => read(name, (member) => typeof member === 'boolean'),
    integer: (name) => read(name, isInteger),
    rounded: (name) => read(name, isRounded),
    bigint: (name) => BigInt(read(name, isDecimal)),
    hash: (name) => `0x${read(name, isHash).toLowerCase()}`,
    objects: (name) => read(name, (member) => Array.isArray(member)).map((member) => createMembers(what, member)),
  }
}

function isText(member: unknown): member is string {
  return typeof member === 'string'
}

function isInteger(member: unknown): member is number {
  return Number.isSafeInteger(member)
}

function isRounded(member: unknown): member is number {
  return Number.isInteger(member)
}

function isDecimal(member: unknown): member is string {
  return isText(member) && /^\d{1,78}$/.test(member)
}

function isHash(member: unknown): member is string {
  return isText(member) && member.length === 64 && isHex(`0x${member}`, { strict: true })
}
