import { jsonAnswer } from './answer.ts'
import { openForRead } from './repository.ts'
import type { Route } from './route.ts'

/** One extension as `_oci/ext/discover` shows it (distribution-spec, extensions/_oci.md). */
type Extension = { name: string; url: string; description: string; endpoints: readonly string[] }

const discovery: Extension = {
  name: '_oci',
  url: 'https://github.com/opencontainers/distribution-spec/blob/main/extensions/_oci.md',
  description: 'Which extensions are here',
  endpoints: ['_oci/ext/discover'],
}

/** Every extension of ours, below `/v2/<repository>/` (protocol 5); a test holds this beside the routes. */
const mooring: Extension = {
  name: '_mooring',
  url: 'urn:mooring:protocol:1',
  description: 'The signed tag list of a name: read it, prove a tag, publish the next version',
  endpoints: [
    '_mooring/list',
    '_mooring/staged',
    '_mooring/history',
    '_mooring/proof',
    '_mooring/timestamp',
    '_mooring/status',
    '_mooring/permissions',
  ],
}

/** `GET /v2/_oci/ext/discover`: the extensions that need no repository. */
export const getExtensions: Route = async () => jsonAnswer(200, { extensions: [discovery] })

/** `GET /v2/<repository>/_oci/ext/discover`: those of a repository that is served here. */
export const getRepositoryExtensions: Route = async (context) => {
  await openForRead(context)
  return jsonAnswer(200, { extensions: [discovery, mooring] })
}
