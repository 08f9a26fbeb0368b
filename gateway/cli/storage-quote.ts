import { stat } from 'node:fs/promises'
import { createFetchBee } from '../bee/fetch-bee.ts'
import { ConfigError, type Flag, readInteger, readUrls } from '../config.ts'
import type { Digest } from '../oci/digest.ts'
import { indexBytesAtMost } from '../swarm/content-index.ts'
import {
  costOfBatch,
  countChunks,
  createBucketCount,
  depthForFullest,
  estimateDepth,
  formatBzz,
  type PostagePrice,
} from '../swarm/postage.ts'
import { checkContent } from './client/content.ts'
import type { Reach } from './client/http.ts'
import { firstThatHolds, readWholeList, visibleEntries } from './client/read-list.ts'
import { openSession, parseSubject, wantsJson } from './client/session.ts'
import { failureOf, reportFailure } from './reading.ts'
import { referenceOfFile } from './storage-reference.ts'
import { exitCodes, type VerbContext } from './verb.ts'

/** What content takes of an empty postage batch. `exact`: from the addresses of its chunks, else from sizes. */
export type Space = { contents: number; size: number; chunks: number; depth: number; exact: boolean }

/** What a quote takes beside the flags of reading commands. */
export const quoteFlags: readonly Flag[] = [
  { name: 'bee', value: 'URL', help: 'a Bee node: quote asks it what postage costs now, reseed stores there' },
  { name: 'days', value: 'N', help: 'how long it is to be kept (default 90)' },
]

const DAY_SECONDS = 86_400
const DEFAULT_DAYS = 90
const MAX_DAYS = 36_500
/** An entry of the list as JSON with the longest tag, sha512 and the media types there are. */
const MAX_ENTRY_BYTES = 640

/** `mooring storage quote NAME | FILE...`: prints which batch its content needs, before anything is bought. */
export async function printQuote(context: VerbContext): Promise<number> {
  const subjects = context.positionals.slice(1)
  const days = readInteger(context.settings, 'days', 1, MAX_DAYS, DEFAULT_DAYS)
  const [beeUrl, ...others] = readUrls(context.settings, 'bee')
  if (others.length > 0) throw new ConfigError('--bee', others.join(' '), 'one URL')
  try {
    const space = await spaceOf(context, subjects)
    const price = beeUrl === undefined ? null : await createFetchBee({ beeUrl }).readPrice()
    context.print(wantsJson(context) ? renderJson(subjects, space, days, price) : describe(space, days, price))
    return exitCodes.done
  } catch (error) {
    return reportFailure(context, { subjects }, failureOf(error))
  }
}

async function spaceOf(context: VerbContext, subjects: readonly string[]): Promise<Space> {
  const [first] = subjects
  if (first === undefined) throw new ConfigError('NAME|FILE', null, 'an ENS name, or files')
  const areFiles = await Promise.all(subjects.map(isFile))
  if (areFiles.every((is) => is)) return spaceOfFiles(subjects)
  const missing = subjects.find((_, at) => !areFiles[at]) ?? first
  if (subjects.length > 1) throw new ConfigError('FILE', missing, 'a file that can be read')
  return spaceOfName({ ...context, positionals: [first] })
}

async function isFile(path: string): Promise<boolean> {
  return stat(path).then(
    (found) => found.isFile(),
    () => false,
  )
}

async function spaceOfFiles(files: readonly string[]): Promise<Space> {
  const buckets = createBucketCount()
  let size = 0
  for (const file of files) size += (await referenceOfFile(file, ({ address }) => buckets.add(address))).size
  const { chunks, fullest } = buckets
  return { contents: files.length, size, chunks, depth: depthForFullest(fullest), exact: true }
}

/** Everything that the present list names, and one copy of list and content index. Blobs are not read: manifests say their sizes. */
async function spaceOfName(context: VerbContext): Promise<Space> {
  const subject = parseSubject(context, 'NAME')
  const session = await openSession(context, subject)
  const list = await readWholeList(session, subject.repository)
  const sizes = new Map<Digest, number>()
  for (const [, entry] of visibleEntries(list)) {
    if (sizes.has(entry.digest)) continue
    const found = await firstThatHolds(session, (gateway) =>
      sizesBelow(`${gateway}/v2/${subject.repository}`, entry, session.onChain.reach),
    )
    for (const [digest, size] of found) sizes.set(digest, size)
  }
  const whole = [...sizes.values(), list.entries.size * MAX_ENTRY_BYTES, indexBytesAtMost(sizes.size)]
  const chunks = whole.map(countChunks).reduce((sum, count) => sum + count, 0)
  const size = whole.reduce((sum, bytes) => sum + bytes, 0)
  return { contents: sizes.size, size, chunks, depth: estimateDepth(chunks), exact: false }
}

async function sizesBelow(repositoryUrl: string, root: Parameters<typeof checkContent>[1], reach: Reach) {
  const found = new Map<Digest, number>()
  for await (const { expected, skipped } of checkContent(repositoryUrl, root, async () => {}, reach)) {
    if (!skipped) found.set(expected.digest, expected.size)
  }
  return found
}

/** Amounts of PLUR as text: they do not fit a JSON number. */
function renderJson(subjects: readonly string[], space: Space, days: number, price: PostagePrice | null): string {
  const cost = price && costOfBatch(space.depth, days * DAY_SECONDS, price)
  return JSON.stringify({
    ...{ ok: true, subjects, ...space, days },
    plurPerChunkAndBlock: price && `${price.plurPerChunkAndBlock}`,
    plurPerChunk: cost && `${cost.plurPerChunk}`,
    plur: cost && `${cost.plur}`,
    bzz: cost && formatBzz(cost.plur),
  })
}

function describe(space: Space, days: number, price: PostagePrice | null): string {
  const { contents, size, chunks, depth, exact } = space
  const how = exact ? 'from the addresses of the chunks' : 'estimated from sizes'
  const lines = [
    `content  ${contents}, ${size} bytes in ${chunks} chunks`,
    `depth    ${depth}, ${how}, for an empty batch`,
  ]
  if (price === null) return [...lines, 'cost     unknown: --bee URL asks a node for the price'].join('\n')
  const { plurPerChunk, plur } = costOfBatch(depth, days * DAY_SECONDS, price)
  const amount = `amount ${plurPerChunk} per chunk at ${price.plurPerChunkAndBlock} PLUR per block`
  return [...lines, `cost     ${formatBzz(plur)} BZZ for ${days} days (${amount})`].join('\n')
}
