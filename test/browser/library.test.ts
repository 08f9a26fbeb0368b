import { readFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'
import type { Page } from 'playwright-core'
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest'
import { pushTags, startProxy, startWorld, type World } from '../e2e/world.ts'
import { needsChromium, type OpenChromium, openChromium } from './chromium.ts'
import { openTab } from './scene.ts'

// docs/library.md in a browser: a page of any origin, a chain and gateways of others.

const root = fileURLToPath(new URL('../../', import.meta.url))
const isHere = needsChromium()
let world: World
let browser: OpenChromium
let page: Page
let digest: string
const close: (() => Promise<unknown>)[] = []
beforeAll(async () => {
  if (!isHere) return
  ;[world, browser] = await Promise.all([startWorld(), openChromium()])
  close.push(browser.close, world.close)
  digest = (await pushTags(world, 'latest')).imageIndex.digest
  const site = await serveExample()
  page = await browser.context.newPage()
  await page.goto(site)
})
afterAll(async () => {
  for (const each of close) await each()
})

/** A site whose page has the documented example, bundled from what the build wrote. */
async function serveExample(): Promise<string> {
  const [, example = ''] = /```ts\n([\s\S]*?)```/.exec(await readFile(`${root}docs/library.md`, 'utf8')) ?? []
  const { outputFiles } = await build({
    stdin: { contents: example, resolveDir: root, loader: 'ts' },
    alias: { mooring: `${root}dist/lib/library/index.js` },
    ...{ bundle: true, write: false, platform: 'browser', format: 'iife', globalName: 'bundled', minify: true },
  })
  const html = `<!doctype html><meta charset="utf-8"><p id="answer"></p><script>${outputFiles[0]?.text.replaceAll('</', '<\\/')}</script>`
  const server = createServer((_request, response) =>
    response.writeHead(200, { 'content-type': 'text/html' }).end(html),
  )
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening))
  close.push(async () => server.close().closeAllConnections())
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/`
}

/** What the page shows of a tag. */
async function ask(name: string, tag: string, gateway = world.gateway.url): Promise<string> {
  const more = { ensRegistry: world.chain.addresses.ensRegistry, gateways: [gateway] }
  const call = `bundled.describeTag(${[world.chain.rpc, name, tag, more].map((each) => JSON.stringify(each)).join(', ')})`
  await page.evaluate(`${call}.then((text) => { document.querySelector('#answer').textContent = text })`)
  return (await page.locator('#answer').textContent()) ?? ''
}

test('the example of docs/library.md shows the signed digest, and proves that another tag is absent', async () => {
  expect(await ask('acme.eth', 'latest')).toContain(digest)
  expect(await ask('acme.eth', 'nope')).toBe('proven absent in version 1')
  // The longest tag there is.
  expect(await ask('acme.eth', 't'.repeat(128))).toBe('proven absent in version 1')
  expect(await page.evaluate(() => Object.keys(localStorage).length)).toBe(1)
})

test('a gateway that swaps a digit of the answer is refused with the error name; one without CORS answers nobody', async () => {
  const honest = await fetchThrough((text) => text)
  expect(await ask('acme.eth', 'latest', honest)).toContain(digest)
  const lying = await fetchThrough((text) => text.replaceAll(digest.slice('sha256:'.length), 'f0'.repeat(32)))
  expect(await ask('acme.eth', 'latest', lying)).toMatch(/^refused: BadProof: /)
  const closed = await fetchThrough((text) => text, {})
  expect(await ask('acme.eth', 'latest', closed)).toMatch(/^nobody answers: /)
})

const open = { 'access-control-allow-origin': '*' }

async function fetchThrough(change: (text: string) => string, headers: Record<string, string> = open): Promise<string> {
  const proxy = await startProxy(world.gateway.url, ({ status, headers: given, body }) => ({
    ...{ status, headers: { ...given, ...headers } },
    body: Buffer.from(change(Buffer.from(body).toString())),
  }))
  onTestFinished(() => proxy.close())
  return proxy.url
}

test('ERC-3668 endpoint: every page may GET, and POST after a preflight; the registry is closed to pages unless asked for', async () => {
  const tab = await openTab(browser, null)
  await tab.goto(page.url())
  const { resolver } = world.chain.addresses
  const ccip = `${world.gateway.url}/ccip/${world.chain.chainId}/${resolver}/${resolver}`
  const statuses = await tab.evaluate(
    async ([lookup, registry]) => {
      const status = (request: Promise<Response>) =>
        request.then(
          (answer) => answer.status,
          () => 'blocked',
        )
      const post = {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: '{"data":"0x","sender":"0x"}',
      }
      return [
        await status(fetch(`${lookup}/0x.json`)),
        await status(fetch(lookup, post)),
        await status(fetch(registry)),
      ]
    },
    [ccip, `${world.gateway.url}/v2/acme.eth/tags/list`] as const,
  )
  expect(statuses).toEqual([expect.any(Number), expect.any(Number), 'blocked'])
})
