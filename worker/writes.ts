import { registryEndpoints } from '../gateway/app.ts'
import { parseRepository } from '../gateway/ens/name.ts'
import { OciError } from '../gateway/oci/error.ts'
import { compilePattern, matchPath, rawPathOf } from '../gateway/oci/path.ts'

/** The endpoints that write to a repository: all that are no GET. */
const writingRows = registryEndpoints
  .map((endpoint) => endpoint.split(' ', 2) as [method: string, path: string])
  .filter(([method]) => method !== 'GET')
  .map(([method, path]) => ({ method, pattern: compilePattern(path) }))

/** The ENS name of the repository that a request would write to; undefined for one that writes nowhere or names none. */
export function nameWritten({ method, url }: Request): string | undefined {
  if (method === 'GET' || method === 'HEAD') return undefined
  const path = rawPathOf(url)
  for (const row of writingRows) {
    const params = row.method === method ? matchPath(row.pattern, path) : undefined
    if (params) return ensNameOf(params.repository ?? '', new URL(url).searchParams.get('ns') ?? undefined)
  }
  return undefined
}

/** The app itself says what is wrong with a name. */
function ensNameOf(repository: string, namespace: string | undefined): string | undefined {
  try {
    return parseRepository(repository, namespace).ensName
  } catch (error) {
    if (error instanceof OciError) return undefined
    throw error
  }
}
