import { LoginRefused } from '../../../gateway/auth/refused.ts'
import { encodeLoginMessage, limitsOf, parseLoginMessage } from '../../../gateway/auth/siwe.ts'
import { OciError } from '../../../gateway/oci/error.ts'
import { addressOf, testKeys } from '../../keys.ts'
import { bytesOf, type FuzzedParser, textOf } from './parser.ts'

const message = {
  ...{ address: addressOf(testKeys.owner), domain: 'gateway.test', uri: 'https://gateway.test/token', chainId: 1 },
  ...{ nonce: 'abcdefgh12345678', issuedAt: 1_800_000_000, expiresAt: 1_800_003_600 },
  ...{ scheme: null, notBefore: null, resources: [] as string[] },
}

/** A login message (ERC-4361), and the limits in its resources. */
export const siwe: FuzzedParser = {
  name: 'SIWE message',
  structure: 'lines',
  seeds: [
    encodeLoginMessage(message),
    encodeLoginMessage({ ...message, scheme: 'https', statement: 'Log in to push.', notBefore: 1_799_999_999 }),
    encodeLoginMessage({ ...message, resources: ['mooring:acme.eth/web#pull,push', 'https://example.test/'] }),
  ].map(bytesOf),
  parse: (input) => limitsOf(parseLoginMessage(textOf(input))),
  isDocumented: (error) => error instanceof LoginRefused || error instanceof OciError,
  shapes: {
    // 4,096 characters is the most that is read.
    resources: (n) =>
      bytesOf(
        encodeLoginMessage({ ...message, resources: Array.from({ length: n / 8 }, () => 'mooring:acme.eth/web#pull') }),
      ),
    statement: (n) => bytesOf(encodeLoginMessage({ ...message, statement: 'a '.repeat(n * 3) })),
    'lines that are no fields': (n) => bytesOf('URI: \n\n'.repeat(n)),
    blanks: (n) => bytesOf(`${' '.repeat(n * 7)}wants you to sign in`),
  },
}
