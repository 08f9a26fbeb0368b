import { isTombstone, type TagEntry } from '../../tags/entry.ts'
import type { SignedList } from '../../tags/list.ts'
import { Refusal } from '../../tags/refusal.ts'
import { GatewayUnavailable } from '../client/ccip.ts'
import type { WholeList } from '../client/read-list.ts'
import type { Session } from '../client/session.ts'
import type { ClientSigner } from '../client/signers/client-signer.ts'
import { type PublishingPlace, readBase } from './base.ts'
import { nextEntry, type TagTarget, versionAfter } from './moves.ts'
import { sendDraft } from './send.ts'
import { checkDraft, draftNext, isComplete, signDraft, signedListsOf } from './sign.ts'

/** Races that a publish may lose against others. */
const maxTries = 5

/**
 * Signs the next version of a name's list here, with one tag pointing to `target`, and hands it to a gateway that holds no key. The
 * gateway's list is read whole and verified first, against what this client remembers too: nothing is signed over what does not hold, and
 * what was signed here before and did not come is sent first, as it was. Resolves with the list that has the tag; nothing is signed when
 * that is the current one.
 * @throws Refusal, RegistryRefused, GatewayUnavailable, HttpFailure, ChainUnavailable, SignerRefused
 */
export async function publishTag(
  session: Session,
  place: PublishingPlace,
  signer: ClientSigner,
  tag: string,
  target: TagTarget,
): Promise<SignedList> {
  for (let tries = 0; tries < maxTries; tries++) {
    const base = await readBase(session, place)
    if (await sendAgain(session, place, base)) continue
    const before = base?.entries.get(tag) ?? null
    if (base !== null && isSame(before, target)) return base.signed
    await refuseThreshold(session)
    const made = await draftNext(session, base, [{ tag, entry: nextEntry(before, target, versionAfter(base)) }])
    const meaning = [`${made.list.name}: tag ${tag} becomes ${target.digest}`, `list ${made.hash}`]
    const draft = await signDraft(session, signer, base, made, meaning)
    const { list, hash, signatures } = draft
    if (await sendDraft(place, draft)) return { list, hash, signatures, timestamp: null }
  }
  throw new GatewayUnavailable(`others publish ${session.onChain.ensName} all the time: ${maxTries} tries were lost`)
}

/** True when a list that was signed here before was handed over now, or lost against another. */
async function sendAgain(session: Session, place: PublishingPlace, base: WholeList | null): Promise<boolean> {
  const kept = await (await signedListsOf(session)).recall()
  if (kept === null || kept.draft.list.version !== versionAfter(base) || !(await isComplete(session, kept.draft))) {
    return false
  }
  if (kept.draft.list.expiresAt <= session.localTime) return false
  await checkDraft(session, base, kept.draft)
  await sendDraft(place, kept.draft)
  return true
}

/** More signatures are wanted than the one that there would be. @throws Refusal ThresholdNotMet */
async function refuseThreshold({ onChain }: Session): Promise<void> {
  const { policy, ensName } = await onChain.readAuthority()
  if (policy.threshold === 1) return
  const next = `mooring publish ${ensName} --export FILE writes the list for the next publisher`
  throw new Refusal('ThresholdNotMet', `${policy.threshold} publishers of ${ensName} must sign: ${next}`)
}

function isSame(entry: TagEntry | null, { digest, mediaType, swarmReference }: TagTarget): boolean {
  if (entry === null || isTombstone(entry)) return false
  return entry.digest === digest && entry.mediaType === mediaType && entry.swarmReference === swarmReference
}
