import type { ChainReader } from './chain-reader.ts'

/** One reader over several endpoints of one chain: the first is asked, and the next only when that one cannot be. */
export function anyChain(first: ChainReader, ...others: readonly ChainReader[]): ChainReader {
  const ask = async <Answer>(question: (reader: ChainReader) => Promise<Answer>) => {
    let answer = question(first)
    for (const other of others) answer = answer.catch(() => question(other))
    return answer
  }
  return {
    domain: first.domain,
    readAuthority: (ensName) => ask((reader) => reader.readAuthority(ensName)),
    readGateways: (ensName) => ask((reader) => reader.readGateways(ensName)),
  }
}
