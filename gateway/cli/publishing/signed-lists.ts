import { parseStrictJson } from '../../oci/strict-json.ts'
import { arrayOf, membersOf } from '../../tags/json-members.ts'
import type { ListDomain, ListHeader } from '../../tags/list.ts'
import { Refusal } from '../../tags/refusal.ts'
import { readNewest, writeNext } from '../client/generations.ts'
import type { Session } from '../client/session.ts'
import { type Draft, parseDraft, renderDraft, withSignatures } from './draft.ts'

/**
 * The last list that was signed here under one line (chain, resolver, node, owner, epoch), whoever's key it was: a publisher that signs two
 * lists of one version contradicts itself for good. Durable when a call resolves; several processes may share it.
 */
export type SignedLists = {
  /** Null where nothing was ever signed. @throws Error when it cannot be read */
  recall(): Promise<KeptDraft | null>
  /**
   * Keeps a draft before it is signed, and again with each signature before that leaves. @throws Refusal Equivocation where another list
   * of its version was kept, Rollback for one of an older version; one that has expired stands in nobody's way
   */
  keep(draft: Draft, isReleased: boolean): Promise<void>
  /** Takes back a draft that nobody signed. False where it was signed, or is not the one that is kept. */
  withdraw(draft: Draft): Promise<boolean>
}

/** A kept draft; `isReleased` once a signature over it may be somewhere else: then it stays. */
export type KeptDraft = { draft: Draft; isReleased: boolean }

/** What is kept of a line: the newest, and the one before, which comes back when the newest is withdrawn. */
type Kept = readonly KeptDraft[]

const maxTries = 100
const FORMAT = 1

/** The lists that were signed under the line that a list belongs to. */
export function openSignedLists(
  { memory, onChain }: Pick<Session, 'memory' | 'onChain'>,
  { node, owner, epoch }: Pick<ListHeader, 'node' | 'owner' | 'epoch'>,
  now: bigint,
): SignedLists {
  const { domain } = onChain
  const folder = `${memory.folderOf(domain, node)}-signed-${owner}-${epoch}`
  const change = (next: (kept: Kept) => Kept | null) => changeKept(folder, domain, next)
  return {
    recall: async () => (await readKept(folder, domain)).kept[0] ?? null,
    keep: async (draft, isReleased) => {
      await change((kept) => addDraft(kept, { draft, isReleased }, now))
    },
    withdraw: (draft) =>
      change((kept) => {
        const [newest, ...before] = kept
        return newest === undefined || newest.isReleased || newest.draft.hash !== draft.hash ? null : before
      }),
  }
}

function addDraft([newest, ...before]: Kept, next: KeptDraft, now: bigint): Kept {
  if (newest === undefined) return [next]
  const known = newest.draft
  if (known.hash === next.draft.hash) {
    const draft = withSignatures(known, next.draft.signatures)
    return [{ draft, isReleased: newest.isReleased || next.isReleased }, ...before]
  }
  refuseSecond(known, next.draft, now)
  return [next, newest]
}

function refuseSecond(known: Draft, next: Draft, now: bigint): void {
  const { name, version, expiresAt } = known.list
  if (next.list.version > version || expiresAt <= now) return
  const seen = `version ${version} of ${name} was signed here as ${known.hash}`
  const wayOut = `mooring publish ${name} sends that one again; mooring reset ${name} begins anew; it expires at ${timeText(expiresAt)}`
  const reason = next.list.version === version ? 'Equivocation' : 'Rollback'
  throw new Refusal(reason, `${seen}: another list of version ${next.list.version} is not signed; ${wayOut}`)
}

function timeText(unixSeconds: bigint): string {
  return new Date(Number(unixSeconds) * 1000).toISOString()
}

/** False when `next` gives null: nothing is written then. */
async function changeKept(folder: string, domain: ListDomain, next: (kept: Kept) => Kept | null): Promise<boolean> {
  for (let tries = 0; tries < maxTries; tries++) {
    const { kept, newest } = await readKept(folder, domain)
    const after = next(kept)
    if (after === null) return false
    if (await writeNext(folder, newest, renderKept(domain, after))) return true
  }
  throw new Error(`${folder} changes all the time: ${maxTries} tries to write it were lost`)
}

function renderKept(domain: ListDomain, kept: Kept): string {
  const drafts = kept.map(({ draft, isReleased }) => ({ isReleased, draft: renderDraft(domain, draft) }))
  return `${JSON.stringify({ format: FORMAT, drafts }, null, 1)}\n`
}

async function readKept(folder: string, domain: ListDomain) {
  const newest = await readNewest(folder)
  if (newest.text === null) return { newest, kept: [] }
  try {
    const { format, drafts } = membersOf(parseStrictJson(newest.text, { maxDepth: 4 }), 'kept', ['format', 'drafts'])
    if (format !== FORMAT) throw new Error(`its format is not ${FORMAT}`)
    const kept = arrayOf(drafts, 'drafts').map((each) => {
      const { isReleased, draft } = membersOf(each, 'drafts', ['isReleased', 'draft'])
      return { draft: parseDraft(domain, String(draft)), isReleased: isReleased === true }
    })
    return { newest, kept }
  } catch (error) {
    const what = 'what was signed here cannot be read, so nothing more is signed'
    throw new Error(`${newest.file}: ${what} (${(error as Error).message})`)
  }
}
