import { type Address, decodeFunctionResult, encodeFunctionData } from 'viem'
import type { CallAtBlock } from '../../chain/ens-facts.ts'
import { NotMooringResolver, readEnsContracts } from '../../chain/resolver-calls.ts'
import { mooringResolverAbi } from '../../ens/abi.ts'
import { encodeDnsName } from '../../ens/name.ts'
import { commonRecords, isEmptyRecord, type Probe, type Probed } from './record-probe.ts'

/** A record as ENS clients get it now. */
export type PresentRecord = { record: string; callData: `0x${string}`; answer: Probed }

/** What answers for a name before ours does, and what becomes of its records. */
export type PresentResolver = {
  /** The name's own entry in the registry; null for none. */
  address: Address | null
  /** The fallback that keeps its records readable; null: the one that ours has anyway. */
  carriedOver: Address | null
  /** Set records that the fallback would not answer as they are answered now. */
  lost: readonly string[]
  /** Those of `lost` that come through a gateway, which a fallback may not ask (protocol 4 `FallbackNotOnchain`). */
  offchain: readonly string[]
  /** Set records now. */
  records: readonly PresentRecord[]
}

/**
 * Looks at the present resolver of a name through the records that names commonly have: what ENS answers now against what the fallback
 * would answer. `currentFallback` is what ours would ask without a change. @throws ChainUnavailable
 */
export async function readPresentResolver(
  probe: Probe,
  call: CallAtBlock,
  ensName: string,
  own: Address | null,
  currentFallback: Address,
  blockNumber: bigint,
): Promise<PresentResolver> {
  const carriedOver = await fallbackFor(probe, call, ensName, own)
  const after = carriedOver ?? currentFallback
  const asked = commonRecords(ensName).map(async ({ record, callData }) => {
    const [answer, then] = await Promise.all([
      probe.throughEns(ensName, callData, blockNumber),
      probe.ask(after, callData, blockNumber),
    ])
    return { record, callData, answer, then }
  })
  const records = (await Promise.all(asked)).filter(({ answer }) => !isEmptyRecord(answer))
  const lost = records.filter(({ answer, then }) => answer === 'offchain' || answer !== then)
  return {
    ...{ address: own, carriedOver, records: records.map(({ then: _then, ...record }) => record) },
    lost: lost.map(({ record }) => record),
    offchain: lost.filter(({ answer }) => answer === 'offchain').map(({ record }) => record),
  }
}

/** The resolver itself; of another Mooring resolver the fallback that the name has there; null where there is nothing to keep. */
async function fallbackFor(
  probe: Probe,
  call: CallAtBlock,
  ensName: string,
  own: Address | null,
): Promise<Address | null> {
  if (own === null || !(await probe.hasCode(own))) return null
  return (await isMooringResolver(call, own)) ? readFallbackOf(call, own, ensName) : own
}

async function isMooringResolver(call: CallAtBlock, resolver: Address): Promise<boolean> {
  try {
    await readEnsContracts(call, resolver)
    return true
  } catch (error) {
    if (error instanceof NotMooringResolver) return false
    throw error
  }
}

/** Which resolver answers a name's other records behind a Mooring resolver. @throws NotMooringResolver, ChainUnavailable */
export async function readFallbackOf(call: CallAtBlock, resolver: Address, ensName: string): Promise<Address> {
  const args = [encodeDnsName(ensName)] as const
  const data = await call(resolver, encodeFunctionData({ abi: mooringResolverAbi, functionName: 'fallbackOf', args }))
  if (data?.length !== 66) throw new NotMooringResolver(resolver)
  const fallback = decodeFunctionResult({ abi: mooringResolverAbi, functionName: 'fallbackOf', data })
  return fallback.toLowerCase() as Address
}
