import { decodeAbiParameters, type Hex } from 'viem'
import { createRpc } from '../../chain/rpc.ts'
import { encodeGetter } from '../../ens/lookup.ts'
import { isEmptyRecord, type Probed } from './record-probe.ts'
import type { SetupFacts } from './setup-facts.ts'
import type { SetupPlan } from './setup-plan.ts'

/** One thing that was looked up through ENS after the change. */
export type SetupCheck = { name: string; ok: boolean; detail: string }

const pollMs = 500
const maxPolls = 60

/**
 * Looks the name up as any ENS client does, once the endpoint knows the block of the last transaction: our resolver is found, every record
 * that was set before and could be carried over is answered as before, and `oci-registry` gives the gateways. @throws ChainUnavailable
 */
export async function checkSetup(facts: SetupFacts, plan: SetupPlan, sinceBlock: bigint): Promise<SetupCheck[]> {
  const blockNumber = await blockSince(facts.connection.rpcUrls[0], sinceBlock)
  const { probe, present, registration } = facts
  const { ensName } = registration
  const kept = present.records.filter(({ record }) => !present.lost.includes(record))
  const records = kept.map(async ({ record, callData, answer }) => {
    const now = await probe.throughEns(ensName, callData, blockNumber)
    return {
      name: record,
      ok: now === answer,
      detail: now === answer ? 'answered as before' : `was ${answer}, is ${now}`,
    }
  })
  const registry = await probe.throughEns(ensName, encodeGetter(ensName, 'oci-registry', 'text'), blockNumber)
  return [
    await checkResolver(facts, blockNumber),
    ...(await Promise.all(records)),
    gatewaysCheck(registry, plan.gateways),
  ]
}

async function blockSince(rpcUrl: string, sinceBlock: bigint): Promise<bigint> {
  const rpc = createRpc(rpcUrl)
  for (let polls = 0; ; polls++) {
    const { number } = await rpc.latestBlock()
    if (number >= sinceBlock || polls === maxPolls) return number
    await new Promise((resolve) => setTimeout(resolve, pollMs))
  }
}

async function checkResolver({ probe, registration, resolver }: SetupFacts, blockNumber: bigint): Promise<SetupCheck> {
  const found = await probe.findResolver(registration.ensName, blockNumber)
  return { name: 'resolver', ok: found === resolver, detail: `the Universal Resolver finds ${found ?? 'none'}` }
}

function gatewaysCheck(answer: Probed, gateways: readonly string[]): SetupCheck {
  const text = isEmptyRecord(answer) ? '' : textIn(answer as Hex)
  return { name: 'oci-registry', ok: text === gateways.join(' '), detail: text === '' ? 'no gateway' : text }
}

function textIn(answer: Hex): string {
  const [text] = decodeAbiParameters([{ type: 'string' }], answer)
  return text
}
