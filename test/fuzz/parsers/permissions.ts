import { nodeOf } from '../../../gateway/ens/name.ts'
import { OciError } from '../../../gateway/oci/error.ts'
import { hashPermissions, isGranted, isImmutableTag } from '../../../gateway/tags/permissions.ts'
import { parsePermissionsUpload } from '../../../gateway/tags/permissions-json.ts'
import { addressOf, testKeys } from '../../keys.ts'
import { type FuzzedParser, jsonBytes } from './parser.ts'

const [owner, account] = [addressOf(testKeys.owner), addressOf(testKeys.third)]
const grant = (globs: string[]) => ({
  account,
  names: ['acme.eth', '*.acme.eth'],
  create: globs,
  update: globs,
  remove: [],
})

const upload = (grants: object[], immutableTags: string[]) => ({
  permissions: {
    ...{ name: 'acme.eth', node: nodeOf('acme.eth'), owner, version: 1, grants, immutableTags },
    ...{ issuedAt: 1, expiresAt: 2 },
  },
  signature: `0x${'ab'.repeat(65)}`,
})

const domain = { chainId: 1, resolver: owner }
/** Long enough that a pattern which goes wrong over it would be seen. */
const tag = 'a'.repeat(128)

/** The policy that an owner signs: who may push what. What is read is hashed and asked about a tag, too. */
export const permissions: FuzzedParser = {
  name: 'policy',
  structure: 'json',
  seeds: [
    upload([grant(['*']), grant(['v[0-9]*', 'ci-?'])], ['!v0*', 'v[0-9]*']),
    upload([], []),
    upload([grant(['[a-z0-9]*a*b', 'latest'])], []),
  ].map(jsonBytes),
  parse(input) {
    const { permissions: read } = parsePermissionsUpload(input)
    hashable(read)
    return [isGranted(read, account, 'web.acme.eth', 'create', tag), isImmutableTag(read, tag)]
  },
  isDocumented: (error) => error instanceof OciError,
  shapes: {
    grants: (n) =>
      jsonBytes(
        upload(
          Array.from({ length: n / 8 }, () => grant(['*'])),
          [],
        ),
      ),
    'patterns of stars': (n) => jsonBytes(upload([grant(Array.from({ length: n / 16 }, () => '*a'.repeat(60)))], [])),
    'a long pattern': (n) => jsonBytes(upload([grant([`${'*a'.repeat(n / 9)}b`])], [])),
    'behind its limits': (n) =>
      jsonBytes(
        upload(
          Array.from({ length: n * 4 }, () => grant(['*'])),
          [],
        ),
      ),
  },
}

/** Row 1 and the hash are for later: they are asked here so that nothing that was read can break them. */
function hashable(read: Parameters<typeof hashPermissions>[1]): void {
  hashPermissions(domain, read)
}
