import type { Address, Hex } from 'viem'
import type { NameAuthority } from './authority.ts'
import { checkImmutable, decodeTagEntry, encodeTagKey, isTombstone, MAX_VERSION, type TagEntry } from './entry.ts'
import { hashList, hashTimestamp, type ListHeader, NO_DELEGATIONS, type SignedList, ZERO_HASH } from './list.ts'
import { Refusal, type RefusalName } from './refusal.ts'
import { isSignatureValid } from './signature.ts'
import { buildWellFormedTree, depthOf, MAX_COUNT, type Proof, rootOfProof, type Slot } from './tree.ts'

/** What a client remembers of a name, per (chain, resolver, node): row 9 of the check order. */
export type NameMemory = {
  owner: Hex
  epoch: bigint
  version: bigint
  hash: Hex
  /** Entries seen, by tag: immutable ones must not change inside their epoch. */
  entries: ReadonlyMap<string, TagEntry>
}

/** Unix seconds: expiry and staleness use the later of local clock and block time, "in the future" the earlier. */
export type CheckTimes = { localTime: bigint; blockTime: bigint }

/** Row 5 and 7: how far a signer's clock may be ahead. */
export const CLOCK_SKEW_SECONDS = 300n
/** Protocol 2.2: a list's lifetime. */
export const MAX_LIFETIME_SECONDS = 400n * 86_400n

/**
 * Rows 2 to 7 of protocol 3.1 for a list: reachable, owned, bound to node, owner and epoch, inside the version window and its
 * lifetime, signed by enough publishers, fresh where the policy asks for it. Returns the list hash it computed itself.
 * @throws Refusal with the name of the first row that fails
 */
export async function verifyList(
  signed: Omit<SignedList, 'hash'>,
  authority: NameAuthority,
  localTime: bigint,
): Promise<Hex> {
  const hash = await verifyPublication(signed, authority, localTime)
  await verifyTimestamp({ ...signed, hash }, authority, localTime)
  return hash
}

/**
 * Rows 2 to 6 alone: what a publisher's statement needs before a gateway takes it (protocol 5, PUT list), and the contract's
 * `checkpoint`; its timestamp may come later. @throws Refusal as `verifyList`
 */
export async function verifyPublication(
  signed: Pick<SignedList, 'list' | 'signatures'>,
  authority: NameAuthority,
  localTime: bigint,
): Promise<Hex> {
  const { list } = signed
  ensure(authority.reachable, 'UnreachableName', `the resolver of ${authority.ensName} is not ${authority.resolver}`)
  ensure(authority.owner !== null, 'NoOwner', `${authority.ensName} has no owner`)
  checkBinding(list, authority)
  const hash = hashList(authority, list)
  const isAnchored = checkVersion(list, hash, authority)
  checkLifetime(list, { localTime, blockTime: authority.blockTime })
  if (!isAnchored) await checkSignatures({ ...signed, hash }, authority)
  return hash
}

/**
 * Row 7: the timestamp over the list with this hash, where the policy names a timestamper; any other timestamp is ignored.
 * @throws Refusal BadTimestamp, StaleTimestamp
 */
export async function verifyTimestamp(
  signed: Pick<SignedList, 'list' | 'hash' | 'timestamp'>,
  authority: NameAuthority,
  localTime: bigint,
): Promise<void> {
  const { timestamper, maxAgeSeconds } = authority.policy
  if (timestamper === null) return
  const { list, hash, timestamp } = signed
  if (timestamp === null)
    throw new Refusal('BadTimestamp', `the policy of ${list.name} asks for a timestamp and none is here`)
  const { earlier, later } = clocks({ localTime, blockTime: authority.blockTime })
  const { issuedAt, expiresAt } = timestamp
  ensure(
    issuedAt <= earlier + CLOCK_SKEW_SECONDS,
    'BadTimestamp',
    `the timestamp is issued at ${issuedAt}, after ${earlier}`,
  )
  const { node, epoch, version } = list
  const signingHash = hashTimestamp(authority, { node, epoch, version, list: hash, issuedAt, expiresAt })
  const isSigned = await isSignatureValid(timestamper, signingHash, timestamp.signature, authority.askContract)
  ensure(isSigned, 'BadTimestamp', `the timestamp is not signed by ${timestamper} over list ${hash}`)
  ensure(!(await authority.isRevoked(timestamper)), 'BadTimestamp', `timestamper ${timestamper} is revoked`)
  const isFresh = later <= issuedAt + BigInt(maxAgeSeconds) && expiresAt > later
  ensure(
    isFresh,
    'StaleTimestamp',
    `the timestamp of ${issuedAt} is older than ${maxAgeSeconds} s, or expired, at ${later}`,
  )
}

/** Row 3. */
function checkBinding(list: ListHeader, authority: NameAuthority): void {
  const { ensName, node, owner, epoch } = authority
  ensure(
    list.name === ensName && list.node === node,
    'NodeMismatch',
    `the list is for ${list.name} (${list.node}), not ${ensName}`,
  )
  ensure(list.owner === owner, 'OwnerMismatch', `the list names owner ${list.owner}; the chain says ${owner}`)
  ensure(list.epoch === epoch, 'EpochMismatch', `the list is of epoch ${list.epoch}; the chain says ${epoch}`)
  ensure(
    list.delegations === NO_DELEGATIONS,
    'UnsupportedDelegations',
    'the list has delegations; version 1 knows none',
  )
}

/** Row 4. Whether the anchor stands for the signatures. */
function checkVersion(list: ListHeader, hash: Hex, authority: NameAuthority): boolean {
  const { minVersion, anchorVersion, anchorHash } = authority
  const floor = minVersion > 1n ? minVersion : 1n
  const isInWindow = list.version >= floor && list.version <= BigInt(MAX_VERSION)
  ensure(isInWindow, 'Rollback', `version ${list.version} is not between ${floor} and ${MAX_VERSION}`)
  if (anchorHash === ZERO_HASH || list.version !== anchorVersion) return false
  ensure(
    hash === anchorHash,
    'AnchorMismatch',
    `version ${anchorVersion} is anchored as ${anchorHash}; this list is ${hash}`,
  )
  return true
}

/** Row 5. */
function checkLifetime(list: ListHeader, times: CheckTimes): void {
  const { earlier, later } = clocks(times)
  const { issuedAt, expiresAt } = list
  ensure(
    issuedAt <= earlier + CLOCK_SKEW_SECONDS,
    'IssuedInFuture',
    `the list is issued at ${issuedAt}, after ${earlier}`,
  )
  ensure(expiresAt > later, 'Expired', `the list expired at ${expiresAt}; now it is ${later}`)
  const isShort = issuedAt < expiresAt && expiresAt <= issuedAt + MAX_LIFETIME_SECONDS
  ensure(isShort, 'LifetimeTooLong', `the list lives from ${issuedAt} to ${expiresAt}, not 1 s to 400 days`)
}

/** Row 6 and protocol 2.3: one loop checks each signature, the first failure is the error; then they are counted. */
async function checkSignatures(
  { hash, signatures }: Pick<SignedList, 'hash' | 'signatures'>,
  authority: NameAuthority,
): Promise<void> {
  const { publishers, threshold } = authority.policy
  let previous: Address = `0x${'00'.repeat(20)}`
  for (const { signer, signature } of signatures) {
    ensure(signer > previous, 'SignersNotAscending', `signer ${signer} does not come after ${previous}`)
    previous = signer
    ensure(publishers.includes(signer), 'NotPublisher', `${signer} is not a publisher (${publishers.join(', ')})`)
    ensure(!(await authority.isRevoked(signer)), 'Revoked', `key ${signer} is revoked`)
    const isValid = await isSignatureValid(signer, hash, signature, authority.askContract)
    ensure(isValid, 'BadSignature', `the signature of ${signer} is not over list ${hash}`)
  }
  const seen = signatures.length
  ensure(
    seen >= threshold,
    'ThresholdNotMet',
    `${seen} signatures; the policy of ${authority.ensName} asks for ${threshold}`,
  )
}

/**
 * Row 8 for one tag: the entry that the list holds (tombstones are absent: `undefined`), or undefined when the proof shows absence.
 * @throws Refusal BadProof, InvalidEntry, InvalidTag
 */
export function verifyTagProof(list: ListHeader, tag: string, proof: Proof): TagEntry | undefined {
  const stored = verifyStoredEntry(list, tag, proof)
  return stored === undefined || isTombstone(stored) ? undefined : stored
}

/** Row 8 as `verifyTagProof`, the entry as the slot holds it, tombstones too: what row 9 compares. @throws Refusal as `verifyTagProof` */
export function verifyStoredEntry(list: ListHeader, tag: string, proof: Proof): TagEntry | undefined {
  const key = encodeTagKey(tag)
  const { count, version } = list
  ensure(count >= 1n && count <= BigInt(MAX_COUNT), 'BadProof', `count ${count} is not 1..${MAX_COUNT}`)
  const depth = depthOf(Number(count))
  ensure(proof.path.length === depth, 'BadProof', `a path of ${proof.path.length} hashes; ${count} slots have ${depth}`)
  ensure(rootOfProof(proof) === list.root, 'BadProof', `the proof does not lead to root ${list.root}`)
  if (proof.key === key) return decodeTagEntry(proof.value, version)
  const isBetween = proof.key < key && (proof.nextKey === '0x' || key < proof.nextKey)
  ensure(
    isBetween,
    'BadProof',
    `the proof is of another key: tag ${tag} is not between ${proof.key} and ${proof.nextKey}`,
  )
  return undefined
}

/**
 * Row 9: compares a verified list with what this client saw before; `stored` is the tag's entry as `verifyStoredEntry` returns it.
 * @throws Refusal OwnerChanged, Rollback, Equivocation, ImmutableChanged
 */
export function verifyAgainstMemory(
  memory: NameMemory | null,
  list: ListHeader,
  hash: Hex,
  tag: string | null,
  stored: TagEntry | undefined,
): void {
  if (memory === null) return
  const { owner, epoch, version } = memory
  ensure(list.owner === owner, 'OwnerChanged', `${list.name} belonged to ${owner} and now to ${list.owner}`)
  const isLower = list.epoch < epoch || (list.epoch === epoch && list.version < version)
  ensure(
    !isLower,
    'Rollback',
    `epoch ${list.epoch} version ${list.version} is older than ${epoch}/${version}, seen before`,
  )
  if (list.epoch !== epoch) return
  const isSame = list.version !== version || hash === memory.hash
  ensure(isSame, 'Equivocation', `two lists of version ${version}: ${memory.hash} was seen before, now ${hash}`)
  const seen = tag === null ? undefined : memory.entries.get(tag)
  if (tag !== null && seen !== undefined) checkImmutable(tag, seen, stored)
}

/**
 * Protocol 2.1 for a whole list: the slots are well-formed and rebuild the header's count and root. Yields as `buildWellFormedTree`
 * does and returns its hashes. @throws Refusal MalformedList, InvalidTag, InvalidEntry
 */
export function* verifyWholeList(
  list: ListHeader,
  slots: readonly Slot[],
): Generator<void, { root: Hex; levels: Hex[][] }> {
  ensure(
    list.count === BigInt(slots.length),
    'MalformedList',
    `${slots.length} slots; the list is signed for ${list.count}`,
  )
  const tree = yield* buildWellFormedTree(slots, list.version)
  ensure(
    tree.root === list.root,
    'MalformedList',
    `the entries have root ${tree.root}; the list is signed for ${list.root}`,
  )
  return tree
}

function clocks({ localTime, blockTime }: CheckTimes): { earlier: bigint; later: bigint } {
  return localTime < blockTime ? { earlier: localTime, later: blockTime } : { earlier: blockTime, later: localTime }
}

function ensure(holds: boolean, reason: RefusalName, message: string): asserts holds {
  if (!holds) throw new Refusal(reason, message)
}
