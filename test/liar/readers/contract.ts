import { Interface, isCallException } from 'ethers'
import { createClient, decodeAbiParameters, type Hex, http } from 'viem'
import { getEnsText } from 'viem/actions'
import { contractErrorIn } from '../../../gateway/cli/client/via-ens.ts'
import { mooringResolverAbi } from '../../../gateway/ens/abi.ts'
import { encodeTagLookup } from '../../../gateway/ens/lookup.ts'
import { ethersText, limitedRequest } from '../../chain/ens-clients.ts'
import type { LiarWorld } from '../world.ts'
import { type Finding, judge, type Question, type Reader, refused } from './reader.ts'

const patience = () => 4000

/** viem's `getEnsText` in strict mode, which asks the gateways that the chain names and has the contract judge. */
export function openViem({ chain }: LiarWorld): Reader {
  const transport = http(chain.rpc, { retryCount: 0 })
  const client = createClient({ transport, cacheTime: 0, ccipRead: { request: limitedRequest(patience) } })
  const universalResolverAddress = chain.addresses.universalResolver
  return {
    name: 'viem',
    column: 'contract',
    kinds: ['pull'],
    async ask(question) {
      const { scene, tag } = question
      const asked = { name: scene.ensName, key: `oci-tag[${tag}]`, strict: true, universalResolverAddress }
      try {
        return judge(question, (await getEnsText(client, asked)) || null)
      } catch (error) {
        return refused(contractErrorIn(error) ?? wordFor(error), String(error))
      }
    },
  }
}

/** What a client says of its own: that the contract reverted without a name, or that no gateway gave an answer. */
function wordFor(error: unknown): string {
  return /OffchainLookup|fetch failed|timed out|HTTP request failed|CCIP/i.test(String(error))
    ? 'GatewayUnavailable'
    : 'reverted'
}

/**
 * ethers' `EnsResolver.getText`. It says null for absent and for forged alike, so where it says nothing its provider is asked why: by
 * the same call of the contract with the same answers of the gateways.
 */
export function openEthers({ chain }: LiarWorld): Reader & { close(): void } {
  const { read, provider, close } = ethersText(chain, patience)
  const errors = new Interface(JSON.parse(JSON.stringify(mooringResolverAbi)))
  const askWhy = async (question: Question): Promise<Finding> => {
    const data = encodeTagLookup(question.scene.ensName, question.tag, 'text')
    try {
      const returned = await provider.call({ to: chain.addresses.resolver, data, enableCcipRead: true })
      const [record] = decodeAbiParameters([{ type: 'bytes' }], returned as Hex)
      return judge(question, decodeAbiParameters([{ type: 'string' }], record)[0] || null)
    } catch (error) {
      if (!isCallException(error)) return refused(ethersWordFor(error), String(error))
      const name = error.data && error.data !== '0x' ? errors.parseError(error.data)?.name : undefined
      return refused(name ?? 'reverted', String(error))
    }
  }
  return {
    name: 'ethers',
    column: 'contract',
    kinds: ['pull'],
    async ask(question) {
      const { scene, tag } = question
      const text = await read(scene.ensName, `oci-tag[${tag}]`).catch(() => null)
      return text ? judge(question, text) : askWhy(question)
    },
    close,
  }
}

/** A revert without data makes ethers read past the end of nothing. */
function ethersWordFor(error: unknown): string {
  return /buffer=0x, length=0/.test(String(error)) ? 'reverted' : 'GatewayUnavailable'
}
