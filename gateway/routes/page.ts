import type { Limits } from '../limits.ts'
import { OciError } from '../oci/error.ts'

/** How much of a list a request asks for, and after which item ("" from the start). */
export type Page = { limit: number; last: string }

/** What of a request says which page it asks for. */
export type PageRequest = { url: URL; deps: { limits: Pick<Limits, 'maxPageItems' | 'defaultPageItems'> } }

/**
 * Reads `?n=` and `?last=`. `n` is capped at the gateway's page size; 0 is an empty page.
 * @throws OciError 400 UNSUPPORTED for an `n` that is no whole number
 */
export function parsePage({ url, deps }: PageRequest): Page {
  const n = url.searchParams.get('n')
  const { maxPageItems, defaultPageItems } = deps.limits
  if (n !== null && !/^\d{1,15}$/.test(n)) {
    throw new OciError('UNSUPPORTED', `n ${JSON.stringify(n.slice(0, 80))} is not a whole number`, { status: 400 })
  }
  const limit = n === null ? defaultPageItems : Math.min(Number(n), maxPageItems)
  return { limit, last: url.searchParams.get('last') ?? '' }
}
