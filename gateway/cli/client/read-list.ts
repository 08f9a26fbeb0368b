import { encodeTagLookup } from '../../ens/lookup.ts'
import { decodeTagEntry, decodeTagKey, isTombstone, type TagEntry } from '../../tags/entry.ts'
import { parseListAnswer } from '../../tags/json.ts'
import type { SignedList } from '../../tags/list.ts'
import { Refusal, type RefusalName } from '../../tags/refusal.ts'
import { buildWellFormedTree, type Slot } from '../../tags/tree.ts'
import { verifyAgainstMemory, verifyList } from '../../tags/verify.ts'
import { defaultLookupTimeoutMs, GatewayUnavailable } from './ccip.ts'
import { BodyTooLarge, fetchBounded, type Reach } from './http.ts'
import { lookUp, refusalOf } from './look-up.ts'
import type { Session } from './session.ts'

/** A whole list that was checked: signed by the publisher, and its entries rebuild the signed root. */
export type WholeList = {
  signed: SignedList
  /** In byte order of the tags, tombstones included. */
  entries: ReadonlyMap<string, TagEntry>
  /** As the tree has them, the sentinel first. */
  slots: readonly Slot[]
  gateway: string
}

/** Why no gateway gave a list that holds. */
export class ListUnverified extends Error {
  override readonly name = 'ListUnverified'
  constructor(
    readonly reason: RefusalName | 'GatewayUnavailable',
    message: string,
  ) {
    super(message)
  }
}

const maxListBytes = 512 * 1024 * 1024
/** What is read of a list before anything signed says how long it is. */
export const unaskedListBytes = 16 * 1024 * 1024
/** An entry as JSON at its longest, and more: tag, sha512 digest, media type with every byte escaped, reference, numbers, names of members. */
const maxEntryJsonBytes = 1_200
const timeoutMs = 120_000

/**
 * Reads the whole list from the first gateway whose list holds: rows 2 to 7, root rebuilt from all entries, row 9; and remembers it.
 * @throws ListUnverified, ChainUnavailable, Refusal (row 10)
 */
export async function readWholeList(session: Session, repository: string): Promise<WholeList> {
  return firstThatHolds(session, (gateway) => readWholeListAt(session, gateway, repository))
}

/** The same from one gateway. @throws Refusal, GatewayUnavailable, HttpFailure, BodyTooLarge, ChainUnavailable */
export async function readWholeListAt(
  session: Session,
  gateway: string,
  repository: string,
  reach: Reach = session.onChain.reach,
): Promise<WholeList> {
  const fetchList = (maxBytes: number) =>
    fetchMooring(gateway, repository, 'list', maxBytes, reach, session.lookupTimeoutMs)
  const { url, body } = await fetchList(unaskedListBytes).catch(async (error: unknown) => {
    if (!(error instanceof BodyTooLarge)) throw error
    return fetchList(await mostListBytes(session, gateway, reach))
  })
  const { signed, slots } = readJson(url, () => finish(parseListAnswer(body)))
  const list = { ...(await verifyWholeList(session, signed, slots)), gateway }
  await session.memory.remember(session.onChain.domain, list.signed, { tags: 'all', entries: list.entries })
  return list
}

/** As long as a list can be that has the entries that were signed: anybody can send more. @throws Refusal BadResponse, ChainUnavailable */
async function mostListBytes(session: Session, gateway: string, reach: Reach): Promise<number> {
  const { onChain, localTime, lookupTimeoutMs: timeoutMs } = session
  const callData = encodeTagLookup(onChain.ensName, 'latest', 'text')
  const question = { ...onChain, gateways: [gateway], reach, callData, localTime, memory: null, timeoutMs }
  const outcome = await lookUp(question)
  if (outcome.verified === null) {
    const long = `its list has more than ${unaskedListBytes} bytes, and it proves no list as long as that`
    throw new Refusal('BadResponse', `${long}: ${outcome.message}`)
  }
  return Math.min(maxListBytes, unaskedListBytes + Number(outcome.verified.signed.list.count) * maxEntryJsonBytes)
}

/** The first answer of a gateway that does not end in a refusal or in silence. @throws ListUnverified */
export async function firstThatHolds<Answer>(
  { onChain }: Session,
  ask: (gateway: string) => Promise<Answer>,
): Promise<Answer> {
  const messages: string[] = []
  let refusal: Refusal | null = null
  for (const gateway of onChain.gateways) {
    try {
      return await ask(gateway)
    } catch (error) {
      const reason = refusalOf(error)
      messages.push(reason === null ? (error as Error).message : `${gateway}: ${reason.message}`)
      refusal ??= reason
    }
  }
  if (messages.length === 0) messages.push('the chain names no gateway for this name')
  throw new ListUnverified(refusal?.reason ?? 'GatewayUnavailable', messages.join('; '))
}

/** The body of one of the `_mooring` endpoints. @throws GatewayUnavailable for a status that is not 200, HttpFailure, BodyTooLarge */
export async function fetchMooring(
  gateway: string,
  repository: string,
  endpoint: string,
  maxBytes: number,
  reach: Reach,
  firstByteTimeoutMs = defaultLookupTimeoutMs,
): Promise<{ url: string; body: Uint8Array }> {
  const url = `${gateway}/v2/${repository}/_mooring/${endpoint}`
  const { status, body } = await fetchBounded({ url, reach, timeoutMs, firstByteTimeoutMs }, maxBytes)
  if (status !== 200) throw new GatewayUnavailable(`${url} answers ${status}`)
  return { url, body }
}

/** Runs a reader of gateway JSON; what it cannot read is no answer. @throws Refusal BadResponse, and those of the reader */
export function readJson<Value>(url: string, read: () => Value): Value {
  try {
    return read()
  } catch (error) {
    if (error instanceof Refusal) throw error
    throw new Refusal('BadResponse', `${url} sends what is no answer: ${(error as Error).message}`)
  }
}

/**
 * Rows 2 to 7 for a list whose slots all came with it, its root rebuilt from them, row 9. With `verifyPublication` as `verify` no
 * timestamp is asked for: it may come later. @throws Refusal, ChainUnavailable
 */
export async function verifyWholeList(
  session: Session,
  claimed: SignedList,
  slots: readonly Slot[],
  verify: typeof verifyList = verifyList,
) {
  const hash = await verify(claimed, await session.onChain.readAuthority(), session.localTime)
  const signed = { ...claimed, hash }
  const { version, root, count } = signed.list
  if (finish(buildWellFormedTree(slots, version)).root !== root || BigInt(slots.length) !== count) {
    throw new Refusal('MalformedList', 'the entries do not rebuild the root that was signed')
  }
  const tags = slots.slice(1)
  const entries = new Map(tags.map(({ key, value }) => [decodeTagKey(key), decodeTagEntry(value, version)]))
  await checkMemory(session, signed, entries)
  return { signed, entries: inByteOrder(entries), slots }
}

/** Row 9, against what is remembered now. @throws Refusal OwnerChanged, Rollback, Equivocation, ImmutableChanged */
async function checkMemory(
  { memory, onChain }: Session,
  signed: SignedList,
  entries: ReadonlyMap<string, TagEntry>,
): Promise<void> {
  const { list, hash } = signed
  const remembered = await memory.recall(onChain.domain, list.node)
  try {
    verifyAgainstMemory(remembered, list, hash, null, undefined)
    for (const tag of remembered?.entries.keys() ?? [])
      verifyAgainstMemory(remembered, list, hash, tag, entries.get(tag))
  } catch (error) {
    throw error instanceof Refusal
      ? await memory.explain(onChain.domain, error, signed, { tags: 'all', entries })
      : error
  }
}

/** Runs to the end: the command line has nobody else to let run. */
export function finish<Value>(steps: Generator<void, Value>): Value {
  for (;;) {
    const step = steps.next()
    if (step.done) return step.value
  }
}

/** Tags are ASCII, so the order of their code units is the order of their bytes. */
function inByteOrder(entries: ReadonlyMap<string, TagEntry>): Map<string, TagEntry> {
  return new Map([...entries].sort(([one], [other]) => (one < other ? -1 : 1)))
}

/** Entries that `tags/list` shows. */
export function visibleEntries(list: WholeList): [string, TagEntry][] {
  return [...list.entries].filter(([, entry]) => !isTombstone(entry))
}
