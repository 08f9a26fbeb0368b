import { visible } from '../../oci/visible.ts'
import { isTombstone } from '../../tags/entry.ts'
import { type SignedList, ZERO_HASH } from '../../tags/list.ts'
import { Refusal } from '../../tags/refusal.ts'
import { verifyPublication } from '../../tags/verify.ts'
import { GatewayUnavailable } from '../client/ccip.ts'
import { BodyTooLarge, HttpFailure } from '../client/http.ts'
import type { Session } from '../client/session.ts'
import { RegistryRefused } from '../push/registry-answer.ts'
import { type PublishingPlace, readBase } from './base.ts'
import type { ContentCopy } from './copy-content.ts'
import type { Draft } from './draft.ts'
import { publishingFailureOf } from './failure.ts'
import { readHead } from './head.ts'
import type { Lineage } from './lineage.ts'
import { readMissingTags } from './missing-tags.ts'
import { shownUrl } from './places.ts'
import { sendDraft } from './send.ts'
import { sendTimestamp } from './stamp.ts'

/** How a gateway stands to a list that was to reach it. */
export type Carried = {
  url: string
  /**
   * `published`: it took the list now, and shows it. `current`: it had it. `newer`: it has a newer one, which holds. `unconfirmed`: it
   * said that it took it, and shows another. `refused`: it said no. `unavailable`: it did not answer.
   */
  status: 'published' | 'current' | 'newer' | 'unconfirmed' | 'refused' | 'unavailable'
  /** Of the list that it shows now; null for none, and where it did not say. */
  version: number | null
  /** Contents that were sent to it. */
  sent: number
  /** Tags whose content it was not seen to have though it should; null where nobody looked. */
  missing: number | null
  /** Why it has not all of it: an error name, or null. */
  error: string | null
}

/** What is brought beside the list. */
export type Luggage = {
  /** Null: no content. */
  content: ContentCopy | null
  say(line: string): void
  warn(line: string): void
}

/**
 * Brings a gateway to a list that another one has: each version that it lacks, as it was signed, nothing signed anew; the content of what
 * they change first, so that no tag names what is not there, then the list, then what else it says that it lacks, then the timestamp.
 * Nothing that it says or does is thrown: the list is published elsewhere already.
 */
export async function carryList(
  session: Session,
  to: PublishingPlace,
  lineage: Lineage,
  luggage: Luggage,
): Promise<Carried> {
  const carried: Carried = {
    url: shownUrl(to),
    status: 'unavailable',
    version: null,
    sent: 0,
    missing: null,
    error: null,
  }
  try {
    await bring(session, to, lineage, luggage, carried)
  } catch (error) {
    if (carried.status === 'unavailable' && !isDown(error)) carried.status = 'refused'
    tell(carried, error, luggage)
  }
  carried.sent = luggage.content?.sent() ?? 0
  return carried
}

async function bring(
  session: Session,
  to: PublishingPlace,
  lineage: Lineage,
  luggage: Luggage,
  carried: Carried,
): Promise<void> {
  const { list, hash } = lineage.head
  const before = await readHead(session, to)
  carried.version = before && Number(before.list.version)
  const isCurrent = before?.hash === hash
  if (before !== null && !isCurrent && before.list.version >= list.version)
    return tellNewer(session, to, luggage, carried)
  const versions = isCurrent ? [] : await versionsFor(session, lineage, before)
  const changed = new Set(versions.flatMap(({ changes }) => changes.map(({ tag }) => tag)))
  const failed = await copyTags(lineage, changed, luggage, carried)
  carried.missing = failed
  if (!isCurrent) await sendVersions(session, to, versions, carried)
  carried.status = isCurrent ? 'current' : 'published'
  if (!isCurrent) luggage.say(`  published: version ${list.version} at ${carried.url}`)
  const lacked = failed === 0 && luggage.content !== null ? await lackedBy(to, changed) : new Set<string>()
  const failedToo = await copyTags(lineage, lacked, luggage, carried)
  carried.missing = failed === null ? null : failed + (failedToo ?? 0)
  await bringTimestamp(session, to, lineage)
}

/** The way from what it has. @throws Refusal for a list that is no part of this history */
async function versionsFor(session: Session, lineage: Lineage, before: SignedList | null): Promise<readonly Draft[]> {
  const versions = await lineage.since(before?.hash ?? ZERO_HASH)
  if (versions !== null) return versions
  const seen = `its version ${before?.list.version} with hash ${before?.hash}`
  const stray = `${seen} is not in the history of version ${lineage.head.list.version}`
  // A list that nobody signed is the gateway's doing, one that was signed the publisher's.
  if (before !== null) await verifyPublication(before, await session.onChain.readAuthority(), session.localTime)
  throw new Refusal('Equivocation', `${stray}: two lists of one version were signed`)
}

async function sendVersions(
  session: Session,
  to: PublishingPlace,
  versions: readonly Draft[],
  carried: Carried,
): Promise<void> {
  const last = versions.at(-1)
  let isTaken = true
  for (const draft of versions) {
    isTaken = await sendDraft(to, draft).catch(draft === last ? throwIt : onTheWayTo(draft, last))
    if (!isTaken) break
  }
  const after = await readHead(session, to)
  carried.version = after && Number(after.list.version)
  if (after?.hash === last?.hash) return
  const shown = after === null ? 'no list' : `version ${after.list.version} with hash ${after.hash}`
  if (!isTaken) throw new RegistryRefused(412, 'Conflict', `another list came first: it shows ${shown}`)
  carried.status = 'unconfirmed'
  throw new GatewayUnavailable(`it said that it took version ${last?.list.version}, and shows ${shown}`)
}

function throwIt(error: unknown): never {
  throw error
}

function onTheWayTo(draft: Draft, last: Draft | undefined): (error: unknown) => never {
  return (error) => {
    if (!(error instanceof RegistryRefused)) throw error
    const { status, code, message, detail } = error
    const why = `a gateway takes one version after the other, and version ${draft.list.version} is needed before ${last?.list.version}`
    throw new RegistryRefused(status, code, `${message}; ${why}`, detail)
  }
}

/** It must hold like any other list that a next one is built on: who only claims to have a newer one is told of as such. */
async function tellNewer(session: Session, to: PublishingPlace, luggage: Luggage, carried: Carried): Promise<void> {
  const found = await readBase(session, to)
  carried.version = found && Number(found.signed.list.version)
  carried.status = 'newer'
  carried.error = 'Conflict'
  const next = `mooring publish ${session.onChain.ensName} goes on from there`
  luggage.warn(`warning: ${carried.url} has version ${carried.version}, which another publisher made: ${next}`)
}

/** Brings the content of these tags; how many of them it is not there of, null where none is brought. */
async function copyTags(
  lineage: Lineage,
  tags: ReadonlySet<string>,
  luggage: Luggage,
  carried: Carried,
): Promise<number | null> {
  if (luggage.content === null) return null
  let missing = 0
  let stopped = false
  for (const tag of tags) {
    try {
      const entry = (await lineage.whole()).entries.get(tag)
      if (entry === undefined || isTombstone(entry)) continue
      if (stopped) missing++
      else await luggage.content.copy(entry)
    } catch (error) {
      missing++
      // Whoever may not push, or is not there, is not asked once more for every tag.
      stopped = error instanceof RegistryRefused || error instanceof HttpFailure
      tell(carried, error, luggage, `the content of ${tag} is not there`)
    }
  }
  return missing
}

/** The other tags whose content it says that it does not store. */
async function lackedBy(to: PublishingPlace, brought: ReadonlySet<string>): Promise<ReadonlySet<string>> {
  // Who does not say lacks nothing that anybody knows of.
  const lacked = await readMissingTags(to).catch(() => [])
  return new Set(lacked.filter((tag) => !brought.has(tag)))
}

/** The timestamp that stands where the list came from; a later one may stand here. @throws as `sendTimestamp` */
async function bringTimestamp(session: Session, to: PublishingPlace, lineage: Lineage): Promise<void> {
  const { policy } = await session.onChain.readAuthority()
  if (policy.timestamper === null) return
  const { timestamp } = (await lineage.whole()).signed
  if (timestamp !== null) await sendTimestamp(to, timestamp)
}

function isStanding({ status }: Carried): boolean {
  return status === 'published' || status === 'current'
}

function isDown(error: unknown): boolean {
  const isSilent = error instanceof HttpFailure || error instanceof GatewayUnavailable || error instanceof BodyTooLarge
  return isSilent || (error instanceof RegistryRefused && (error.status >= 500 || error.status === 429))
}

function tell(carried: Carried, error: unknown, { warn }: Luggage, what?: string): void {
  const failure = failureOf(error)
  carried.error ??= failure.error
  const state = what ?? (isStanding(carried) ? 'not all of it is there' : 'the list is not there')
  warn(`warning: ${carried.url}: ${state}: ${failure.error}: ${visible(failure.message)}`)
}

/** Whatever else happens on this machine, a full disk too. */
function failureOf(error: unknown): { error: string; message: string } {
  try {
    return publishingFailureOf(error)
  } catch {
    return { error: 'Failed', message: (error as Error).message }
  }
}
