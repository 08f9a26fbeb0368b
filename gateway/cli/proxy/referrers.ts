import { unavailable } from '../../errors.ts'
import type { Digest } from '../../oci/digest.ts'
import { OciError } from '../../oci/error.ts'
import type { ClaimedReferrers } from '../../proxy/reader.ts'
import { BodyTooLarge, fetchBounded, HttpFailure, type Reach } from '../client/http.ts'
import { nextPageUrl } from '../client/next-page.ts'

const maxReferrersBytes = 4 * 1024 * 1024

/** Whom to ask about which repository, and how long one may take. */
export type ReferrersQuestion = { gateways: readonly string[]; reach: Reach; repository: string; timeoutMs: number }

/** The first gateway's answer that is one. Nothing of it can be verified. @throws OciError 400 as a gateway says it, 503 when none answers */
export async function readReferrersAt(
  { gateways, reach, repository, timeoutMs }: ReferrersQuestion,
  subject: Digest,
  query: string,
): Promise<ClaimedReferrers> {
  const said: string[] = []
  for (const from of gateways) {
    const url = `${from}/v2/${repository}/referrers/${subject}${query === '' ? '' : `?${query}`}`
    try {
      const { status, headers, body } = await fetchBounded({ url, reach, timeoutMs }, maxReferrersBytes)
      const isFiltered = headers.get('oci-filters-applied')?.includes('artifactType') === true
      if (status === 200) return { body, from, isFiltered, nextQuery: nextQueryIn(headers.get('link'), url) }
      if (status === 400) throw new OciError('UNSUPPORTED', `${from} does not take ${query}`, { status: 400 })
      said.push(`${url} answers ${status}`)
    } catch (error) {
      if (!(error instanceof HttpFailure || error instanceof BodyTooLarge)) throw error
      said.push(error.message)
    }
  }
  throw unavailable(`no gateway lists the referrers of ${subject}: ${said.join('; ') || 'the chain names none'}`)
}

/** The query of the next page; null for none. */
function nextQueryIn(link: string | null, url: string): string | null {
  const next = nextPageUrl(link, url)
  return next === null ? null : new URL(next).search.slice(1)
}
