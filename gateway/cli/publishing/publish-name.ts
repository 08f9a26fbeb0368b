import { readFile, stat } from 'node:fs/promises'
import { ConfigError } from '../../config.ts'
import { type Glob, matchesGlob } from '../../tags/glob.ts'
import { Refusal } from '../../tags/refusal.ts'
import { withValidSignatures } from '../../valid-signatures.ts'
import { GatewayUnavailable } from '../client/ccip.ts'
import type { WholeList } from '../client/read-list.ts'
import { readBase } from './base.ts'
import { type Draft, MAX_DRAFT_BYTES, parseDraft, withSignatures } from './draft.ts'
import { PublishRefused } from './failure.ts'
import { movesOf, movesOfDraft, versionAfter } from './moves.ts'
import { type PublishRun, type Settled, settleDraft } from './settle-draft.ts'
import { checkDraft, draftNext, signedListsOf } from './sign.ts'
import type { KeptDraft } from './signed-lists.ts'
import { readStaged } from './staged.ts'
import { createContentReader } from './staged-content.ts'

/** Races that a publish may lose against others. */
const maxTries = 5

/** Which of the staged changes are meant, and what else is wanted. */
export type Wanted = {
  /** None: all tags. */
  globs: readonly Glob[]
  /** Sign anew where no tag changes: a list lives for a while only. */
  renew: boolean
  /** Forget a list that was made here and that nobody signed. */
  discardUnsigned: boolean
}

/**
 * Publishes what waits at a gateway: first what was signed here before and is not known to have come, as it was; then what is staged, on top
 * of the list that was verified. Where another publisher was first, everything is made anew on their list, and asked for again. Resolves
 * with what was settled, in order; the last says where it ended. @throws as `settleDraft`
 */
export async function publishStaged(run: PublishRun, wanted: Wanted): Promise<Settled[]> {
  const { session, place } = run
  const read = createContentReader(place)
  const settled: Settled[] = []
  let lostOn: WholeList | null | undefined
  for (let tries = 0; tries < maxTries; tries++) {
    const base = await readBase(session, place)
    const before = await draftOfBefore(run, base, wanted)
    const made = before ?? (await draftOfStaged(run, base, wanted, read, settled.length > 0))
    if (made === null) return settled
    if (lostOn !== undefined) refuseConflict(run, lostOn, base, made.moves)
    const outcome = await settleDraft(run, base, made.draft, made.moves)
    lostOn = outcome.came === 'lost' ? base : undefined
    if (outcome.came !== 'lost') settled.push(outcome)
    if (outcome.came !== 'lost' && (outcome.came !== 'taken' || before === null)) return settled
  }
  throw new GatewayUnavailable(`others publish ${session.onChain.ensName} all the time: ${maxTries} tries were lost`)
}

type Made = Pick<Settled, 'draft' | 'moves'>

/** What was signed here last, where it would be the next version; null when it came, or can come no more. */
async function draftOfBefore(run: PublishRun, base: WholeList | null, wanted: Wanted): Promise<Made | null> {
  const { session, place, say } = run
  const signed = await signedListsOf(session)
  const kept = await signed.recall()
  if (kept === null || !isNext(kept, base, session.localTime)) return null
  // A signer that the owner has removed since stands in nobody's way: the list stays as it was.
  const { signatures } = await withValidSignatures(await session.onChain.readAuthority(), {
    ...kept.draft,
    timestamp: null,
  })
  const draft = { ...kept.draft, signatures }
  if (wanted.discardUnsigned && (await signed.withdraw(draft))) {
    say(`version ${draft.list.version} was made here before and not signed: it is forgotten`)
    return null
  }
  say(
    `version ${draft.list.version} was made here before, and ${place.gateway} does not have it: going on with it as it was`,
  )
  return { draft, moves: await movesOfDraft(base, draft.changes, createContentReader(place)) }
}

function isNext({ draft }: KeptDraft, base: WholeList | null, now: bigint): boolean {
  const { version, previous, expiresAt } = draft.list
  return version === versionAfter(base) && (base === null || previous === base.signed.hash) && expiresAt > now
}

async function draftOfStaged(
  { session, place, say }: PublishRun,
  base: WholeList | null,
  { globs, renew }: Wanted,
  read: ReturnType<typeof createContentReader>,
  isLater: boolean,
): Promise<Made | null> {
  const { ensName } = session.onChain
  const staged = await readStaged(place, ensName)
  const chosen = staged.filter(({ tag }) => globs.length === 0 || globs.some((glob) => matchesGlob(glob, tag)))
  const moves = await movesOf(base, chosen, read)
  if (chosen.length < staged.length) say(`${staged.length - chosen.length} staged tags are left for another time`)
  if (moves.length === 0 && (!renew || isLater)) {
    if (!isLater) say(`nothing waits to be published for ${ensName} at ${place.gateway}`)
    return null
  }
  const changes = moves.map(({ tag, after }) => ({ tag, entry: after }))
  return { draft: await draftNext(session, base, changes), moves }
}

/** Where nobody is asked, a tag that somebody else changed meanwhile is not overwritten. @throws PublishRefused */
function refuseConflict(
  { yes, say }: PublishRun,
  lostOn: WholeList | null,
  base: WholeList | null,
  moves: Made['moves'],
) {
  const digestIn = (list: WholeList | null, tag: string) => list?.entries.get(tag)?.digest
  const changed = moves.filter(({ tag }) => digestIn(lostOn, tag) !== digestIn(base, tag)).map(({ tag }) => tag)
  if (changed.length === 0) return
  const what = `${changed.join(', ')} changed meanwhile: another publisher was first`
  if (yes) throw new PublishRefused('Conflict', `${what}; run the command without --yes to look at it`)
  say(`warning: ${what}`)
}

/**
 * Goes on with a list that another publisher made: builds it again from the verified list and its changes, reads and checks all content, and
 * checks every signature on it, before anybody here signs. @throws ConfigError for a file that is none, and as `settleDraft`
 */
export async function publishImported(run: PublishRun, files: readonly string[]): Promise<Settled> {
  const { session, place, say } = run
  const draft = await readDrafts(run, files)
  const { anchorHash, anchorVersion } = await session.onChain.readAuthority()
  const isAnchored = anchorVersion === draft.list.version && anchorHash === draft.hash
  const base = await readBase(session, place, isAnchored ? draft.list.previous : null)
  if (base?.signed.hash === draft.hash) {
    say(`version ${draft.list.version} is published already`)
    return { draft, moves: [], came: 'taken' }
  }
  await checkDraft(session, base, draft)
  const moves = await movesOfDraft(base, draft.changes, createContentReader(place))
  const settled = await settleDraft(run, base, draft, moves)
  if (settled.came !== 'lost') return settled
  const next = `run mooring publish ${draft.list.name} to make a list on top of it`
  throw new PublishRefused('Conflict', `another list of version ${draft.list.version} came first: ${next}`)
}

async function readDrafts({ session }: PublishRun, files: readonly string[]): Promise<Draft> {
  const drafts: Draft[] = []
  for (const file of files) drafts.push(await readDraft(session, file))
  const [first, ...others] = drafts as [Draft, ...Draft[]]
  const stranger = others.find(({ hash }) => hash !== first.hash)
  if (stranger !== undefined) {
    throw new Refusal('Equivocation', `the files hold different lists: ${first.hash} and ${stranger.hash}`)
  }
  const { ensName } = session.onChain
  if (first.list.name !== ensName)
    throw new Refusal('NodeMismatch', `the list is for ${first.list.name}, not ${ensName}`)
  return withSignatures(
    first,
    others.flatMap(({ signatures }) => signatures),
  )
}

async function readDraft({ onChain }: PublishRun['session'], file: string): Promise<Draft> {
  try {
    const { size } = await stat(file)
    if (size > MAX_DRAFT_BYTES) throw new Error(`it has ${size} bytes, over ${MAX_DRAFT_BYTES}`)
    return parseDraft(onChain.domain, await readFile(file, 'utf8'))
  } catch (error) {
    throw new ConfigError('--import', file, `a file that mooring publish --export wrote (${(error as Error).message})`)
  }
}
