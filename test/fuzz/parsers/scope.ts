import { encodeScopes, MAX_GRANTS, parseScopes } from '../../../gateway/auth/scope.ts'
import { OciError } from '../../../gateway/oci/error.ts'
import { bytesOf, type FuzzedParser, textOf } from './parser.ts'

/** The scopes that a client asks for (token specification of the distribution project). */
export const scope: FuzzedParser = {
  name: 'scope',
  structure: 'words',
  seeds: [
    'repository:acme.eth/web:pull,push',
    'repository:localhost:5050/acme.eth:pull repository:other.eth:*',
    'registry:catalog:* repository(plugin):x:pull repository:a.eth:pull,delete',
    Array.from({ length: MAX_GRANTS }, (_, at) => `repository:n${at}.eth:pull`).join(' '),
  ].map(bytesOf),
  parse: (input) => encodeScopes(parseScopes([textOf(input)])),
  isDocumented: (error) => error instanceof OciError,
  shapes: {
    repositories: (n) => bytesOf(Array.from({ length: n * 8 }, (_, at) => `repository:n${at}.eth:pull`).join(' ')),
    actions: (n) => bytesOf(`repository:acme.eth:${'push,'.repeat(n * 32)}`),
    colons: (n) => bytesOf(`repository${':a'.repeat(n * 64)}`),
    'a long name': (n) => bytesOf(`repository:${'a'.repeat(n * 64)}:pull`),
  },
}
