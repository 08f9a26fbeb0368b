import type { SwarmReader } from '../bee/swarm-reader.ts'
import type { Digest } from '../oci/digest.ts'
import { type ByteRange, type ContentStore, ContentUnavailable, DigestMismatch } from './content-store.ts'
import { type Download, followDownload, startDownload } from './swarm-download.ts'
import type { SizedContent, SwarmLedger, SwarmRecord } from './swarm-ledger.ts'

/** Where what is not here comes from. `noteKept`: content is here now, and its reference is to be proven when there is time. */
export type SwarmSource = {
  reader: SwarmReader
  ledger: SwarmLedger
  clock: () => bigint
  noteKept: (content: SizedContent) => void
  /**
   * False where each client reads for itself, since in a Worker what one request reads ends with it, and others that waited for it would
   * wait for ever. True when absent: one reading for all.
   */
  sharesReading?: boolean
}

/** Content up to this size goes out only after all of it was verified. */
const maxBufferedBytes = 4 * 1024 * 1024
/** Seconds for which nobody tries again to get what just could not be had. */
const rememberedFailureSeconds = 5

type Known = { row: SwarmRecord; swarmReference: `0x${string}` }

/**
 * A content store that gets what it does not have from Swarm: read once for however many clients, hashed, kept locally. Nothing goes out
 * that was not checked: small content is whole and verified before its first byte; larger content is streamed while it is hashed, its last
 * 64 KiB after its digest held, and read again in windows that fit its reference when it did not; a range comes from such windows where
 * the reference is proven to be the digest's, else from the whole. What is known to be on Swarm and cannot be had @throws ContentUnavailable.
 */
export function createSwarmContent(local: ContentStore, source: SwarmSource): ContentStore {
  const { reader, ledger } = source
  const openDownload = createDownloads(local, source)
  const find = async (digest: Digest): Promise<Known | undefined> => {
    const row = await ledger.find(digest)
    const isThere = row && (!row.isProven || row.state === 'uploaded' || row.state === 'verified')
    return isThere && row.swarmReference !== null ? { row, swarmReference: row.swarmReference } : undefined
  }
  const readWhole = async ({ row, swarmReference }: Known): Promise<ReadableStream<Uint8Array>> => {
    const { digest, size } = row
    const download = openDownload({ row, swarmReference })
    const leave = download.enter()
    const isSmall = size <= maxBufferedBytes
    const tap = isSmall ? undefined : download.tap()
    try {
      await (isSmall ? download.done : download.begun)
      return followDownload(download, tap, leave, (first) => readHere(local, digest, first, size))
    } catch (error) {
      leave()
      throw error
    }
  }
  const readRange = async (known: Known, range: ByteRange): Promise<ReadableStream<Uint8Array>> => {
    const { row, swarmReference } = known
    if (row.isProven) {
      return reader.read({ swarmReference, size: row.size }, { range }).catch((error: unknown) => {
        throw unavailable(row.digest, swarmReference, error)
      })
    }
    await drain(await readWhole(known))
    return (await local.read(row.digest, range)) ?? gone(row.digest)
  }
  return {
    ...local,
    stat: async (digest) => (await local.stat(digest)) ?? (await find(digest))?.row.size,
    async read(digest, range) {
      const here = await local.read(digest, range)
      const known = here ? undefined : await find(digest)
      if (!known) return here
      return range ? readRange(known, range) : readWhole(known)
    },
  }
}

/** One download of each content at a time. What comes back @throws for some seconds what went wrong the last time. */
function createDownloads(
  local: ContentStore,
  { reader, ledger, clock, noteKept, sharesReading = true }: SwarmSource,
): (known: Known) => Download {
  const downloads = new Map<Digest, Download>()
  const failures = new Map<Digest, { until: number; error: Error }>()
  const now = () => Number(clock())
  const noteFailure = (digest: Digest, error: Error) => {
    for (const [known, { until }] of failures) if (until <= now()) failures.delete(known)
    failures.set(digest, { until: now() + rememberedFailureSeconds, error })
  }
  const start = ({ row: { digest, size }, swarmReference }: Known): Download =>
    startDownload(digest, size, async ({ begin, offer, spoil, signal }) => {
      const content = { swarmReference, size }
      const keepVerified = async () => {
        const body = await reader.read(content, { signal })
        begin()
        await keep(local, digest, size, body)
        await ledger.recordReference(digest, size, swarmReference)
      }
      const keepQuickly = async () => {
        const body = await reader.readUnverified(content, { signal })
        begin()
        await keep(local, digest, size, observed(body, offer))
        noteKept({ digest, size })
      }
      try {
        if (size <= maxBufferedBytes) return await keepVerified()
        await keepQuickly().catch((error: unknown) => {
          if (!(error instanceof DigestMismatch)) throw error
          spoil()
          return keepVerified()
        })
      } catch (cause) {
        if (signal.aborted) throw cause
        const error = unavailable(digest, swarmReference, cause)
        noteFailure(digest, error)
        throw error
      }
    })
  return (known) => {
    const { digest } = known.row
    const failure = failures.get(digest)
    if (failure && failure.until > now()) throw failure.error
    const underWay = sharesReading ? downloads.get(digest) : undefined
    if (underWay && !underWay.isOver()) return underWay
    const download = start(known)
    downloads.set(digest, download)
    const forget = () => downloads.get(digest) === download && downloads.delete(digest)
    download.done.then(forget, forget)
    return download
  }
}

function unavailable(digest: Digest, swarmReference: string, error: unknown): ContentUnavailable {
  const said = error instanceof Error ? error.message : String(error)
  const why =
    error instanceof DigestMismatch ? `the reference ${swarmReference} that was told leads to other content` : said
  return new ContentUnavailable(`${digest} cannot be had from Swarm right now: ${why}`, { cause: error })
}

/** Stores a body durably under its digest. @throws DigestMismatch, PartTooLarge, and what the body throws: nothing was stored */
async function keep(
  local: ContentStore,
  digest: Digest,
  size: number,
  body: ReadableStream<Uint8Array>,
): Promise<void> {
  const uploadId = crypto.randomUUID().replaceAll('-', '')
  try {
    const part = await local.writePart(uploadId, body, size)
    await local.assemble(uploadId, [part], digest)
  } finally {
    await local.dropUpload(uploadId)
  }
}

function observed(body: ReadableStream<Uint8Array>, see: (piece: Uint8Array) => void): ReadableStream<Uint8Array> {
  return body.pipeThrough(
    new TransformStream<Uint8Array, Uint8Array>({
      transform(piece, sink) {
        see(piece)
        sink.enqueue(piece)
      },
    }),
  )
}

async function readHere(local: ContentStore, digest: Digest, first: number, size: number) {
  const range = first === 0 ? undefined : { first, last: size - 1 }
  return (await local.read(digest, range)) ?? gone(digest)
}

function gone(digest: Digest): never {
  throw new ContentUnavailable(`${digest} was taken away while it was read`)
}

async function drain(body: ReadableStream<Uint8Array>): Promise<void> {
  await body.pipeTo(new WritableStream())
}
