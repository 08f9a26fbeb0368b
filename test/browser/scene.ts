import type { Page } from 'playwright-core'
import { onTestFinished } from 'vitest'
import type { Provider } from '../publishing/wallet-page.ts'
import type { OpenChromium } from './chromium.ts'
import { type Appearance, installWallet } from './wallet.ts'
import { type BrowserWorld, type RunningCommand, stage, startPublish } from './world.ts'

// What a person does with the signing page.

/** A new tab, with a wallet in it or none. */
export async function openTab(browser: OpenChromium, wallet: Provider | null, look?: Appearance): Promise<Page> {
  const page = await browser.context.newPage()
  onTestFinished(() => page.close())
  if (wallet) await installWallet(page, wallet, look)
  return page
}

export const connect = (page: Page) => page.getByRole('button', { name: 'Connect the wallet' }).click()
export const sign = (page: Page) => page.getByRole('button', { name: 'Sign with the wallet' }).click()

/** Waits until the page's heading says this. */
export const sees = (page: Page, heading: string) => page.getByRole('heading', { name: heading, exact: true }).waitFor()

/** Waits until the page says that something is in the way. */
export const isTold = (page: Page, text: string) => page.getByRole('alert').filter({ hasText: text }).waitFor()

/** All that the page says; what is hidden is left out. */
export function textOf(page: Page): Promise<string> {
  return page.evaluate(() => {
    const shown = [...document.querySelectorAll('h1, p, li, dd, pre')].filter((each) => each.checkVisibility())
    return shown.map(({ textContent }) => textContent).join('\n')
  })
}

/** `mooring publish` of one staged tag has begun, and its page is open in a new tab. */
export async function beginPublish(
  { world, browser }: { world: BrowserWorld; browser: OpenChromium },
  ensName: string,
  wallet: Provider | null,
  { flags = [], state, look }: { flags?: readonly string[]; state?: string; look?: Appearance } = {},
) {
  const image = await stage(world, ensName, '1.0')
  const command = startPublish(world, ensName, flags, state)
  onTestFinished(() => void command.child.kill())
  const page = await openTab(browser, wallet, look)
  await page.goto(await command.pageUrl)
  return { command, page, digest: image.imageIndex.digest }
}

/** How a command with `--json` ended. */
export async function endOf({ ended }: RunningCommand) {
  const { code, out, err } = await ended
  return { code, err, json: JSON.parse(out) as Record<string, unknown> }
}
