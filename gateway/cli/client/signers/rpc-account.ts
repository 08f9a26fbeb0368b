import { type Address, type Client, createClient, http } from 'viem'
import { ConfigError, readAddress, readUrls, type Settings } from '../../../config.ts'
import { originOf } from '../name-on-chain.ts'

/** An account of a JSON-RPC signer, and the connection to it. */
export type RpcAccount = { url: string; client: Client; address: Address }

/** People look at a hardware wallet for a while. */
const signerTimeoutMs = 600_000

/** What is wrong when a signer gives no answer, or an error; it throws. */
export type ExplainFailure = (what: string) => (error: unknown) => never

/**
 * The account of `--rpc-signer URL` that signs: `--from`, else its first. What a signer is sent is never sent twice: it would be signed
 * twice. `chainId` null: any chain will do. @throws ConfigError, and what `explain` throws
 */
export async function openRpcAccount(
  settings: Settings,
  chainId: number | null,
  explain: ExplainFailure,
): Promise<RpcAccount> {
  const [url = ''] = readUrls(settings, 'rpc-signer')
  const client = createClient({ transport: http(url, { timeout: signerTimeoutMs, retryCount: 0 }), ccipRead: false })
  const shown = originOf(url)
  const refuse = explain(`the signer ${shown}`)
  if (chainId !== null) {
    const seen = Number(await client.request({ method: 'eth_chainId' }).catch(refuse))
    if (seen !== chainId) {
      throw new ConfigError('--rpc-signer', shown, `a signer for chain ${chainId}: it is on chain ${seen}`)
    }
  }
  const accounts = await client.request({ method: 'eth_accounts' }).catch(refuse)
  const address = chooseAccount(settings, accounts, `an account of the signer ${shown}`)
  if (address !== undefined) return { url, client, address }
  throw new ConfigError('--rpc-signer', shown, 'a signer that shows an account: unlock it')
}

/** `--from` when it is one of these, the first of them when it was not given. @throws ConfigError */
export function chooseAccount(settings: Settings, accounts: readonly Address[], wanted: string): Address | undefined {
  const known = accounts.map((account) => account.toLowerCase() as Address)
  const from = readAddress(settings, 'from')
  if (from === undefined || known.includes(from)) return from ?? known[0]
  throw new ConfigError('--from', from, `${wanted}: ${known.join(', ') || 'it has none'}`)
}
