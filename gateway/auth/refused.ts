/** A login or a token that does not count. The message says why, in one line, and never holds a secret: it goes to the client. Maps to 401. */
export class LoginRefused extends Error {
  override readonly name = 'LoginRefused'
}
