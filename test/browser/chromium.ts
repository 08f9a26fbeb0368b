import { existsSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type BrowserContext, chromium } from 'playwright-core'
import { beforeEach } from 'vitest'

const executablePath = process.env.CHROMIUM ?? '/usr/bin/chromium'

/** A name that leads to this machine, as a name of somebody else's may. */
export const foreignHost = 'evil.test'

/** Nothing that Chromium does by itself goes to a network, and no name leads anywhere else. */
const args = [
  `--host-resolver-rules=MAP ${foreignHost} 127.0.0.1, MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost`,
  ...['--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run'],
  ...['--disable-background-networking', '--disable-component-update', '--disable-sync'],
]

/** For what a page shows; generous, since a busy machine is not wrong. */
const patienceMs = 20_000

/** Why there is no Chromium; undefined where there is one. */
const whyNot = existsSync(executablePath)
  ? undefined
  : `${executablePath} is not here: install chromium, or name another one in CHROMIUM`

/** A browser of its own, with a profile that goes away with it. */
export type OpenChromium = { context: BrowserContext; close(): Promise<void> }

/**
 * Skips the tests of a file with a reason where there is no Chromium; with CI=true they fail. Call it first, and open nothing in hooks
 * unless it says true.
 */
export function needsChromium(): boolean {
  beforeEach(({ skip }) => {
    if (whyNot === undefined) return
    if (process.env.CI === 'true') throw new Error(whyNot)
    skip(whyNot)
  })
  return whyNot === undefined
}

/** Starts it. */
export async function openChromium(): Promise<OpenChromium> {
  const profile = await mkdtemp(join(tmpdir(), 'mooring-chromium-'))
  const context = await chromium.launchPersistentContext(profile, { executablePath, args })
  context.setDefaultTimeout(patienceMs)
  const close = async () => {
    await context.close()
    await rm(profile, { recursive: true, force: true, maxRetries: 5 })
  }
  return { context, close }
}
