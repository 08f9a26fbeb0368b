import type { Deps } from '../deps.ts'
import { parseRepository } from '../ens/name.ts'
import { keptFor } from '../kept.ts'
import { settleStaged } from '../staging.ts'
import { type ListLine, ListMoved } from '../store/tag-list-store.ts'
import type { NameAuthority } from '../tags/authority.ts'
import { type ListUpload, parseListUpload, signedListToJson } from '../tags/json.ts'
import { type SignedList, type SignerSignature, ZERO_HASH } from '../tags/list.ts'
import { Refusal } from '../tags/refusal.ts'
import { planChanges, type Slot, type TagChange } from '../tags/tree.ts'
import { verifyPublication, verifyWholeList } from '../tags/verify.ts'
import { createTurns } from '../turns.ts'
import { withValidSignatures } from '../valid-signatures.ts'
import { jsonAnswer } from './answer.ts'
import { readBody } from './body.ts'
import { replaceByDelta } from './many-changes.ts'
import type { Route } from './route.ts'
import { runInSlices } from './slices.ts'
import { compareLists } from './whole-list.ts'

/**
 * `PUT /v2/<repository>/_mooring/list` (protocol 5): publishes a list that was signed elsewhere; the signature is the authorisation. In
 * this order: JSON and limits (400, 413), rows 1 to 6 of the check order (403 DENIED with the error name), the current list (412),
 * well-formedness and entries, immutable entries (403). 201 when it is durable, and for the current list sent again.
 */
export const putList: Route = async (context) => {
  const { deps, params, url } = context
  const { ensName } = parseRepository(params.repository ?? '', url.searchParams.get('ns') ?? undefined)
  const body: Body = { bytes: await readBody(context.request, deps.limits.maxListBodyBytes) }
  if (body.bytes.byteLength <= smallBodyBytes) return publishUpload(deps, ensName, body)
  // Each takes many times its length in memory while it is checked.
  return largeBodiesOf(deps.lists)('one at a time', () => publishUpload(deps, ensName, body))
}

/** Emptied when it was read: the tens of megabytes of a whole list are not held while it is checked and written. */
type Body = { bytes: Uint8Array }

const smallBodyBytes = 1024 * 1024
/** One queue for each app's lists. */
const largeBodiesOf = keptFor((_: Deps['lists']) => createTurns())

async function publishUpload(deps: Deps, ensName: string, body: Body): Promise<Response> {
  const upload = await runInSlices(parseListUpload(body.bytes), deps.pause)
  body.bytes = new Uint8Array()
  const authority = await deps.chain.readAuthority(ensName)
  const hash = await verifyPublication(upload, authority, deps.clock())
  const { list, signatures } = upload
  // Rows 2 and 3 held: the list's owner and epoch are the chain's.
  const line = { ...deps.chain.domain, ensName, owner: list.owner, epoch: list.epoch }
  // An anchored list needs no signature, so those it carries were not looked at yet.
  const signed = await withValidSignatures(authority, { list, signatures, hash, timestamp: null })
  return commitUpload(deps, { authority, line, signed, upload })
}

/** An upload that its publishers signed, on its way into the store. */
type Publication = { authority: NameAuthority; line: ListLine; signed: SignedList; upload: ListUpload }

async function commitUpload(deps: Deps, publication: Publication): Promise<Response> {
  const { line, signed } = publication
  const head = await deps.lists.findHead(line)
  if (head?.hash === signed.hash) return settled(deps, line, await addSignatures(deps, publication, head))
  if ((head?.hash ?? ZERO_HASH) !== signed.list.previous) return conflict(publication, head)
  checkNextVersion(head, signed)
  const isCommitted = await writeUpload(deps, publication, head).catch(falseIfMoved)
  if (isCommitted) return settled(deps, line, signed)
  const winner = await deps.lists.findHead(line)
  return winner?.hash === signed.hash ? settled(deps, line, winner) : conflict(publication, winner)
}

/** `version` rises by one per publish (protocol 2.2). @throws Refusal Rollback, MalformedList */
function checkNextVersion(head: SignedList | undefined, { list }: SignedList): void {
  const next = (head?.list.version ?? 0n) + 1n
  if (list.version === next) return
  const reason = list.version < next ? 'Rollback' : 'MalformedList'
  throw new Refusal(reason, `the list has version ${list.version}; the one after its previous is ${next}`)
}

async function writeUpload(deps: Deps, publication: Publication, head: SignedList | undefined): Promise<boolean> {
  const { upload } = publication
  if ('changes' in upload) return writeChanges(deps, publication, head, upload.changes)
  return writeWhole(deps, publication, head, upload.slots)
}

async function writeChanges(
  deps: Deps,
  { line, signed }: Publication,
  head: SignedList | undefined,
  changes: readonly TagChange[],
): Promise<boolean> {
  const { list } = signed
  const tree = await deps.lists.openTree(line, head?.hash ?? null)
  const delta = await planChanges(tree, changes, list.version, deps.pause)
  if (delta.root !== list.root || BigInt(delta.count) !== list.count) {
    const seen = `root ${delta.root} of ${delta.count} slots`
    throw new Refusal(
      'MalformedList',
      `the changes lead to ${seen}, the list is signed for ${list.root} of ${list.count}`,
    )
  }
  if (delta.slots.size > deps.limits.maxSlotsPerCommit) return replaceByDelta(deps, line, head, signed, delta)
  return deps.lists.commit(line, signed, delta)
}

async function writeWhole(
  deps: Deps,
  { line, signed }: Publication,
  head: SignedList | undefined,
  slots: readonly Slot[],
): Promise<boolean> {
  const { levels } = await runInSlices(verifyWholeList(signed.list, slots), deps.pause)
  const changes = await compareLists(deps, line, head, slots, signed.list.version)
  return deps.lists.replace(line, signed, { slots, levels, changes })
}

function falseIfMoved(error: unknown): false {
  if (error instanceof ListMoved) return false
  throw error
}

/** The current list came again, perhaps with signatures that were not here yet: all that are valid are kept. */
async function addSignatures(deps: Deps, { authority, line, signed }: Publication, head: SignedList) {
  const known = await withValidSignatures(authority, head)
  const bySigner = new Map<string, SignerSignature>()
  for (const each of [...known.signatures, ...signed.signatures]) bySigner.set(each.signer, each)
  const signatures = [...bySigner.values()].sort((a, b) => (a.signer < b.signer ? -1 : 1))
  const isNew = JSON.stringify(signatures) !== JSON.stringify(head.signatures)
  if (isNew) await deps.lists.putSignatures(line, head.hash, signatures)
  return { ...head, signatures }
}

/** 201; what was staged and is in this list waits no longer. */
async function settled(deps: Deps, line: ListLine, signed: SignedList): Promise<Response> {
  await settleStaged(deps, line)
  return jsonAnswer(201, signedListToJson(signed))
}

/** 412 with the list that is current, all null and empty when there is none. */
async function conflict({ authority }: Publication, head: SignedList | undefined): Promise<Response> {
  const none = { list: null, hash: null, signatures: [] }
  return jsonAnswer(412, head ? signedListToJson(await withValidSignatures(authority, head)) : none)
}
