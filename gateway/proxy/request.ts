import { parseRepository, type RepositoryName } from '../ens/name.ts'
import type { ProxyRequest } from './app.ts'
import type { ServedName } from './reader.ts'

/** A name that a request asks for, and the headers that every answer about it has. */
export type Asked = { name: RepositoryName; served: ServedName; headers: Record<string, string> }

/**
 * Reads the repository and `?ns=` of a request, and opens the name unless that was done a moment ago.
 * @throws OciError NAME_INVALID, NAME_UNKNOWN; as `NameReader.openName`
 */
export async function openAsked({ state, url, params }: ProxyRequest): Promise<Asked> {
  const namespace = url.searchParams.get('ns') ?? undefined
  const name = parseRepository(params.repository ?? '', namespace)
  const served = await state.names.answer(name.ensName, () => state.reader.openName(name))
  // distribution-spec "Registry Proxying"; the parser let nothing but an ENS name through.
  return { name, served, headers: namespace === undefined ? {} : { 'oci-namespace': namespace } }
}
