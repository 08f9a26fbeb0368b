import { stringToHex } from 'viem'
import type { Settings } from '../../../config.ts'
import { visible } from '../../../oci/visible.ts'
import { originOf } from '../name-on-chain.ts'
import { type ClientSigner, canonicalSignature, SignerRefused, typedDocumentJson } from './client-signer.ts'
import { openRpcAccount } from './rpc-account.ts'

/** A signer behind JSON-RPC (hardware wallets through Frame, Clef and the like): it shows the typed data itself. @throws ConfigError, SignerRefused */
export async function openRpcSigner(settings: Settings, chainId: number | null): Promise<ClientSigner> {
  const { url, client, address } = await openRpcAccount(settings, chainId, refusedBySigner)
  const refuse = refusedBySigner(`the signer ${originOf(url)}`)
  return {
    address,
    async signTyped({ document }) {
      const params = [address, typedDocumentJson(document)] as const
      const ask = client.request<{ Method: string; Parameters: typeof params; ReturnType: unknown }>
      return canonicalSignature(await ask({ method: 'eth_signTypedData_v4', params }).catch(refuse))
    },
    async signText(text) {
      const params = [stringToHex(text), address] as const
      const ask = client.request<{ Method: string; Parameters: typeof params; ReturnType: unknown }>
      return canonicalSignature(await ask({ method: 'personal_sign', params }).catch(refuse))
    },
    close: async () => {},
  }
}

/** EIP-1193: the person said no. */
const USER_REJECTED = 4001

function refusedBySigner(what: string): (error: unknown) => never {
  return (error) => {
    const { code, details, shortMessage, message } = error as {
      code?: number
      details?: string
      shortMessage?: string
      message?: string
    }
    const said = String(details || shortMessage || message || error).split('\n', 1)[0] ?? ''
    throw new SignerRefused(`${what}: ${visible(said).slice(0, 200)}`, code === USER_REJECTED)
  }
}
