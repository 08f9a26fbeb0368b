import { readFileSync } from 'node:fs'
import { createContext, Script } from 'node:vm'
import { type Hex, hashTypedData, hexToString } from 'viem'
import { sign, signMessage } from 'viem/accounts'
import { signingPageFolder } from '../../gateway/package-root.ts'
import { addressOf } from '../fixtures.ts'

/** What a wallet extension is asked (EIP-1193). */
export type WalletRequest = { method: string; params?: readonly unknown[] }
/** What stands at `window.ethereum`. */
export type Provider = { request(request: WalletRequest): Promise<unknown> }

/** A wallet with one key on one chain; it keeps what it was asked. */
export function createWallet(privateKey: Hex, chainId: number): Provider & { asked: WalletRequest[] } {
  const asked: WalletRequest[] = []
  const request = async ({ method, params = [] }: WalletRequest): Promise<unknown> => {
    asked.push({ method, params })
    if (method === 'eth_requestAccounts') return [addressOf(privateKey)]
    if (method === 'eth_chainId') return `0x${chainId.toString(16)}`
    if (method === 'personal_sign') return signMessage({ privateKey, message: hexToString(params[0] as Hex) })
    if (method === 'eth_signTypedData_v4') {
      const hash = hashTypedData(JSON.parse(String(params[1])))
      return sign({ privateKey, hash, to: 'hex' })
    }
    throw Object.assign(new Error(`${method} is not known`), { code: -32601 })
  }
  return { asked, request }
}

type Element = {
  /** With that of its children. */
  textContent: string
  hidden: boolean
  disabled: boolean
  click: () => Promise<void>
  addEventListener(event: string, listener: () => Promise<void>): void
  append(child: Element): void
  replaceChildren(): void
}

/** A page that is open in a browser of nothing but its script. */
export type OpenPage = { at(id: string): Element; close(): void }

function createElement(): Element {
  let parts: { textContent: string }[] = []
  const element = {
    get textContent() {
      return parts.map(({ textContent }) => textContent).join('')
    },
    set textContent(text: string) {
      parts = [{ textContent: text }]
    },
    ...{ hidden: true, disabled: false, click: async () => {} },
    addEventListener: (_event: string, listener: () => Promise<void>) => {
      element.click = listener
    },
    append: (child: Element) => void parts.push(child),
    replaceChildren: () => {
      parts = []
    },
  }
  return element
}

/** Runs the page's own script against the page that is served at `url`, with a wallet or none. `test:browser` has a real browser. */
export function openPage(url: string, ethereum: Provider | undefined): OpenPage {
  const elements = new Map<string, Element>()
  let isClosed = false
  const at = (id: string) => {
    const known = elements.get(id) ?? createElement()
    elements.set(id, known)
    return known
  }
  const fetchAsPage = (path: string, init: RequestInit = {}) => {
    if (isClosed) throw new Error('the page is closed')
    const origin = init.method === 'POST' ? { origin: new URL(url).origin } : {}
    return fetch(new URL(path, url), { ...init, headers: { ...init.headers, ...origin } })
  }
  const soon = (work: () => void) => setTimeout(work, 5)
  const context = {
    document: { getElementById: at, createElement },
    window: { ethereum, addEventListener: () => {}, dispatchEvent: () => {} },
    Event,
    fetch: fetchAsPage,
    setTimeout: soon,
    TextEncoder,
  }
  new Script(readFileSync(`${signingPageFolder()}/signing.js`, 'utf8')).runInContext(createContext(context))
  return {
    at,
    close: () => {
      isClosed = true
    },
  }
}

/** Waits until the page shows this button, and presses it. */
export async function press(page: OpenPage, text: string, id = 'go'): Promise<void> {
  for (let tries = 0; page.at('go').textContent !== text; tries++) {
    if (tries === 1000) throw new Error(`the page never showed ${text}: it shows ${page.at('lead').textContent}`)
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
  await page.at(id).click()
}
