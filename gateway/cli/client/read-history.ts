import type { Hex } from 'viem'
import { parseStrictJson } from '../../oci/strict-json.ts'
import { isTag, type TagEntry } from '../../tags/entry.ts'
import { parseEntryJson, parseSignedListJson } from '../../tags/json.ts'
import { arrayOf, membersOf, textMember } from '../../tags/json-members.ts'
import { hashList, type ListDomain, type SignedList, ZERO_HASH } from '../../tags/list.ts'
import { Refusal } from '../../tags/refusal.ts'
import type { Reach } from './http.ts'
import { fetchMooring, firstThatHolds, readJson, readWholeList } from './read-list.ts'
import type { Session } from './session.ts'

/** What a version changed for one tag: the gateway's account, of which only the form was checked. */
export type Change = { tag: string; before: TagEntry | null; after: TagEntry | null }

/** One version of a list. Its header is proven. */
export type Version = { signed: SignedList; changes: readonly Change[] }

/** A page ends with the version that fills it, and that may have changed every tag. */
const maxPageBytes = 512 * 1024 * 1024
const pageItems = 100

/**
 * All versions of a name's list, newest first. The newest is the verified current list, and each names the hash of the one before, so
 * none can be left out or altered. @throws ListUnverified, ChainUnavailable, Refusal (row 10)
 */
export async function readHistory(session: Session, repository: string): Promise<Version[]> {
  const head = await readWholeList(session, repository)
  return firstThatHolds(session, async (gateway) => {
    const versions: Version[] = []
    let wanted = head.signed.hash
    while (wanted !== ZERO_HASH) {
      const page = await readHistoryPage(
        gateway,
        repository,
        versions.at(-1)?.signed.hash ?? null,
        session.onChain.reach,
      )
      if (page.length === 0)
        throw new Refusal('BadResponse', `${gateway} does not have the version with hash ${wanted}`)
      for (const version of page) {
        checkLink(session.onChain.domain, version.signed, wanted)
        versions.push(version)
        wanted = version.signed.list.previous
      }
    }
    return versions
  })
}

function checkLink(domain: ListDomain, signed: SignedList, wanted: string): void {
  if (hashList(domain, signed.list) === wanted) return
  throw new Refusal('BadResponse', `version ${signed.list.version} is not the one that the version after it names`)
}

/**
 * The next older versions after the one with hash `last`, newest first; the newest ones for null. Only their form is checked.
 * @throws Refusal BadResponse, GatewayUnavailable, HttpFailure, BodyTooLarge
 */
export async function readHistoryPage(
  gateway: string,
  repository: string,
  last: Hex | null,
  reach: Reach,
): Promise<Version[]> {
  const endpoint = `history?n=${pageItems}${last === null ? '' : `&last=${last}`}`
  const { url, body } = await fetchMooring(gateway, repository, endpoint, maxPageBytes, reach)
  return readJson(url, () => {
    const { lists } = parseStrictJson(body, { maxDepth: 8 }) as { lists?: unknown }
    if (!Array.isArray(lists)) throw new Error('lists is not an array')
    return lists.map((item: unknown) => {
      const signed = parseSignedListJson(item)
      return { signed, changes: arrayOf((item as { changes?: unknown }).changes, 'changes').map(parseChange) }
    })
  })
}

/** Nothing that is not a tag or an entry reaches a terminal. */
function parseChange(value: unknown): Change {
  const members = membersOf(value, 'changes', ['tag', 'before', 'after'])
  const tag = textMember(members, 'tag')
  if (!isTag(tag)) throw new Error('a change has no tag')
  const entryOf = (entry: unknown) => (entry === null ? null : parseEntryJson(entry))
  return { tag, before: entryOf(members.before), after: entryOf(members.after) }
}
