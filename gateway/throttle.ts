/** Says how long a client has to wait before its next request. */
export type Throttle = {
  /** Counts one request of a client: 0 lets it pass, else the whole seconds after which another one may. */
  admit(client: string): number
}

/** What is left to a client: sixtieths of a request, so that one minute's allowance fills up in whole numbers each second. */
type Bucket = { credit: number; filledAt: bigint }

const creditPerRequest = 60
/** Clients remembered at once; the one that asked longest ago is forgotten first, and begins with a full bucket again. */
const maxClients = 20_000

/**
 * A token bucket per client (RFC 6585 section 4): a minute's requests at once, then `requestsPerMinute` evenly. `clock` gives unix
 * seconds; one that steps back gives nothing. `keyOf` says who counts as one client.
 */
export function createThrottle(
  requestsPerMinute: number,
  clock: () => bigint,
  keyOf: (client: string) => string = throttleKey,
): Throttle {
  const buckets = new Map<string, Bucket>()
  const full = requestsPerMinute * creditPerRequest
  return {
    admit(client) {
      const now = clock()
      const key = keyOf(client)
      const known = buckets.get(key) ?? { credit: full, filledAt: now }
      const elapsed = now > known.filledAt ? Number(now - known.filledAt) : 0
      const credit = Math.min(full, known.credit + elapsed * requestsPerMinute)
      const isAdmitted = credit >= creditPerRequest
      buckets.delete(key)
      buckets.set(key, { credit: isAdmitted ? credit - creditPerRequest : credit, filledAt: now })
      if (buckets.size > maxClients) forgetOldest(buckets)
      return isAdmitted ? 0 : Math.ceil((creditPerRequest - credit) / requestsPerMinute)
    },
  }
}

function forgetOldest(buckets: Map<string, Bucket>): void {
  const [oldest] = buckets.keys()
  if (oldest !== undefined) buckets.delete(oldest)
}

/**
 * Whom an address counts for: an IPv4 address for itself, also where a socket shows it inside IPv6; an IPv6 address for its /64, since
 * one customer has that many. Other text counts for itself.
 */
export function throttleKey(address: string): string {
  const text = address.trim().toLowerCase().split('%', 1)[0] ?? ''
  const mapped = /^::ffff:(\d{1,3}(?:\.\d{1,3}){3})$/.exec(text)?.[1]
  if (mapped) return mapped
  const [before = '', after, ...more] = text.split('::')
  if (!text.includes(':') || more.length > 0) return text
  const left = before === '' ? [] : before.split(':')
  const right = after ? after.split(':') : []
  const missing = after === undefined ? 0 : Math.max(0, 8 - left.length - right.length)
  const groups = [...left, ...Array<string>(missing).fill('0'), ...right].slice(0, 4)
  return `${groups.map((group) => group.replace(/^0+(?=.)/, '')).join(':')}::/64`
}
