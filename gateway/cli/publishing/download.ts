import { createHash } from 'node:crypto'
import { type FileHandle, open } from 'node:fs/promises'
import { algorithmOf, hexOf } from '../../oci/digest.ts'
import type { Descriptor } from '../../oci/manifest.ts'
import { Refusal } from '../../tags/refusal.ts'
import { GatewayUnavailable } from '../client/ccip.ts'
import { HttpFailure, openAnswer, type Reach } from '../client/http.ts'
import { bodyPatience, withPatience } from '../client/patience.ts'

/** A blob at a gateway: what it must be, where it is, and where requests to it may lead. */
export type BlobSource = Pick<Descriptor, 'digest' | 'size'> & { url: string; reach: Reach }

const timeoutMs = 10 * 60 * 1000
/** Breaks one after another that brought next to nothing. */
const MAX_FAILURES = 3
const LEAST_GAIN_BYTES = 1024 * 1024

type Part = { file: FileHandle; hash: ReturnType<typeof createHash>; received: number }

/**
 * Reads a blob into a new file, hashed as it comes; where the connection breaks or is too slow it goes on from there. The file is good when
 * this resolves, and else nobody's. @throws Refusal SizeMismatch, DigestMismatch; GatewayUnavailable, HttpFailure
 */
export async function download(source: BlobSource, path: string): Promise<void> {
  const { digest, url } = source
  const part: Part = { file: await open(path, 'wx', 0o600), hash: createHash(algorithmOf(digest)), received: 0 }
  try {
    for (let failures = 1; ; ) {
      const before = part.received
      const broken = await readOn(source, part)
      if (broken === null) break
      failures = part.received - before >= LEAST_GAIN_BYTES ? 1 : failures + 1
      if (failures > MAX_FAILURES) throw broken
    }
  } finally {
    await part.file.close()
  }
  const actual = part.hash.digest('hex')
  if (actual === hexOf(digest)) return
  throw new Refusal('DigestMismatch', `${url} sends bytes of digest ${algorithmOf(digest)}:${actual}`)
}

/** Null when all has come; else what broke it off. @throws what no second try helps against */
async function readOn(source: BlobSource, part: Part): Promise<HttpFailure | null> {
  const { digest, size, url } = source
  try {
    for await (const piece of withPatience(url, await openFrom(source, part), bodyPatience)) {
      part.received += piece.length
      if (part.received > size)
        throw new Refusal('SizeMismatch', `${url} sends more than the ${size} bytes of ${digest}`)
      part.hash.update(piece)
      await part.file.writeFile(piece)
    }
  } catch (error) {
    // It may break behind the last byte.
    if (error instanceof HttpFailure) return part.received === size ? null : error
    throw error
  }
  if (part.received === size) return null
  throw new Refusal('SizeMismatch', `${url} sends ${part.received} bytes, ${digest} has ${size}`)
}

/** The bytes from where the part ends. @throws GatewayUnavailable, HttpFailure */
async function openFrom({ url, reach, size }: BlobSource, { received }: Part): Promise<AsyncGenerator<Uint8Array>> {
  const isWhole = received === 0
  const headers = { accept: '*/*', ...(!isWhole && { range: `bytes=${received}-` }) }
  const { status, headers: shown, body, close } = await openAnswer({ url, reach, headers, timeoutMs })
  const range = `bytes ${received}-${size - 1}/${size}`
  if (isWhole ? status === 200 : status === 206 && shown.get('content-range') === range) return body
  close()
  throw new GatewayUnavailable(
    `${url} answers ${status}${isWhole ? '' : ` to a request for the rest from byte ${received}`}`,
  )
}
