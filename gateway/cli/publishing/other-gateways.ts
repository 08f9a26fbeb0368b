import { visible } from '../../oci/visible.ts'
import { ZERO_HASH } from '../../tags/list.ts'
import { GatewayUnavailable } from '../client/ccip.ts'
import type { WholeList } from '../client/read-list.ts'
import type { Session } from '../client/session.ts'
import type { Uploads } from '../push/blob-upload.ts'
import type { UploadMemory } from '../push/upload-memory.ts'
import { type PublishingPlace, readBase } from './base.ts'
import { type Carried, carryList, type Luggage } from './carry-list.ts'
import { createContentCopy } from './copy-content.ts'
import type { Draft } from './draft.ts'
import { readHead } from './head.ts'
import { createLineage, type Lineage } from './lineage.ts'
import { type Places, shownUrl } from './places.ts'
import type { Settled } from './settle-draft.ts'
import { isComplete, signedListsOf } from './sign.ts'

/** A run among several gateways of one name. */
export type Round = {
  session: Session
  places: Places
  /** Where uploads between them go on. */
  memory: UploadMemory
  say(line: string): void
  warn(line: string): void
}

const partBytes = 90_000_000

function luggageTo({ memory, say, warn }: Round, from: PublishingPlace, to: PublishingPlace): Luggage {
  const repositoryUrl = `${to.gateway}/v2/${to.repository}`
  const uploads: Uploads = { repositoryUrl, reach: to.reach, partBytes, memory, onProgress: () => {}, note: warn }
  return { content: createContentCopy(from, uploads), say, warn }
}

/**
 * Before anything is built: nothing is signed on top of a list that another gateway has a successor of, whoever of the publishers made that.
 * A gateway whose newer list holds is remembered, and where `mayBring` the one that is published through is brought up with it. What the
 * others do is no reason to stop: whoever does not answer, or has what does not hold, is passed over here.
 */
export async function levelLead(round: Round, mayBring: boolean): Promise<void> {
  if (round.places.others.length > 0) await levelByOthers(round, mayBring)
  if (mayBring) await sendOwnAgain(round)
}

async function levelByOthers(round: Round, mayBring: boolean): Promise<void> {
  const { session, places, warn } = round
  const { lead, others } = places
  const [ownHead, ...heads] = await Promise.all(
    [lead, ...others].map((place) => readHead(session, place).catch(() => undefined)),
  )
  if (ownHead === undefined) {
    const next = `mooring publish ${session.onChain.ensName} --gateway URL goes through another one`
    return warn(`warning: ${shownUrl(lead)} cannot be asked for its list; ${next}, with what was pushed there`)
  }
  const known = ownHead?.list.version ?? 0n
  const later = others.flatMap((place, at) => {
    const head = heads[at]
    return head && head.hash !== ownHead?.hash && head.list.version >= known
      ? [{ place, version: head.list.version }]
      : []
  })
  later.sort((one, other) => Number(other.version - one.version))
  for (const { place } of later) {
    const found = await readBase(session, place).catch((error: Error) => {
      warn(`warning: ${shownUrl(place)}: its list is passed over: ${visible(error.message)}`)
      return null
    })
    if (found === null || found.signed.list.version <= known) continue
    warn(`${shownUrl(lead)} has version ${known}, ${shownUrl(place)} version ${found.signed.list.version}, verified`)
    if (!mayBring) return
    const lineage = createLineage(session, place, found.signed)
    await carryList(session, lead, lineage, luggageTo(round, place, lead))
    return
  }
}

/** What was published from here and the gateway said that it took: where it shows the list before that one, it gets it once more. */
async function sendOwnAgain({ session, places, say, warn }: Round): Promise<void> {
  const kept = await (await signedListsOf(session)).recall()
  const { node } = await session.onChain.readAuthority()
  const seen = await session.memory.recall(session.onChain.domain, node)
  if (kept === null || seen?.hash !== kept.draft.hash || !(await isComplete(session, kept.draft))) return
  const { draft } = kept
  const shown = await readHead(session, places.lead).catch(() => undefined)
  const isBefore = shown !== undefined && (shown?.hash ?? ZERO_HASH) === draft.list.previous
  if (!isBefore || draft.list.expiresAt <= session.localTime) return
  warn(
    `${shownUrl(places.lead)} does not show version ${draft.list.version}, which was published from here: sending it again`,
  )
  const lineage = createLineage(session, places.lead, draft, [draft])
  await carryList(session, places.lead, lineage, { content: null, say, warn })
}

/** What became of a list at every gateway, the one that it was published through first. */
export type Standing = { gateways: Carried[]; isPublished: boolean }

/**
 * Brings what was published, or else the verified list that stands, to the other gateways, and looks whether the first one has it. Nothing
 * is thrown once it was taken somewhere. Where only something was shown, exported or waits, nothing is brought.
 * @throws as `readBase` where nothing was taken
 */
export async function carryToOthers(round: Round, settled: readonly Settled[]): Promise<Standing> {
  const taken = settled.filter(({ came }) => came === 'taken').map(({ draft }) => draft)
  if (settled.length > 0 && taken.length === 0) return { gateways: [], isPublished: false }
  const lineage = await lineageOf(round, taken)
  if (lineage === null) return { gateways: [], isPublished: false }
  const { session, places } = round
  const isTaken = taken.length > 0
  const gateways = [await lookAtLead(round, lineage, isTaken)]
  for (const place of places.others) {
    gateways.push(await carryList(session, place, lineage, luggageTo(round, lineage.from, place)))
  }
  const isSomewhere = gateways.some(({ status }) => ['published', 'current', 'newer'].includes(status))
  return { gateways, isPublished: isTaken && isSomewhere }
}

async function lineageOf({ session, places }: Round, taken: readonly Draft[]): Promise<Lineage | null> {
  const { lead } = places
  const last = taken.at(-1)
  if (last !== undefined) return createLineage(session, lead, last, taken)
  if (places.others.length === 0) return null
  const base = await readBase(session, lead)
  return base && createLineage(session, lead, base.signed)
}

/** A gateway that said that it took a list must show it too. One that cannot be asked at this moment has said so. */
async function lookAtLead(round: Round, { head }: Lineage, isTaken: boolean): Promise<Carried> {
  const { session, places, warn } = round
  const url = shownUrl(places.lead)
  const carried: Carried = {
    url,
    status: isTaken ? 'published' : 'current',
    version: null,
    sent: 0,
    missing: null,
    error: null,
  }
  try {
    const shown = await readHead(session, places.lead)
    carried.version = shown && Number(shown.list.version)
    if (shown?.hash === head.hash) return carried
    if (shown === null) throw new GatewayUnavailable('it tells no history')
    const isLater = shown.list.version > head.list.version
    const seen = `version ${shown.list.version} with hash ${shown.hash}`
    warn(`warning: ${url} said that it took version ${head.list.version}, and shows ${seen}`)
    return { ...carried, status: isLater ? 'newer' : 'unconfirmed', error: isLater ? 'Conflict' : 'GatewayUnavailable' }
  } catch (error) {
    warn(
      `warning: ${url} took version ${head.list.version} and cannot be asked for it: ${visible((error as Error).message)}`,
    )
    return { ...carried, error: 'GatewayUnavailable' }
  }
}

/**
 * Reads each gateway's list before anything is said of one: one that stays behind would have an old list called current if it were asked
 * first. Those that lack versions of the newest that verifies get them, without content. Nothing is thrown: what is wrong with one is told
 * when its own turn comes.
 */
export async function bringUpToNewest({
  session,
  places,
  say,
  warn,
}: Pick<Round, 'session' | 'say' | 'warn'> & { places: readonly PublishingPlace[] }): Promise<void> {
  if (places.length < 2) return
  let newest: { list: WholeList; place: PublishingPlace } | null = null
  const held = new Map<PublishingPlace, string>()
  for (const place of places) {
    const list = await readBase(session, place).catch(() => null)
    if (list === null) continue
    held.set(place, list.signed.hash)
    if (newest === null || list.signed.list.version > newest.list.signed.list.version) newest = { list, place }
  }
  if (newest === null) return
  const { list, place: from } = newest
  const lineage = createLineage(session, from, list.signed)
  for (const place of places) {
    if (held.get(place) !== list.signed.hash) await carryList(session, place, lineage, { content: null, say, warn })
  }
}
