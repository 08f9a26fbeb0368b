import { type Address, BaseError, createClient, decodeErrorResult, type Hex, isHex } from 'viem'
import { getEnsText } from 'viem/actions'
import { rpcTransport } from '../../chain/rpc.ts'
import { mooringResolverAbi, universalResolverAbi } from '../../ens/abi.ts'

/**
 * What the contract's own callback said: the text record, "" for proven absent, null when the lookup failed. `contractError` is the
 * name of the contract's error where there was one, `error` that or one line about what else went wrong.
 */
export type ViaEns = { text: string | null; error: string | null; contractError: string | null }

/**
 * Resolves a text record as any ENS client does: viem, strict, through the Universal Resolver. `respond` stands for the gateways:
 * it is handed each callData and gives the bytes that the callback is to judge; when it throws, the lookup fails.
 */
export async function readTextViaEns(options: {
  rpcUrl: string
  universalResolver: Address
  ensName: string
  key: string
  respond: (callData: Hex) => Promise<Hex>
}): Promise<ViaEns> {
  const { rpcUrl, universalResolver, ensName, key, respond } = options
  const client = createClient({
    transport: rpcTransport(rpcUrl),
    ccipRead: { request: ({ data }) => respond(data) },
  })
  try {
    const text = await getEnsText(client, {
      name: ensName,
      key,
      strict: true,
      universalResolverAddress: universalResolver,
    })
    return { text: text ?? '', error: null, contractError: null }
  } catch (error) {
    const contractError = contractErrorIn(error)
    return { text: null, error: contractError ?? firstLineOf(error), contractError }
  }
}

/** The name of the resolver contract's error inside what viem threw; the Universal Resolver wraps it in `ResolverError(bytes)`. */
export function contractErrorIn(error: unknown): string | null {
  if (!(error instanceof BaseError)) return null
  let found: string | null = null
  error.walk((cause) => {
    const raw = (cause as { raw?: unknown; data?: unknown }).raw ?? (cause as { data?: unknown }).data
    const revert = isHex(raw) ? raw : isHex((raw as { data?: unknown })?.data) ? (raw as { data: Hex }).data : undefined
    found ??= revert === undefined ? null : errorNameOf(revert)
    return false
  })
  return found
}

function errorNameOf(revert: Hex): string | null {
  try {
    const { errorName, args } = decodeErrorResult({
      abi: [...mooringResolverAbi, ...universalResolverAbi],
      data: revert,
    })
    const inner = errorName === 'ResolverError' ? (args?.[0] as Hex) : undefined
    if (inner !== undefined) return errorNameOf(inner)
    return errorName === 'OffchainLookup' ? null : errorName
  } catch {
    return null
  }
}

function firstLineOf(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error)
  return text.split('\n', 1)[0] ?? text
}
