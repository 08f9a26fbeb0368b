import { type Bee, BeeError } from './bee/bee.ts'
import type { SwarmReader } from './bee/swarm-reader.ts'
import type { Deps } from './deps.ts'
import type { Postage } from './postage.ts'
import type { Signer } from './signer.ts'
import type { Announcement, AnnouncementStore } from './store/swarm-announcements.ts'
import type { ListLine } from './store/tag-list-store.ts'
import type { SwarmHash } from './swarm/hash.ts'
import {
  type Destination,
  type EncodedIndex,
  encodeIndex,
  isAnnounced,
  referencesOf,
  storeVersion,
} from './swarm-announce.ts'
import { hasUpdate, pointFeed } from './swarm-feed.ts'
import { gatherIndexRows, type IndexDeps } from './swarm-index.ts'
import { backoffSeconds, isOfNode, readBack, VERIFY_AFTER_SECONDS } from './swarm-upload.ts'
import type { NameAuthority } from './tags/authority.ts'
import { type SignedList, ZERO_HASH } from './tags/list.ts'
import { withValidSignatures } from './valid-signatures.ts'

/** What lists are announced with. `content` are this gateway's own bytes, `reader` is over `bees`. */
export type AnnouncerDeps = IndexDeps &
  Pick<Deps, 'chain' | 'lists' | 'signer' | 'clock' | 'log'> & {
    announcements: AnnouncementStore
    hash: SwarmHash
    bees: readonly Bee[]
    reader: SwarmReader
    postage: Pick<Postage, 'choose' | 'forget' | 'remainingSeconds'>
  }

/** A name that something is to be done for. Nothing is lost with it: the next start derives it again. */
export type Task = {
  ensName: string
  /** Unix seconds at which its list, or what its repository has, changed last; null when only its list is to be looked at. */
  changedAt: number | null
  /** Unix seconds. */
  nextTryAt: number
  failures: number
  /** Whether `nextTryAt` stands, too, when the name is noted. */
  backsOff: boolean
  /** What the last failure said. */
  error: string | null
  /** Whether it is not going to go on by itself. */
  needsPerson: boolean
  /** Least number of contents that were waited for, and since when (unix seconds). */
  patience: { least: number; since: number } | null
}

/** What a step that went well changes in its task, and how long the next one is to wait. */
export type Step = { changes: Partial<Task>; waitSeconds: number }

/** Failed readings after which all of it is put on Swarm once more. */
const maxFailedReadings = 5
/** A list is not announced before its content is on Swarm, unless that makes no progress for so long. */
const patienceSeconds = 600
/** Pushes of one image come one after another; where no list changes with them, the index waits for the last. */
const quietSeconds = 30
/** A batch's time shrinks when the price rises. */
const mostWatchSeconds = 86_400

/** A name's list as it is to be announced now. `last`: what was announced last. */
type Subject = {
  line: ListLine
  node: NameAuthority['node']
  signed: SignedList
  signer: Signer | null
  last: Announcement | undefined
}

/**
 * Does what is next for a name: puts its current list on Swarm, lets the feed point to it, reads both back. Null when nothing is left.
 * @throws ListMoved, FeedAhead, BeeError, ChainUnavailable, and Error saying why it does not go on
 */
export async function stepOf(deps: AnnouncerDeps, task: Task, signal: AbortSignal): Promise<Step | null> {
  const subject = await openSubject(deps, task.ensName)
  if (!subject) return null
  const { last, signed, signer } = subject
  const isKnown = isAnnounced(last, signed) && !isOver(deps, last)
  if (isKnown && signer && last.position === null) return announce(deps, task, subject, null, signal)
  const { rows, waiting } = await gatherIndexRows(deps, subject.line)
  const index = encodeIndex(deps.hash, rows)
  const now = Number(deps.clock())
  if (isKnown && !isIndexNew(task, last, index)) return verify(deps, task, subject, last, signal)
  if (isKnown && task.changedAt !== null && now < task.changedAt + quietSeconds) {
    return { changes: {}, waitSeconds: task.changedAt + quietSeconds - now }
  }
  const patience = task.patience && waiting >= task.patience.least ? task.patience : { least: waiting, since: now }
  if (waiting > 0 && now < patience.since + patienceSeconds) return { changes: { patience }, waitSeconds: 0 }
  return announce(deps, task, subject, index, signal)
}

/** Whether the batch that paid for an announcement has ended: all of it, and the feed's updates, may be gone. */
function isOver({ postage }: AnnouncerDeps, { postageBatchId }: Announcement): boolean {
  return postageBatchId !== null && postage.remainingSeconds(postageBatchId) === 0
}

/**
 * An index that only lost content is not worth an update: what it says is on Swarm still is, and perhaps it is this gateway that has yet to
 * get it back.
 */
function isIndexNew({ changedAt }: Task, last: Announcement, { reference, rows }: EncodedIndex): boolean {
  return reference !== last.indexReference && (changedAt !== null || rows > last.indexRows)
}

/** Undefined for a name without a list of its present owner and epoch. */
async function openSubject(deps: AnnouncerDeps, ensName: string): Promise<Subject | undefined> {
  const authority = await deps.chain.readAuthority(ensName)
  const { owner, epoch, reachable, node } = authority
  if (!owner || !reachable) return undefined
  const line = { ...deps.chain.domain, ensName, owner, epoch }
  const head = await deps.lists.findHead(line)
  if (!head) return undefined
  const signer = await feedSignerOf(deps, authority)
  const signed = await withValidSignatures(authority, head)
  return { line, node, signed, signer, last: await deps.announcements.find(ensName, signer?.address ?? null) }
}

/** The gateway's key where it is a publisher's of the name, and so owns a feed that readers look at (protocol 6); else null. */
export async function feedSignerOf(
  { signer }: Pick<Deps, 'signer'>,
  { policy, isRevoked }: NameAuthority,
): Promise<Signer | null> {
  if (!signer || !policy.publishers.includes(signer.address)) return null
  return (await isRevoked(signer.address)) ? null : signer
}

/** Puts on Swarm what `index` is given for, and lets the feed point to it: at the first node that does it. */
async function announce(
  deps: AnnouncerDeps,
  task: Task,
  subject: Subject,
  index: EncodedIndex | null,
  signal: AbortSignal,
): Promise<Step> {
  const errors: Error[] = []
  let { last } = subject
  let toStore = index
  for (const bee of deps.bees) {
    try {
      const to = { bee, postageBatchId: await deps.postage.choose(bee, signal), signal }
      if (toStore) last = await store(deps, to, subject, toStore, last)
      toStore = null
      if (last) await point(deps, to, subject, last)
      const changedAt = index ? null : task.changedAt
      return {
        changes: { changedAt, failures: 0, error: null, needsPerson: false, patience: null },
        waitSeconds: VERIFY_AFTER_SECONDS,
      }
    } catch (error) {
      if (signal.aborted || !isOfNode(error)) throw error
      if (error instanceof BeeError && /^batch/.test(error.fault)) deps.postage.forget(bee)
      errors.push(error)
    }
  }
  throw failureOf(errors, toStore ? undefined : last)
}

/** What the nodes said, and how the list is found all the same when it is there and only the feed is not. */
function failureOf(errors: readonly Error[], stored: Announcement | undefined): Error {
  const said = errors.map(({ message }) => message).join('; ')
  const how = stored && `mooring recover ${stored.ensName} --list ${stored.payloadReference} finds the list without it`
  const message = how ? `the feed was not written: ${said}; ${how}` : said
  const areFinal = errors.every((error) => error instanceof BeeError && error.fault === 'refused')
  return areFinal ? new BeeError('refused', message) : new Error(message)
}

async function store(
  deps: AnnouncerDeps,
  to: Destination,
  { line, signed, signer, last: before }: Subject,
  index: EncodedIndex,
  last: Announcement | undefined,
): Promise<Announcement> {
  const stored = await storeVersion(deps, to, { line, signed }, index, last)
  // A feed whose batch ended is looked at from its beginning.
  const feedEnd = before && !isOver(deps, before) ? before.feedEnd : null
  const announcement = { ...stored, feedOwner: signer?.address ?? null, feedEnd }
  await deps.announcements.record(announcement)
  const feed = signer ? signer.address : `none: this gateway holds no publisher's key of ${line.ensName}`
  const { version, listHash, payloadReference } = announcement
  const fields = { name: line.ensName, version: Number(version), listHash, payloadReference, feed }
  deps.log('a list is on Swarm', fields)
  return announcement
}

async function point(
  deps: AnnouncerDeps,
  to: Destination,
  { line, node, signer }: Subject,
  stored: Announcement,
): Promise<void> {
  if (!signer) return
  const pointed = await pointFeed(deps, to, { line, node, signer }, stored)
  await deps.announcements.record(pointed)
  const { version, position, payloadReference } = pointed
  const fields = { name: line.ensName, version: Number(version), payloadReference, feed: signer.address, position }
  deps.log('a feed points to the list', fields)
}

/** Reads everything back once; what no node gives back time and again is put there anew. */
async function verify(
  deps: AnnouncerDeps,
  task: Task,
  subject: Subject,
  last: Announcement,
  signal: AbortSignal,
): Promise<Step | null> {
  if (last.isVerified) return watchBatch(deps, last)
  const { node, signer } = subject
  const { position } = last
  if (signer && position !== null) {
    const seen = await hasUpdate(deps, { owner: signer.address, node }, { ...last, position })
    if (seen !== 'there') return pointAgain(deps, task, subject, seen, signal)
  }
  for (const reference of referencesOf(last)) {
    const errors = await readBack(deps, reference, signal)
    if (errors === null) continue
    const again = { ...last, signaturesHash: ZERO_HASH, postageBatchId: null, position: null }
    if (task.failures + 1 >= maxFailedReadings) await deps.announcements.record(again)
    throw new Error(errors)
  }
  await deps.announcements.record({ ...last, isVerified: true, feedEnd: position ?? last.feedEnd })
  return watchBatch(deps, last)
}

/** What was announced stays looked at for as long as its batch is paid: when that ends it is announced anew. */
function watchBatch({ postage }: AnnouncerDeps, { postageBatchId }: Announcement): Step | null {
  if (postageBatchId === null) return null
  const remainingSeconds = postage.remainingSeconds(postageBatchId) ?? 0
  const waitSeconds = Math.min(Math.max(remainingSeconds, VERIFY_AFTER_SECONDS), mostWatchSeconds)
  return { changes: { changedAt: null, failures: 0, error: null, needsPerson: false, patience: null }, waitSeconds }
}

/** The update was not written for good, or another one was there before it. */
async function pointAgain(
  deps: AnnouncerDeps,
  task: Task,
  subject: Subject,
  seen: 'absent' | 'another',
  signal: AbortSignal,
): Promise<Step> {
  const step = await announce(deps, task, subject, null, signal)
  if (seen === 'another') return step
  const failures = task.failures + 1
  const error = `no node gave update ${subject.last?.position} of the feed of ${subject.signer?.address} back: it was written again`
  return {
    changes: { ...step.changes, failures, error },
    waitSeconds: Math.max(VERIFY_AFTER_SECONDS, backoffSeconds(failures)),
  }
}
