import type { Caller } from '../access.ts'
import type { Deps } from '../deps.ts'

/**
 * One request as a route sees it. `params` are the pattern's placeholders, still unparsed: percent-decoded once, but for
 * `repository`, which stays raw, because no legal name holds an escape (gateway/oci/path.ts).
 */
export type RouteContext = {
  deps: Deps
  request: Request
  url: URL
  params: Readonly<Record<string, string>>
  /** Who sends it, as far as that was found out before the route. */
  caller: Caller
  /** The address that it comes from, as far as the entry knows: attempts to log in are counted by it. */
  client: string
  /** Adds a header to whatever the route answers; errors go out without it. */
  addHeader(name: string, value: string): void
}

/** Answers or throws: OciError, Refusal, ChainUnavailable and the stores' errors become a status in errors.ts and nowhere else. */
export type Route = (context: RouteContext) => Promise<Response>
