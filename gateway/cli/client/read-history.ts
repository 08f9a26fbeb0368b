import { parseStrictJson } from '../../oci/strict-json.ts'
import { isLowerHex } from '../../tags/bytes.ts'
import { parseSignedListJson } from '../../tags/json.ts'
import { hashList, type ListDomain, type SignedList, ZERO_HASH } from '../../tags/list.ts'
import { Refusal } from '../../tags/refusal.ts'
import { fetchMooring, firstThatHolds, readJson, readWholeList } from './read-list.ts'
import type { Session } from './session.ts'

/** One version of a list. Its header is proven; what it changed is the gateway's account. */
export type Version = { signed: SignedList; changes: readonly unknown[] }

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
      const last = versions.length === 0 ? '' : `&last=${versions.at(-1)?.signed.hash}`
      const page = await readPage(gateway, repository, `history?n=${pageItems}${last}`)
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

async function readPage(gateway: string, repository: string, endpoint: string): Promise<Version[]> {
  const { url, body } = await fetchMooring(gateway, repository, endpoint, maxPageBytes)
  return readJson(url, () => {
    const { lists } = parseStrictJson(body, { maxDepth: 8 }) as { lists?: unknown }
    if (!Array.isArray(lists)) throw new Error('lists is not an array')
    return lists.map((item: { hash?: unknown; changes?: unknown }) => {
      if (typeof item.hash !== 'string' || !isLowerHex(item.hash, 32)) throw new Error('a list has no hash')
      return { signed: parseSignedListJson(item), changes: Array.isArray(item.changes) ? item.changes : [] }
    })
  })
}
