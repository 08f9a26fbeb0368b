import { createHash } from 'node:crypto'
import type { Deps } from './deps.ts'
import { algorithmOf, type Digest } from './oci/digest.ts'
import { readManifest } from './oci/manifest.ts'
import { pagesOf } from './reachable.ts'
import type { RepositoryKey, StoredManifest } from './store/catalog.ts'
import type { HistoryRecord, ListLine } from './store/tag-list-store.ts'
import { hashList, type SignedList, ZERO_HASH } from './tags/list.ts'
import { MAX_SIGNATURE_BYTES, MAX_SIGNATURES } from './tags/signature.ts'
import { rootOfProof, type Slot } from './tags/tree.ts'
import { verifyWholeList } from './tags/verify.ts'

/** Something in the stores that cannot be right. */
export type Problem = {
  kind: 'content' | 'blob' | 'manifest' | 'upload' | 'list' | 'database'
  /** The digest, name or id it is about. */
  about: string
  problem: string
}

/** What is checked. `checkDatabase` is the database's own check of itself: one line per fault. */
export type CheckedStores = Pick<Deps, 'content' | 'catalog' | 'lists' | 'limits' | 'pause'> & {
  checkDatabase: () => Promise<readonly string[]>
}

const pageRows = 500

/**
 * Looks at everything that is stored: re-hashes all content, finds the bytes of every row and the rows of every part, rebuilds every
 * list from its slots, and follows every version back to the first. Changes nothing. Content that no repository shows is no problem:
 * it is the collector's.
 */
export async function* checkStores(stores: CheckedStores): AsyncGenerator<Problem> {
  for (const problem of await stores.checkDatabase()) yield { kind: 'database', about: 'database', problem }
  yield* untilBroken('content', 'content', checkContent(stores))
  yield* untilBroken('database', 'repositories', checkRepositories(stores))
  yield* untilBroken('upload', 'uploads', checkUploads(stores))
  for (const { line, head } of await stores.lists.listLines()) {
    const about = `${line.ensName}, owner ${line.owner}, epoch ${line.epoch}`
    yield* untilBroken('list', about, checkLine(stores, line, head, about))
  }
}

/** A check that cannot go on is itself a problem; the other checks go on. */
async function* untilBroken(
  kind: Problem['kind'],
  about: string,
  check: AsyncGenerator<Problem>,
): AsyncGenerator<Problem> {
  try {
    yield* check
  } catch (error) {
    yield { kind, about, problem: messageOf(error) }
  }
}

async function* checkContent({ content, pause }: CheckedStores): AsyncGenerator<Problem> {
  for await (const page of pagesOf((after) => content.list(after, pageRows))) {
    for (const { digest } of page) {
      const problem = await hashProblem(content, digest).catch(messageOf)
      if (problem) yield { kind: 'content', about: digest, problem }
      await pause()
    }
  }
}

async function hashProblem(content: Deps['content'], digest: Digest): Promise<string | undefined> {
  const hash = createHash(algorithmOf(digest))
  const stream = await content.read(digest)
  if (!stream) return 'it is listed and cannot be read'
  const reader = stream.getReader()
  for (let chunk = await reader.read(); !chunk.done; chunk = await reader.read()) hash.update(chunk.value)
  const actual = `${algorithmOf(digest)}:${hash.digest('hex')}`
  return actual === digest ? undefined : `its bytes have digest ${actual}`
}

async function* checkRepositories(stores: CheckedStores): AsyncGenerator<Problem> {
  const { catalog } = stores
  for (let after: RepositoryKey | null = null; ; ) {
    const repositories: readonly RepositoryKey[] = await catalog.listRepositories(after, pageRows)
    for (const repository of repositories) yield* checkRows(stores, repository)
    after = repositories.at(-1) ?? null
    if (after === null) return
  }
}

async function* checkRows(stores: CheckedStores, repository: RepositoryKey): AsyncGenerator<Problem> {
  const { catalog, pause } = stores
  const about = (digest: Digest) => `${repository.ensName} ${digest}`
  for await (const page of pagesOf((after) => catalog.listBlobs(repository, after, pageRows))) {
    for (const { digest, size } of page) {
      const problem = await sizeProblem(stores, digest, size)
      if (problem) yield { kind: 'blob', about: about(digest), problem }
    }
    await pause()
  }
  for await (const page of pagesOf((after) => catalog.listManifests(repository, after, pageRows))) {
    for (const manifest of page) {
      const problem = await manifestProblem(stores, manifest).catch(messageOf)
      if (problem) yield { kind: 'manifest', about: about(manifest.digest), problem }
    }
    await pause()
  }
}

async function sizeProblem({ content }: CheckedStores, digest: Digest, size: number): Promise<string | undefined> {
  const stored = await content.stat(digest)
  if (stored === undefined) return 'the catalog shows it and its bytes are gone'
  return stored === size ? undefined : `the catalog says ${size} bytes, ${stored} are stored`
}

async function manifestProblem(stores: CheckedStores, row: StoredManifest): Promise<string | undefined> {
  const problem = await sizeProblem(stores, row.digest, row.size)
  if (problem) return problem
  const bytes = new Uint8Array(await new Response(await stores.content.read(row.digest)).arrayBuffer())
  const { mediaType, subject } = await readManifest(bytes, row.mediaType, stores.limits)
  const isAgreed = mediaType === row.mediaType && (subject?.digest ?? null) === row.subject
  return isAgreed ? undefined : 'the catalog says another type or subject than the manifest itself'
}

async function* checkUploads({ catalog, content }: CheckedStores): AsyncGenerator<Problem> {
  const stored = new Map((await content.listParts()).map((part) => [`${part.uploadId} ${part.partId}`, part.size]))
  for (const { uploadId, partId, size, sha256 } of await catalog.listParts()) {
    const key = `${uploadId} ${partId}`
    const found = stored.get(key)
    stored.delete(key)
    // A crash between making the blob visible and ending the upload leaves the part as the blob itself.
    const isBlobNow = found === undefined && (await content.stat(sha256)) === size
    if (found === size || isBlobNow) continue
    yield { kind: 'upload', about: uploadId, problem: `part ${partId} has ${found ?? 'no'} bytes of ${size}` }
  }
  for (const key of stored.keys()) yield { kind: 'upload', about: key, problem: 'a part of no upload' }
  for (const { digest } of await catalog.listRemovals()) {
    yield { kind: 'content', about: digest, problem: 'its removal began and did not end' }
  }
}

async function* checkLine(
  stores: CheckedStores,
  line: ListLine,
  head: SignedList,
  about: string,
): AsyncGenerator<Problem> {
  const slots = await readAllSlots(stores, line, head)
  const building = verifyWholeList(head.list, slots)
  while (!building.next().done) await stores.pause()
  for (let from = 0; from < slots.length; from += pageRows) {
    const keys = slots.slice(from, from + pageRows).map(({ key }) => key)
    const proven = await stores.lists.prove(line, keys)
    const wrong = proven?.proofs.find((proof) => rootOfProof(proof) !== head.list.root)
    if (wrong) yield { kind: 'list', about, problem: `the proof of key ${wrong.key} leads to another root` }
    await stores.pause()
  }
  for await (const problem of checkVersions(stores, line, head)) yield { kind: 'list', about, problem }
}

async function readAllSlots({ lists, pause }: CheckedStores, line: ListLine, head: SignedList): Promise<Slot[]> {
  const slots: Slot[] = []
  for (;;) {
    const page = await lists.readSlots(line, head.hash, slots.length, pageRows)
    if (!page || page.length === 0) return slots
    slots.push(...page)
    await pause()
  }
}

/** From the current version to the first, each the one that the version after it names. */
async function* checkVersions(
  { lists, pause }: CheckedStores,
  line: ListLine,
  head: SignedList,
): AsyncGenerator<string> {
  let wanted: Pick<SignedList, 'hash'> & { version: bigint } = { hash: head.hash, version: head.list.version }
  let oldest: HistoryRecord | undefined
  for (let before: SignedList['hash'] | null = null; wanted.hash !== ZERO_HASH; ) {
    const page = await lists.history(line, before, pageRows)
    if (page.length === 0 && oldest !== undefined && (await isBeginning(lists, line, oldest))) return
    if (page.length === 0) return yield `version ${wanted.version}, which the one after it names, is missing`
    for (const record of page) {
      oldest = record
      yield* versionProblems(line, record, wanted)
      for (let from = 0; from < record.changeCount; from += pageRows) {
        await lists.readChanges(line, record.hash, from, pageRows)
      }
      wanted = { hash: record.list.previous, version: record.list.version - 1n }
    }
    before = page.at(-1)?.hash ?? null
    await pause()
  }
  if (wanted.version !== 0n) yield `the first version is ${wanted.version + 1n}, not 1`
}

/** A line that was begun with a later version (a recovered one): that version adds every entry it has. */
async function isBeginning(lists: CheckedStores['lists'], line: ListLine, oldest: HistoryRecord): Promise<boolean> {
  if (BigInt(oldest.changeCount) !== oldest.list.count - 1n) return false
  for (let from = 0; from < oldest.changeCount; from += pageRows) {
    const changes = await lists.readChanges(line, oldest.hash, from, pageRows)
    if (changes.some(({ before }) => before !== null)) return false
  }
  return true
}

function* versionProblems(
  line: ListLine,
  signed: SignedList,
  wanted: { hash: string; version: bigint },
): Generator<string> {
  const { list, hash, signatures } = signed
  const name = `version ${list.version}`
  if (hash !== wanted.hash || list.version !== wanted.version) yield `${name} is not the one that the next one names`
  if (hashList(line, list) !== hash) yield `${name} does not have the hash it is stored under`
  const isAscending = signatures.every(({ signer }, at) => at === 0 || signer > signatures[at - 1]!.signer)
  const isFormed = signatures.every(({ signature }) => /^0x(?:[0-9a-f]{2})+$/.test(signature))
  const isShort = signatures.every(({ signature }) => signature.length <= 2 + 2 * MAX_SIGNATURE_BYTES)
  if (!isAscending || !isFormed || !isShort || signatures.length > MAX_SIGNATURES) {
    yield `${name} has signatures of another form than protocol 2.3 wants`
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
