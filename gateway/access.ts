import type { Address } from 'viem'

/** Who sends a request. */
export type Caller =
  /** Nobody has to log in here: whoever reaches this gateway uses it as its own. */
  | { kind: 'operator' }
  /** Sent no credentials, or has a token that says no more than that. */
  | { kind: 'anonymous' }
  /** A user of the operator's password file. */
  | { kind: 'user'; user: string }
  /** Holds the key of an Ethereum account, or is a contract that approved (ERC-4361). */
  | { kind: 'account'; address: Address }

/** The actions of the token specification of the distribution project: what a token may say for a repository. */
export type Action = 'pull' | 'push' | 'delete'

/** What a request does, in the words of the `scope` of a challenge; `repository` null: `GET /v2/`, which needs a login and no more. */
export type Need = { repository: string; action: Action } | { repository: null }

/** Who may come in. It says who somebody is; what an account may do to a repository's tags is in routes/permission.ts. */
export type Access = {
  /**
   * Who sends a request with this `Authorization` header (null: without one). Reading needs no login, so whoever sends none may read; a
   * token that is there must be good, and must allow what is needed.
   * `client` is the address that it comes from: attempts are counted by it.
   * @throws OciError UNAUTHORIZED: 401 with one `WWW-Authenticate` challenge, whose scope is what is needed; TOOMANYREQUESTS: 429
   */
  identify(authorization: string | null, need: Need, client?: string): Promise<Caller>
}

/** How a caller stands in `stagedBy` and in logs: `0x...` in lower case, a user's name, `operator` or `anonymous`. */
export function callerLabel(caller: Caller): string {
  if (caller.kind === 'account') return caller.address
  return caller.kind === 'user' ? caller.user : caller.kind
}
