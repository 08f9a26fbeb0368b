import type { NameAuthority } from '../tags/authority.ts'
import type { ChainReader } from './chain-reader.ts'

/** Names remembered at once; the one remembered longest goes first. */
const maxNames = 10_000

type Remembered = { authority: Promise<NameAuthority>; readAt: bigint }

/**
 * The same reader, remembering what it said of a name for less than `ttlSeconds` (protocol 5 allows 15): counted from before the
 * question was asked, by `clock`. Questions about one name at the same time are one question. A failure is not remembered. While a
 * name is remembered `readAuthority` gives the same object, so others can remember by it.
 */
export function cachedChain(reader: ChainReader, ttlSeconds: number, clock: () => bigint): ChainReader {
  const names = new Map<string, Remembered>()
  const isFresh = ({ readAt }: Remembered) => {
    const age = clock() - readAt
    return age >= 0n && age < BigInt(ttlSeconds)
  }
  const read = (ensName: string) => {
    const readAt = clock()
    const authority = reader.readAuthority(ensName)
    const remembered = { authority, readAt }
    names.delete(ensName)
    names.set(ensName, remembered)
    forgetOldest(names)
    authority.catch(() => names.get(ensName) === remembered && names.delete(ensName))
    return authority
  }
  return {
    domain: reader.domain,
    readAuthority(ensName) {
      const remembered = names.get(ensName)
      return remembered && isFresh(remembered) ? remembered.authority : read(ensName)
    },
    readGateways: (ensName) => reader.readGateways(ensName),
  }
}

function forgetOldest(names: Map<string, Remembered>): void {
  if (names.size <= maxNames) return
  const [oldest] = names.keys()
  if (oldest !== undefined) names.delete(oldest)
}
