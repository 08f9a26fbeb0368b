import { type Hex, isAddress } from 'viem'
import { readFeed, readUpdate } from '../../bee/feed-reader.ts'
import { MAX_LIST_BYTES, readWhole, type SwarmSource } from '../../bee/read-whole.ts'
import { SwarmUnavailable } from '../../bee/swarm-reader.ts'
import { decodeFeedPayload, type FeedPayload, type FeedUpdate, feedTopic } from '../../swarm/feed.ts'
import { parseListAnswer } from '../../tags/json.ts'
import { hashList, type SignedList, ZERO_HASH } from '../../tags/list.ts'
import { Refusal } from '../../tags/refusal.ts'
import { buildWellFormedTree, type Slot } from '../../tags/tree.ts'
import { verifyPublication } from '../../tags/verify.ts'
import { finish, readJson, verifyWholeList } from './read-list.ts'
import type { Session } from './session.ts'
import { readTextViaEns } from './via-ens.ts'

/** A list with its entries. */
export type ListWithSlots = { signed: SignedList; slots: readonly Slot[] }

/** A list that was found on Swarm and verified against the chain; `indexReference` null: nobody said where its content is. */
export type ListOnSwarm = ListWithSlots & { indexReference: Hex | null; from: string; update: FeedUpdate | null }

/** Where a list may be. `from` in words; the numbers are what was said of it. */
type Candidate = FeedPayload & Pick<ListOnSwarm, 'from' | 'update'>

/** Updates of one feed that are looked at: behind one whose list cannot be had, the one before it may be. */
const MOST_UPDATES = 8
/** Versions of the history that are fetched. */
const MOST_OLDER = 100
const MAX_PAYLOAD_BYTES = 4096

/**
 * The newest list of a name that its publishers' feeds lead to, or the owner of the feed that the text record `oci-feed` names, and that
 * verifies (rows 2 to 6, 9; protocol 6). @throws Refusal of the newest one when none holds, SwarmUnavailable when there is none
 */
export async function findListOnSwarm(
  session: Session,
  source: SwarmSource,
  note: (line: string) => void,
): Promise<ListOnSwarm> {
  const { node, policy } = await session.onChain.readAuthority()
  const owners = new Set([...(await ownerInText(session)), ...policy.publishers])
  const candidates: Candidate[] = []
  for (const owner of owners) {
    const feed = await readFeed(source, owner.toLowerCase() as Hex, feedTopic(node), MOST_UPDATES)
    for (const doubt of feed.doubts) note(`feed of ${owner}: ${doubt}`)
    for (const update of feed.updates) candidates.push(...candidateIn(update, note))
  }
  candidates.sort((one, other) => Number(other.epoch - one.epoch) || Number(other.version - one.version))
  return firstThatVerifies(session, source, candidates, note, `none of the feeds of ${[...owners].join(', ')}`)
}

/** The list that a reference of a feed's payload leads to, or that it is itself. @throws as `findListOnSwarm` */
export async function readListOnSwarm(session: Session, source: SwarmSource, reference: Hex): Promise<ListOnSwarm> {
  const from = `--list ${reference}`
  const payload = await readWhole(source, reference, MAX_LIST_BYTES)
  const isPayload = payload.byteLength <= MAX_PAYLOAD_BYTES && payload[0] !== '{'.charCodeAt(0)
  if (!isPayload) return verifyBody(session, payload, { indexReference: null, from, update: null })
  return readCandidate(session, source, { ...decodeFeedPayload(payload), from, update: null })
}

async function ownerInText({ connection, onChain }: Session): Promise<Hex[]> {
  const { rpcUrls, universalResolver } = connection
  const respond = async () => Promise.reject(new Error('the text record is not on chain'))
  const { ensName } = onChain
  const said = await readTextViaEns({ rpcUrl: rpcUrls[0], universalResolver, ensName, key: 'oci-feed', respond })
  return said.text !== null && isAddress(said.text, { strict: false }) ? [said.text.toLowerCase() as Hex] : []
}

function candidateIn(update: FeedUpdate, note: (line: string) => void): Candidate[] {
  const from = `update ${update.position} of ${update.owner}`
  try {
    return [{ ...decodeFeedPayload(update.payload), from, update }]
  } catch (error) {
    note(`${from}: ${(error as Error).message}`)
    return []
  }
}

async function firstThatVerifies(
  session: Session,
  source: SwarmSource,
  candidates: readonly Candidate[],
  note: (line: string) => void,
  where: string,
): Promise<ListOnSwarm> {
  let first: Refusal | undefined
  for (const candidate of candidates) {
    try {
      return await readCandidate(session, source, candidate)
    } catch (error) {
      note(`${candidate.from}: ${(error as Error).message}`)
      if (error instanceof Refusal) first ??= error
    }
  }
  throw (
    first ?? new SwarmUnavailable(`${where} leads to a list that can be had: give --list REFERENCE, or another --bee`)
  )
}

async function readCandidate(session: Session, source: SwarmSource, candidate: Candidate): Promise<ListOnSwarm> {
  return verifyBody(session, await readWhole(source, candidate.listReference, MAX_LIST_BYTES), candidate)
}

async function verifyBody(
  session: Session,
  body: Uint8Array,
  found: Pick<ListOnSwarm, 'from' | 'indexReference' | 'update'>,
): Promise<ListOnSwarm> {
  const { from, indexReference, update } = found
  const { signed: claimed, slots } = readJson(from, () => finish(parseListAnswer(body)))
  const { signed } = await verifyWholeList(session, claimed, slots, verifyPublication)
  return { signed, slots, indexReference, from, update }
}

/**
 * The versions before a list, oldest first, as far back as the updates before its own lead without a gap: each has the hash that the one
 * after it names, and its entries rebuild its root. At most `MOST_OLDER`; none for a list that no feed led to.
 */
export async function readOlderLists(
  session: Session,
  source: SwarmSource,
  { signed, update }: ListOnSwarm,
  note: (line: string) => void,
): Promise<ListWithSlots[]> {
  const older: ListWithSlots[] = []
  let wanted = signed.list.previous
  for (let position = (update?.position ?? 0) - 1; update && position >= 0; position -= 1) {
    if (wanted === ZERO_HASH || older.length === MOST_OLDER) break
    const found = await readUpdate(source, update.owner, update.topic, position, [])
    const [candidate] = found ? candidateIn(found, note) : []
    // A version that was announced twice; any other one is a gap.
    if (candidate?.listHash !== wanted && candidate?.version === (older[0]?.signed ?? signed).list.version) continue
    const list = candidate?.listHash === wanted && (await readOlder(session, source, candidate, note))
    if (!list) break
    older.unshift(list)
    wanted = list.signed.list.previous
  }
  return older
}

async function readOlder(
  { onChain }: Session,
  source: SwarmSource,
  { listReference, listHash, from }: Candidate,
  note: (line: string) => void,
): Promise<ListWithSlots | undefined> {
  try {
    const body = await readWhole(source, listReference, MAX_LIST_BYTES)
    const { signed, slots } = readJson(from, () => finish(parseListAnswer(body)))
    const { root } = finish(buildWellFormedTree(slots, signed.list.version))
    if (hashList(onChain.domain, signed.list) === listHash && root === signed.list.root) return { signed, slots }
    note(`${from}: its list is another one`)
  } catch (error) {
    note(`${from}: ${(error as Error).message}`)
  }
  return undefined
}
