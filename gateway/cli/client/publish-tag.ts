import { defaultLimits } from '../../limits.ts'
import type { Signer } from '../../signer.ts'
import { isTombstone, type TagEntry } from '../../tags/entry.ts'
import { entryToJson, headerToJson, signaturesToJson } from '../../tags/json.ts'
import { hashList, type ListHeader, type SignedList } from '../../tags/list.ts'
import { nextListHeader } from '../../tags/next-list.ts'
import { Refusal } from '../../tags/refusal.ts'
import { createMemoryTree, planChanges, SENTINEL, type TagChange } from '../../tags/tree.ts'
import { verifyAgainstMemory, verifyPublication } from '../../tags/verify.ts'
import { GatewayUnavailable } from './ccip.ts'
import { fetchBounded, type HttpAnswer } from './http.ts'
import { readWholeListAt, type WholeList } from './read-list.ts'
import type { Session } from './session.ts'

/** What a tag is to point to. */
export type TagTarget = Pick<TagEntry, 'digest' | 'size' | 'mediaType' | 'swarmReference'>

/** Where a list is published: a gateway, and the repository there. */
export type PublishingPlace = { gateway: string; repository: string }

const timeoutMs = 120_000
const maxAnswerBytes = 1024 * 1024
/** Races that a publish may lose against others. */
const maxTries = 5

/**
 * Signs the next version of a name's list here, with one tag pointing to `target`, and hands it to a gateway that holds no key. The
 * gateway's list is read whole and verified first, against what this client remembers too: nothing is signed over what does not hold.
 * Resolves with the list that has the tag; nothing is signed when that is the current one.
 * @throws Refusal, GatewayUnavailable, HttpFailure, ChainUnavailable, and whatever the signer throws
 */
export async function publishTag(
  session: Session,
  place: PublishingPlace,
  signer: Signer,
  tag: string,
  target: TagTarget,
): Promise<SignedList> {
  for (let tries = 0; tries < maxTries; tries++) {
    const current = await readCurrent(session, place)
    const before = current?.entries.get(tag)
    if (current !== null && isSame(before, target)) return current.signed
    const changes: TagChange[] = [{ tag, entry: movedEntry(before, target, (current?.signed.list.version ?? 0n) + 1n) }]
    const signed = await signNext(session, signer, current, changes)
    const answer = await putList(session, place, signed, changes)
    if (answer.status === 201) return signed
    if (answer.status !== 412)
      throw new GatewayUnavailable(`${place.gateway} does not take the list: ${wordsOf(answer)}`)
  }
  throw new GatewayUnavailable(`others publish ${session.onChain.ensName} all the time: ${maxTries} tries were lost`)
}

/** Null where the gateway says that nothing was ever published. */
async function readCurrent(session: Session, { gateway, repository }: PublishingPlace): Promise<WholeList | null> {
  const url = `${gateway}/v2/${repository}/_mooring/proof/latest`
  const { status } = await fetchBounded({ url, reach: session.onChain.reach, timeoutMs }, maxAnswerBytes)
  return status === 404 ? null : readWholeListAt(session, gateway, repository)
}

function isSame(entry: TagEntry | undefined, { digest, mediaType, swarmReference }: TagTarget): boolean {
  if (entry === undefined || isTombstone(entry)) return false
  return entry.digest === digest && entry.mediaType === mediaType && entry.swarmReference === swarmReference
}

/** The flags stay: of an immutable entry nothing else may change, which planning refuses. */
function movedEntry(before: TagEntry | undefined, target: TagTarget, version: bigint): TagEntry {
  if (before !== undefined && isTombstone(before)) {
    throw new Refusal('ImmutableChanged', 'the tag was immutable and is deleted: it cannot be used again in this epoch')
  }
  const { digest, size, mediaType, swarmReference } = target
  return { digest, size, mediaType, swarmReference, updatedVersion: Number(version), flags: before?.flags ?? 0 }
}

async function signNext(
  session: Session,
  signer: Signer,
  current: WholeList | null,
  changes: readonly TagChange[],
): Promise<SignedList> {
  const { onChain, localTime: now, remembered } = session
  const authority = await onChain.readAuthority()
  const { ensName, owner, epoch } = authority
  if (owner === null) throw new Refusal('NoOwner', `${ensName} has no owner`)
  const head = current?.signed
  const tree = createMemoryTree(current?.slots ?? [SENTINEL])
  const delta = await planChanges(tree, changes, (head?.list.version ?? 0n) + 1n)
  const lifetimeSeconds = defaultLimits.listLifetimeSeconds
  const list: ListHeader = nextListHeader({
    line: { ensName, owner, epoch },
    authority,
    head,
    delta,
    now,
    lifetimeSeconds,
  })
  const hash = hashList(onChain.domain, list)
  verifyAgainstMemory(remembered, list, hash, null, undefined)
  const signatures = [{ signer: signer.address, signature: await signer.signList(onChain.domain, list) }]
  await verifyPublication({ list, signatures }, authority, now)
  return { list, hash, signatures, timestamp: null }
}

function putList(
  { onChain }: Session,
  { gateway, repository }: PublishingPlace,
  { list, signatures }: SignedList,
  changes: readonly TagChange[],
) {
  const body = JSON.stringify({
    list: headerToJson(list),
    signatures: signaturesToJson(signatures),
    changes: changes.map(({ tag, entry }) => ({ tag, entry: entry && entryToJson(entry) })),
  })
  const url = `${gateway}/v2/${repository}/_mooring/list`
  const headers = { 'content-type': 'application/json' }
  return fetchBounded({ url, reach: onChain.reach, method: 'PUT', headers, body, timeoutMs }, maxAnswerBytes)
}

function wordsOf({ status, body }: HttpAnswer): string {
  const text = new TextDecoder().decode(body).replace(/[^\x20-\x7e]/g, '?')
  return `${status} ${text.slice(0, 300)}`
}
