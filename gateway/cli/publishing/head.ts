import { parseStrictJson } from '../../oci/strict-json.ts'
import { parseSignedListJson } from '../../tags/json.ts'
import { arrayOf, objectOf } from '../../tags/json-members.ts'
import { hashList, type SignedList } from '../../tags/list.ts'
import { fetchBounded } from '../client/http.ts'
import { readJson } from '../client/read-list.ts'
import type { Session } from '../client/session.ts'
import { refusalIn } from '../push/registry-answer.ts'
import type { PublishingPlace } from './base.ts'

const timeoutMs = 60_000
/** One version, which may have changed every tag. */
const maxBytes = 512 * 1024 * 1024

/**
 * The newest list that a gateway shows, without its entries; null for none. Its hash is computed here, so it is that list and no other;
 * whether anybody signed it was not looked at. @throws Refusal BadResponse, RegistryRefused, HttpFailure, BodyTooLarge
 */
export async function readHead(
  { onChain }: Session,
  { gateway, repository, reach }: PublishingPlace,
): Promise<SignedList | null> {
  const url = `${gateway}/v2/${repository}/_mooring/history?n=1`
  const answer = await fetchBounded({ url, reach, timeoutMs }, maxBytes)
  if (answer.status !== 200) {
    const refused = refusalIn(answer, url)
    if (answer.status === 404 && refused.code === 'NAME_UNKNOWN') return null
    throw refused
  }
  return readJson(url, () => {
    const { lists } = objectOf(parseStrictJson(answer.body, { maxDepth: 8 }), 'history')
    const [newest] = arrayOf(lists, 'lists')
    if (newest === undefined) return null
    const signed = parseSignedListJson(newest)
    return { ...signed, hash: hashList(onChain.domain, signed.list) }
  })
}
