import type { Page } from 'playwright-core'
import type { Provider } from '../publishing/wallet-page.ts'

/** How a wallet extension shows itself to a page. */
export type Appearance = {
  /** At `window.ethereum` (EIP-1193). */
  isInjected?: boolean
  /** By its announcement (EIP-6963). */
  announced?: { name: string; rdns: string }
}

type Answered = { result: unknown } | { error: { code: number | null; message: string } }

let wallets = 0

/** Puts a wallet into every page that this one becomes, as an extension does: before the page's own scripts. */
export async function installWallet(page: Page, wallet: Provider, appearance: Appearance = { isInjected: true }) {
  const door = `askWallet${++wallets}`
  await page.exposeFunction(door, async (request: { method: string; params?: unknown[] }): Promise<Answered> => {
    try {
      return { result: await wallet.request(request) }
    } catch (error) {
      const { code = null, message } = error as { code?: number; message: string }
      return { error: { code, message } }
    }
  })
  await page.addInitScript(appear, {
    door,
    uuid: `00000000-0000-4000-8000-${`${wallets}`.padStart(12, '0')}`,
    ...appearance,
  })
}

/** Runs in the page, so it uses nothing from here. */
function appear({ door, uuid, isInjected, announced }: Appearance & { door: string; uuid: string }): void {
  const page = window as unknown as Record<string, unknown>
  const ask = page[door] as (request: object) => Promise<Answered>
  const provider = {
    async request(request: object) {
      const answer = await ask(request)
      if ('result' in answer) return answer.result
      throw Object.assign(new Error(answer.error.message), { code: answer.error.code })
    },
  }
  if (isInjected) page.ethereum = provider
  if (!announced) return
  const icon = 'data:image/svg+xml,<svg xmlns="http://www.w3.org/2000/svg"/>'
  const detail = Object.freeze({ info: { uuid, ...announced, icon }, provider })
  const announce = () => window.dispatchEvent(new CustomEvent('eip6963:announceProvider', { detail }))
  window.addEventListener('eip6963:requestProvider', announce)
  announce()
}

/** A wallet that refuses or spoils what it is asked by this method. */
export function withAnswer(wallet: Provider, method: string, answer: () => Promise<unknown>): Provider {
  return { request: (asked) => (asked.method === method ? answer() : wallet.request(asked)) }
}

/** A wallet's error, as EIP-1193 has it. */
export function walletError(code: number, message: string): Promise<never> {
  return Promise.reject(Object.assign(new Error(message), { code }))
}
