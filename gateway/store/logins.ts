import type { Hex } from 'viem'

/** A login that goes on: what a refresh token stands for. Times in unix seconds. */
export type LoginSession = {
  /** SHA-256 of the refresh token, in hex: the token itself is kept by its client alone. */
  tokenHash: string
  /** `0x...` in lower case, or a user of the password file. */
  subject: string
  /** ERC-191 hash of the login message; null for a user. */
  messageHash: Hex | null
  /** What must still hold: the signature of the message, or the fingerprint of the user's line in the password file. */
  proof: string
  /** Scopes that the login is limited to, in one text; null for no limit. */
  limitedTo: string | null
  /** What the client calls itself. */
  clientId: string
  createdAt: number
  expiresAt: number
}

/** Logins that go on, and nonces that were used. Durable when a call resolves. Drivers: memory, SQL. */
export type LoginStore = {
  /** Uses a nonce that ends at `expiresAt` (unix seconds). True for the first caller alone, of all that share the store. */
  useNonce(nonce: string, expiresAt: number): Promise<boolean>
  openSession(session: LoginSession): Promise<void>
  /** Undefined for one that is not there; one that expired may still be. */
  findSession(tokenHash: string): Promise<LoginSession | undefined>
  /** Ends a session; false when there is none. */
  endSession(tokenHash: string): Promise<boolean>
  /** Removes what expired before `now` (unix seconds); resolves with how many sessions and nonces went. */
  removeExpired(now: number): Promise<number>
}
