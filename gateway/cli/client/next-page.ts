/**
 * Where the next page of a listing is (RFC 8288 `Link` with `rel="next"`): null for none, and for a link to anything but the same path of
 * the same origin, which is no page of this listing. @param url of the page that the header came with
 */
export function nextPageUrl(link: string | null, url: string): string | null {
  const target = /^<([^<>]+)>;\s*rel="?next"?$/.exec(link?.trim() ?? '')?.[1]
  if (target === undefined || !URL.canParse(target, url)) return null
  const next = new URL(target, url)
  const here = new URL(url)
  return next.origin === here.origin && next.pathname === here.pathname ? next.href : null
}
