import { defaultLimits } from '../limits.ts'
import { parseDigest } from '../oci/digest.ts'
import { readManifest } from '../oci/manifest.ts'
import { warningValue } from '../oci/warning.ts'
import { Refusal } from '../tags/refusal.ts'
import type { ProxyRoute } from './app.ts'
import { openAsked } from './request.ts'

const indexType = 'application/vnd.oci.image.index.v1+json'

/**
 * end-12a `GET /v2/<repository>/referrers/<digest>`: what a gateway says, passed on as its word alone. Nobody signs which referrers a
 * digest has (protocol 2.1 keeps a kind byte for it), so one can be hidden or made up; each of them, when it is pulled, is checked by its
 * digest like everything else. The answer says so in a `Warning`, which oras and others print.
 */
export const getReferrers: ProxyRoute = async (context) => {
  const subject = parseDigest(context.params.digest ?? '')
  const { served, headers } = await openAsked(context)
  const query = new URLSearchParams(context.url.searchParams)
  query.delete('ns')
  const { body, from, nextQuery, isFiltered } = await served.readReferrers(subject, `${query}`)
  await checkIndex(body, from)
  const warning = `unverified: which referrers ${subject} has is the word of ${from} alone; each is checked when it is pulled`
  const next =
    nextQuery === null ? null : `<${context.url.pathname}?${withNamespace(nextQuery, context.url)}>; rel="next"`
  return new Response(body as Uint8Array<ArrayBuffer>, {
    headers: {
      ...headers,
      'content-type': indexType,
      'content-length': String(body.length),
      'cache-control': 'no-cache',
      warning: warningValue(warning),
      ...(isFiltered && { 'oci-filters-applied': 'artifactType' }),
      ...(next !== null && { link: next }),
    },
  })
}

/** @throws Refusal AmbiguousManifest for what two readers could take for different lists */
async function checkIndex(body: Uint8Array, from: string): Promise<void> {
  try {
    await readManifest(body, indexType, defaultLimits)
  } catch (error) {
    throw new Refusal('AmbiguousManifest', `the referrers that ${from} sends: ${(error as Error).message}`)
  }
}

function withNamespace(nextQuery: string, url: URL): string {
  const query = new URLSearchParams(nextQuery)
  const namespace = url.searchParams.get('ns')
  if (namespace !== null) query.set('ns', namespace)
  return `${query}`
}
