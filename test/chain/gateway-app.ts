import type { Hex } from 'viem'
import { createApp } from '../../gateway/app.ts'
import { createViemChain } from '../../gateway/chain/viem-chain.ts'
import type { DevChain } from '../../gateway/cli/dev-chain.ts'
import { repositoryOf } from '../../gateway/ens/name.ts'
import { createMemoryCatalog, createMemoryContent, createMemoryTagLists } from '../../gateway/store/memory.ts'
import { decodeTagEntry, decodeTagKey } from '../../gateway/tags/entry.ts'
import { entryToJson, headerToJson } from '../../gateway/tags/json.ts'
import type { SignerSignature } from '../../gateway/tags/list.ts'
import { createTestDeps } from '../fixtures.ts'
import type { FirstList } from './signed-answer.ts'

/** A relay gateway over memory and a real chain, which it asks each time: nothing of what it says is older than the question. */
export type GatewayApp = {
  fetch: (request: Request) => Promise<Response>
  /** PUTs a list; the status, or the error name of a refusal. */
  put(list: FirstList, signatures: readonly SignerSignature[]): Promise<number | string>
  /** The bytes that it answers a lookup with; its status where there are none. */
  lookUp(callData: Hex): Promise<Hex | number>
}

/** Opens it. */
export function openGatewayApp(dev: DevChain): GatewayApp {
  const stores = { content: createMemoryContent(), catalog: createMemoryCatalog(), lists: createMemoryTagLists() }
  const { resolver, ensRegistry } = dev.addresses
  const chain = createViemChain({ rpcUrl: dev.rpc, chainId: dev.chainId, resolver, ensRegistry })
  const clock = () => BigInt(Math.floor(Date.now() / 1000))
  const app = createApp({ ...createTestDeps(stores), chain, clock, signer: null })
  const fetchApp = async (request: Request) => app.fetch(request)
  return {
    fetch: fetchApp,
    async put(list, signatures) {
      const repository = repositoryOf(list.header.name)
      const url = `http://gateway.test/v2/${repository}/_mooring/list`
      const body = JSON.stringify(uploadOf(list, signatures))
      const response = await fetchApp(new Request(url, { method: 'PUT', body }))
      const answer = (await response.json().catch(() => null)) as RefusalJson
      return answer?.errors?.[0]?.detail?.reason ?? response.status
    },
    async lookUp(callData) {
      const url = `http://gateway.test/ccip/${dev.chainId}/${resolver}/${resolver}/${callData}.json`
      const response = await fetchApp(new Request(url))
      const { data } = (await response.json()) as { data?: Hex }
      return data ?? response.status
    },
  }
}

type RefusalJson = { errors?: { detail?: { reason?: string } }[] } | null

/** The body of a PUT (protocol 5). */
function uploadOf({ header, slots }: FirstList, signatures: readonly SignerSignature[]) {
  const entries = slots.slice(1).map(({ key, value }) => ({
    tag: decodeTagKey(key),
    ...entryToJson(decodeTagEntry(value, header.version)),
  }))
  return { list: headerToJson(header), signatures, entries }
}
