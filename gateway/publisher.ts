import type { Deps } from './deps.ts'
import { unavailable } from './errors.ts'
import { keptFor } from './kept.ts'
import type { Digest } from './oci/digest.ts'
import { OciError } from './oci/error.ts'
import type { OpenRepository } from './routes/repository.ts'
import type { Signer } from './signer.ts'
import { ListMoved } from './store/tag-list-store.ts'
import type { NameAuthority } from './tags/authority.ts'
import { decodeTagEntry, encodeTagKey, type TagEntry } from './tags/entry.ts'
import { hashList, type ListHeader, type SignedList, ZERO_HASH } from './tags/list.ts'
import { nextListHeader } from './tags/next-list.ts'
import { planChanges, type TagChange } from './tags/tree.ts'
import { verifyPublication } from './tags/verify.ts'
import { createTurns } from './turns.ts'

/**
 * Decides, against the list that the commit will compare with, what to change: called again after a lost race. `entryOf` reads the
 * current entry of a tag, tombstones included (undefined when it has no slot). Authorisation belongs here. An empty answer publishes
 * nothing. New entries carry any `updatedVersion`: publishing sets it.
 */
export type DecideChanges = (current: {
  head: SignedList | undefined
  entryOf: (tag: string) => Promise<TagEntry | undefined>
}) => Promise<readonly TagChange[]>

/** Races that one publish may lose against other processes before it gives up. */
const maxTries = 20

/** One queue for each app's stores, by list line. */
const turnsOf = keptFor((_: Deps['lists']) => createTurns())

/**
 * Signs and commits the next version of a repository's list: all changes or none, one signature. Publishes of one repository in this
 * process run one after another; against other processes it is compare-and-swap with a bounded number of tries. Resolves after the
 * commit is durable, with the list that holds the changes. When nothing was decided that is the current list, and `undefined` then
 * says that there is none: nothing was ever published here. With `manifest` the commit needs the repository to show that manifest still.
 * @throws OciError DENIED (no key here), UNKNOWN 503 (too many lost races), Refusal (an immutable tag, or our own verifier refuses
 * what would be published), ChainUnavailable, ManifestGone, and whatever `decide` throws
 */
export function publishTags(
  deps: Deps,
  repository: OpenRepository,
  decide: DecideChanges,
  manifest?: Digest,
): Promise<SignedList | undefined> {
  return inTurn(deps, repository, () =>
    untilCommitted(repository, async () => {
      const head = await deps.lists.findHead(repository.line)
      const changes = await decide({ head, entryOf: (tag) => readEntry(deps, repository, head, tag) })
      if (changes.length === 0) return { current: head }
      return publishNext(deps, repository, head, changes, manifest)
    }),
  )
}

/**
 * Signs the current list again under a new version and a new lifetime when it is past half of its own (protocol 2.2); resolves with
 * the list that stands then, undefined when there is none. @throws as `publishTags`
 */
export function renewList(deps: Deps, repository: OpenRepository): Promise<SignedList | undefined> {
  return inTurn(deps, repository, () =>
    untilCommitted(repository, async () => {
      const head = await deps.lists.findHead(repository.line)
      if (!head || !isRenewalDue(head.list, deps.clock())) return { current: head }
      return publishNext(deps, repository, head, [])
    }),
  )
}

/** Whether a list is past half of its life. */
export function isRenewalDue({ issuedAt, expiresAt }: ListHeader, now: bigint): boolean {
  return 2n * now >= issuedAt + expiresAt
}

/** Runs what changes a repository's tags after whatever does so in this process already. */
export function inTurn<Result>(
  deps: Pick<Deps, 'lists'>,
  { line }: Pick<OpenRepository, 'line'>,
  work: () => Promise<Result>,
): Promise<Result> {
  return turnsOf(deps.lists)([line.chainId, line.resolver, line.ensName, line.owner, line.epoch].join(' '), work)
}

/** What one try came to: the list that stands now, or `lost` against another publisher. */
type Try = { current: SignedList | undefined } | 'lost'

async function untilCommitted({ name }: OpenRepository, attempt: () => Promise<Try>): Promise<SignedList | undefined> {
  for (let tries = 0; tries < maxTries; tries++) {
    const outcome = await attempt().catch(lostIfMoved)
    if (outcome !== 'lost') return outcome.current
  }
  throw unavailable(`others publish ${name.ensName} all the time: ${maxTries} tries were lost`)
}

/** The stores say so when the list under a reader is no longer the current one. */
function lostIfMoved(error: unknown): 'lost' {
  if (error instanceof ListMoved) return 'lost'
  throw error
}

async function readEntry(
  deps: Deps,
  { line }: OpenRepository,
  head: SignedList | undefined,
  tag: string,
): Promise<TagEntry | undefined> {
  const found = await deps.lists.findSlot(line, encodeTagKey(tag))
  if (found?.head.hash !== head?.hash) throw new ListMoved(head?.hash ?? ZERO_HASH)
  return found?.slot && decodeTagEntry(found.slot.value, found.head.list.version)
}

/** The authority is read again: a publish may have waited for its turn. */
async function publishNext(
  deps: Deps,
  repository: OpenRepository,
  head: SignedList | undefined,
  changes: readonly TagChange[],
  manifest?: Digest,
): Promise<Try> {
  const { lists, chain, signer } = deps
  const { line, name } = repository
  if (!signer) throw new OciError('DENIED', `${name.ensName} cannot be published here: this gateway holds no key`)
  const version = head ? head.list.version + 1n : 1n
  const tree = await lists.openTree(line, head?.hash ?? null)
  const delta = await planChanges(tree, atVersion(changes, version), version, deps.pause)
  const authority = await chain.readAuthority(name.ensName)
  const times = { now: deps.clock(), lifetimeSeconds: deps.limits.listLifetimeSeconds }
  const signed = await signNext(deps, signer, authority, nextListHeader({ line, authority, head, delta, ...times }))
  return (await lists.commit(line, signed, delta, manifest)) ? { current: signed } : 'lost'
}

function atVersion(changes: readonly TagChange[], version: bigint): TagChange[] {
  const updatedVersion = Number(version)
  return changes.map(({ tag, entry }) => ({ tag, entry: entry && { ...entry, updatedVersion } }))
}

/** Rows 2 to 6 of protocol 3.1, so that nothing is published that verifiers refuse. */
async function signNext(deps: Deps, signer: Signer, authority: NameAuthority, list: ListHeader): Promise<SignedList> {
  const signature = await signer.signList(deps.chain.domain, list)
  const signatures = [{ signer: signer.address, signature }]
  await verifyPublication({ list, signatures }, authority, deps.clock())
  return { list, hash: hashList(deps.chain.domain, list), signatures, timestamp: null }
}
