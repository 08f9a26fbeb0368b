import type { Address } from 'viem'
import { defaultLimits } from '../../limits.ts'
import type { NameAuthority } from '../../tags/authority.ts'
import { hashList, listTypedData, type SignerSignature, ZERO_HASH } from '../../tags/list.ts'
import { nextListHeader } from '../../tags/next-list.ts'
import { Refusal } from '../../tags/refusal.ts'
import { isSignatureValid } from '../../tags/signature.ts'
import { createMemoryTree, planChanges, SENTINEL, type TagChange } from '../../tags/tree.ts'
import { verifyAgainstMemory, verifyPublication } from '../../tags/verify.ts'
import type { WholeList } from '../client/read-list.ts'
import type { Session } from '../client/session.ts'
import { type ClientSigner, SignerRefused } from '../client/signers/client-signer.ts'
import { type Draft, withSignatures } from './draft.ts'
import { versionAfter } from './moves.ts'
import { openSignedLists, type SignedLists } from './signed-lists.ts'

/** The memory of what was signed under a name's present line. @throws Refusal NoOwner */
export async function signedListsOf(session: Session): Promise<SignedLists> {
  const { node, owner, epoch, ensName } = await session.onChain.readAuthority()
  if (owner === null) throw new Refusal('NoOwner', `${ensName} has no owner`)
  return openSignedLists(session, { node, owner, epoch }, session.localTime)
}

/**
 * The next version after a verified list (null: the first), its tree built here from that list's own entries. Nothing is signed yet.
 * @throws Refusal NoOwner, MalformedList, InvalidEntry, ImmutableChanged
 */
export async function draftNext(
  session: Session,
  base: WholeList | null,
  changes: readonly TagChange[],
): Promise<Draft> {
  const { onChain, localTime: now } = session
  const authority = await onChain.readAuthority()
  const { ensName, owner, epoch } = authority
  if (owner === null) throw new Refusal('NoOwner', `${ensName} has no owner`)
  const delta = await planChanges(createMemoryTree(base?.slots ?? [SENTINEL]), changes, versionAfter(base))
  const line = { ensName, owner, epoch }
  const lifetimeSeconds = defaultLimits.listLifetimeSeconds
  const list = nextListHeader({ line, authority, head: base?.signed, delta, now, lifetimeSeconds })
  return { list, hash: hashList(onChain.domain, list), changes, signatures: [] }
}

/**
 * Whether a draft is what its changes make of a verified list, and every signature on it counts: what somebody else made is built again
 * here, from the same entries. @throws Refusal Rollback where it was made for another list, MalformedList, and those of rows 2 to 6
 */
export async function checkDraft(session: Session, base: WholeList | null, draft: Draft): Promise<void> {
  const { list, changes, signatures } = draft
  const authority = await session.onChain.readAuthority()
  const version = versionAfter(base)
  if (list.version !== version || list.previous !== (base?.signed.hash ?? ZERO_HASH)) {
    const made = `the list of version ${list.version} was made after ${list.previous}`
    throw new Refusal('Rollback', `${made}; the verified one is ${base?.signed.hash ?? 'none'}, so ${version} is next`)
  }
  const delta = await planChanges(createMemoryTree(base?.slots ?? [SENTINEL]), changes, version)
  if (delta.root !== list.root || BigInt(delta.count) !== list.count) {
    throw new Refusal('MalformedList', `the changes lead to root ${delta.root}; the list says ${list.root}`)
  }
  const remembered = await session.memory.recall(session.onChain.domain, authority.node)
  verifyAgainstMemory(remembered, list, draft.hash, null, undefined)
  await verifyPublication({ list, signatures }, withThreshold(authority, signatures.length), session.localTime)
}

/** Rows 2 to 6 for so many signatures as there are. */
function withThreshold(authority: NameAuthority, threshold: number): NameAuthority {
  return { ...authority, policy: { ...authority.policy, threshold } }
}

/** Whether the chain takes a draft as it is: enough signatures, or anchored. */
export async function isComplete(session: Session, draft: Draft): Promise<boolean> {
  const { policy, anchorHash, anchorVersion } = await session.onChain.readAuthority()
  if (anchorVersion === draft.list.version && anchorHash === draft.hash) return true
  return draft.signatures.length >= policy.threshold
}

/** @throws Refusal NotPublisher, which says who is; Revoked */
export async function checkPublisher(session: Session, signer: Address): Promise<void> {
  const { policy, ensName, isRevoked } = await session.onChain.readAuthority()
  if (!policy.publishers.includes(signer)) {
    const who = policy.publishers.length === 1 ? 'the publisher is' : 'the publishers are'
    throw new Refusal(
      'NotPublisher',
      `${signer} is not a publisher of ${ensName}: ${who} ${policy.publishers.join(', ')}`,
    )
  }
  if (await isRevoked(signer)) throw new Refusal('Revoked', `key ${signer} is revoked for ${ensName}`)
}

/**
 * The one door through which lists are signed here. The draft must be what its changes make of `base`, which was verified, and the only one
 * of its version that was ever signed here: it is kept on disk before the signer is asked, and the signature before it is given out.
 * @throws Refusal, SignerRefused, ChainUnavailable
 */
export async function signDraft(
  session: Session,
  signer: ClientSigner,
  base: WholeList | null,
  draft: Draft,
  meaning: readonly string[],
): Promise<Draft> {
  await checkPublisher(session, signer.address)
  await checkDraft(session, base, draft)
  const signed = await signedListsOf(session)
  await signed.keep(draft, false)
  const { domain } = session.onChain
  const request = { hash: draft.hash, document: listTypedData(domain, draft.list), meaning }
  const signature = await signer.signTyped(request).catch(async (error: unknown) => {
    if (error instanceof SignerRefused && error.isRejection) await signed.withdraw(draft)
    throw error
  })
  return addSignature(session, draft, { signer: signer.address, signature })
}

/** A draft with one more signature, which was checked and kept. @throws Refusal as `signDraft`, SignerRefused for one that is not over it */
export async function addSignature(session: Session, draft: Draft, added: SignerSignature): Promise<Draft> {
  const { askContract } = await session.onChain.readAuthority()
  await checkPublisher(session, added.signer)
  if (!(await isSignatureValid(added.signer, draft.hash, added.signature, askContract))) {
    throw new SignerRefused(`the signature is not one of ${added.signer} over list ${draft.hash}`)
  }
  const next = withSignatures(draft, [added])
  await (await signedListsOf(session)).keep(next, true)
  return next
}
