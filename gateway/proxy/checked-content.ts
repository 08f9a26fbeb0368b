import { createHash, type Hash } from 'node:crypto'
import type { Log } from '../deps.ts'
import { unavailable } from '../errors.ts'
import { defaultLimits } from '../limits.ts'
import { algorithmOf, hexOf } from '../oci/digest.ts'
import { OciError } from '../oci/error.ts'
import { Refusal } from '../tags/refusal.ts'
import { type ContentKind, type ContentSource, SourceFailure, type WantedContent } from './reader.ts'
import type { ToldLies } from './told-lies.ts'

/** What somebody asks for and whom it can be asked. */
export type ContentQuestion = {
  kind: ContentKind
  wanted: WantedContent
  sources: readonly ContentSource[]
  lies: ToldLies
  log: Log
}

/** Content whose first bytes are there and whose end comes only when all of it was hashed. */
export type CheckedContent = { size: number; body: ReadableStream<Uint8Array> }

/** A blob's end waits until all of it was hashed; one that is no longer than this is whole before its first byte goes out. */
export const heldBackBytes = 1024 * 1024
const { maxManifestBytes } = defaultLimits

/** One content on its way, over however many sources. */
type Reading = {
  /** Null until somebody said it. */
  size: number | null
  hash: Hash
  received: number
  /** Hashed, and not sent yet. */
  held: Uint8Array[]
  heldBytes: number
  sent: number
  /** Whose bytes these are. */
  from: string[]
}

/**
 * Opens content at the first source whose bytes hold as far as they are looked at: all of them up to `heldBackBytes`, else the first.
 * A source that breaks off later is followed by the next one, where it stopped; bytes that turn out wrong at the end make the body
 * error, so that no wrong body ever ends well. @param skip bytes that are hashed and not given
 * @throws the first Refusal; OciError 404 where every source says that it has not what nothing verified names, else 503
 */
export async function openChecked(question: ContentQuestion, skip = 0): Promise<CheckedContent> {
  const reading = beginReading(question)
  const pieces = readFromSources(question, reading)
  const first = await pieces.next()
  return { size: reading.size ?? reading.received, body: streamOf(first, pieces, skip) }
}

/** All of a manifest, checked before anybody sees a byte. @throws as `openChecked` */
export async function readChecked(question: ContentQuestion): Promise<Uint8Array> {
  const pieces: Uint8Array[] = []
  for await (const piece of readFromSources(question, beginReading(question))) pieces.push(piece)
  return Buffer.concat(pieces)
}

/**
 * How long content is: what something verified says, and a source that has it; else what the source says. @throws as `openChecked`
 */
export async function measureContent(question: ContentQuestion): Promise<number> {
  const { kind, wanted, sources } = question
  const failures: Error[] = []
  for (const source of sources) {
    try {
      const size = await source.measure(kind, wanted)
      if (wanted.size === null || size === wanted.size) return size
      throw new Refusal('SizeMismatch', `${source.from} says ${size} bytes, ${wanted.digest} has ${wanted.size}`)
    } catch (error) {
      failures.push(failureOf(question, source, error))
    }
  }
  throw conclusionOf(question, failures)
}

function beginReading({ wanted }: ContentQuestion): Reading {
  const hash = createHash(algorithmOf(wanted.digest))
  return { size: wanted.size, hash, received: 0, held: [], heldBytes: 0, sent: 0, from: [] }
}

async function* readFromSources(question: ContentQuestion, reading: Reading): AsyncGenerator<Uint8Array> {
  const failures: Error[] = []
  for (const source of question.sources) {
    // What one source got wrong is not mixed with the next one's bytes, as long as nobody has seen any of it.
    if (reading.sent === 0) Object.assign(reading, beginReading(question))
    const told = question.lies.find(source.from)
    if (told) {
      failures.push(told)
      continue
    }
    try {
      yield* readRest(question, reading, source)
      return
    } catch (error) {
      const failure = failureOf(question, source, error)
      if (failure instanceof Refusal) noteLie(question, reading, source, failure)
      if (failure instanceof Refusal && reading.sent > 0) throw failure
      failures.push(failure)
    }
  }
  throw conclusionOf(question, failures)
}

/** Of several whose bytes went into one body, nobody knows who was wrong: those that broke off are left out, the last one is asked alone. */
function noteLie({ lies }: ContentQuestion, reading: Reading, source: ContentSource, refusal: Refusal): void {
  const others = reading.from.filter((from) => from !== source.from)
  for (const from of others.length > 0 ? others : [source.from]) lies.note(from, refusal)
}

async function* readRest(
  { kind, wanted }: ContentQuestion,
  reading: Reading,
  source: ContentSource,
): AsyncGenerator<Uint8Array> {
  const { body, most } = await openRest(kind, wanted, reading, source)
  reading.from.push(source.from)
  for await (const piece of body) {
    reading.received += piece.length
    if (reading.received > most) {
      throw new Refusal('SizeMismatch', `${source.from} sends more than the ${most} bytes of ${wanted.digest}`)
    }
    reading.hash.update(piece)
    reading.held.push(piece)
    reading.heldBytes += piece.length
    yield* release(reading, kind === 'blobs' ? heldBackBytes : maxManifestBytes)
  }
  checkEnd(wanted, reading, source)
  yield* release(reading, 0)
}

async function openRest(kind: ContentKind, wanted: WantedContent, reading: Reading, source: ContentSource) {
  const { size, body, close } = await source.open(kind, wanted, reading.received)
  try {
    reading.size ??= size
    if (size === null || size === reading.size) return { body, most: mostBytes(kind, reading, source) }
    throw new Refusal('SizeMismatch', `${source.from} announces ${size} bytes, ${wanted.digest} has ${reading.size}`)
  } catch (error) {
    close()
    throw error
  }
}

/** @throws SourceFailure for a blob of which nobody says how long it is: it could go on for ever */
function mostBytes(kind: ContentKind, { size }: Reading, { from }: ContentSource): number {
  if (kind === 'manifests') return Math.min(size ?? maxManifestBytes, maxManifestBytes)
  if (size === null) throw new SourceFailure(`${from} does not say how long the blob is`)
  return size
}

/** What was hashed, but for the last `kept` bytes. */
function* release(reading: Reading, kept: number): Generator<Uint8Array> {
  for (;;) {
    const [first] = reading.held
    if (first === undefined || reading.heldBytes - first.length < kept) return
    reading.held.shift()
    reading.heldBytes -= first.length
    reading.sent += first.length
    yield first
  }
}

function checkEnd({ digest }: WantedContent, { size, received, hash }: Reading, { from }: ContentSource): void {
  if (size !== null && received !== size) {
    throw new Refusal('SizeMismatch', `${from} sends ${received} bytes, ${digest} has ${size}`)
  }
  const actual = hash.digest('hex')
  if (actual === hexOf(digest)) return
  throw new Refusal('DigestMismatch', `${from} sends bytes of ${algorithmOf(digest)}:${actual} for ${digest}`)
}

/** What an error says of its source. @throws what is neither refusal nor silence */
function failureOf({ wanted, log }: ContentQuestion, source: ContentSource, error: unknown): Refusal | SourceFailure {
  if (!(error instanceof Refusal || error instanceof SourceFailure)) throw error
  if (error instanceof SourceFailure && error.isMissing) return error
  source.blame()
  const reason = error instanceof Refusal ? error.reason : 'GatewayUnavailable'
  log('source rejected', { from: source.from, digest: wanted.digest, reason, message: error.message })
  return error
}

/** A refusal says more than silence, and silence is no statement about content that something verified names (protocol 5). */
function conclusionOf({ kind, wanted }: ContentQuestion, failures: readonly Error[]): Error {
  const refusal = failures.find((failure) => failure instanceof Refusal)
  if (refusal) return refusal
  const { digest, isNamed } = wanted
  const said = failures.map(({ message }) => message).join('; ') || 'the chain names no gateway for this name'
  const isMissing =
    failures.length > 0 && failures.every((failure) => failure instanceof SourceFailure && failure.isMissing)
  if (!isMissing || isNamed) return unavailable(`${digest} cannot be had now: ${said}`)
  const code = kind === 'manifests' ? 'MANIFEST_UNKNOWN' : 'BLOB_UNKNOWN'
  return new OciError(code, `no gateway of this name has ${digest}: ${said}`, { detail: { digest } })
}

function streamOf(
  first: IteratorResult<Uint8Array>,
  pieces: AsyncGenerator<Uint8Array>,
  skip: number,
): ReadableStream<Uint8Array> {
  let known: IteratorResult<Uint8Array> | undefined = first
  let left = skip
  const next = async (): Promise<Uint8Array | undefined> => {
    for (;;) {
      const { done, value } = known ?? (await pieces.next())
      known = undefined
      if (done) return undefined
      const piece = value.subarray(Math.min(left, value.length))
      left -= value.length - piece.length
      if (piece.length > 0) return piece
    }
  }
  return new ReadableStream<Uint8Array>(
    {
      async pull(sink) {
        const piece = await next()
        if (piece) sink.enqueue(piece)
        else sink.close()
      },
      async cancel() {
        await pieces.return(undefined)
      },
    },
    { highWaterMark: 0 },
  )
}
