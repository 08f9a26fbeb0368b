import type { Address } from 'viem'
import { plainText } from '../../terminal.ts'
import { openSigningPage, type PageTask, type SigningPage, SigningPageClosed } from './browser-page.ts'
import { type ClientSigner, canonicalSignature, SignerRefused, typedDocumentJson } from './client-signer.ts'

/** How a wallet in a browser is reached. */
export type BrowserSigning = {
  /** The chain that the wallet must be on; null: any. */
  chainId: number | null
  /** The account that must answer; null: whichever the person chooses. */
  address: Address | null
  note(line: string): void
  /** How long a person may take over each step. */
  timeoutMs?: number
}

const defaultTimeoutMs = 10 * 60_000
/** EIP-1193: the person said no. */
const USER_REJECTED = 4001

/**
 * A wallet extension (EIP-1193) through a page on loopback, which shows what is signed. Resolves once a person has chosen an account
 * there. @throws SignerRefused
 */
export async function openBrowserSigner(signing: BrowserSigning): Promise<ClientSigner> {
  const page = await openSigningPage({
    timeoutMs: signing.timeoutMs ?? defaultTimeoutMs,
    onTrouble: (message) => signing.note(`the signing page: ${message}`),
  })
  signing.note(`open this page in the browser that has the wallet, on this machine: ${page.url}`)
  try {
    const address = await connectAccount(page, signing)
    return {
      address,
      close: page.close,
      async signTyped({ document, meaning }) {
        const { chainId } = document.domain
        const lines = meaning.map(plainText)
        const task = { kind: 'typed', address, chainId, document: typedDocumentJson(document), meaning: lines } as const
        return canonicalSignature(await askWallet(page, task))
      },
      async signText(text) {
        return canonicalSignature(await askWallet(page, { kind: 'text', address, text }))
      },
    }
  } catch (error) {
    await page.close({ ok: false, text: (error as Error).message })
    throw error
  }
}

async function connectAccount(page: SigningPage, signing: BrowserSigning): Promise<Address> {
  const { chainId, address: wanted, note } = signing
  const account = await askWallet(page, { kind: 'connect', chainId, address: wanted })
  if (typeof account !== 'string' || !/^0x[0-9a-fA-F]{40}$/.test(account)) {
    throw new SignerRefused('the wallet gives no account: wanted an address')
  }
  const address = account.toLowerCase() as Address
  if (wanted === null || wanted === address) {
    note(`the wallet gives the account ${address}`)
    return address
  }
  throw new SignerRefused(`the wallet gives the account ${address}, wanted ${wanted}`, true)
}

async function askWallet(page: SigningPage, task: PageTask): Promise<unknown> {
  const answer = await page.ask(task).catch((error: unknown) => {
    throw error instanceof SigningPageClosed ? new SignerRefused(error.message) : error
  })
  if ('result' in answer) return answer.result
  const { code, message } = answer.error
  throw new SignerRefused(message, code === USER_REJECTED)
}
