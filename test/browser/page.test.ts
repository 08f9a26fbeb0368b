import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest'
import { openSigningPage, type PageTask } from '../../gateway/cli/client/signers/browser-page.ts'
import { foreignHost, needsChromium, type OpenChromium, openChromium } from './chromium.ts'
import { openTab, sees } from './scene.ts'

// The signing page against other pages, and against what it is given to show (docs/publishing.md, `--browser`).

const isHere = needsChromium()
let browser: OpenChromium
beforeAll(async () => {
  if (isHere) browser = await openChromium()
})
afterAll(() => browser?.close())

const markup = '<img src=x onerror="document.title=1"><script>document.title=1</script>'
const hostile: PageTask = {
  ...{ kind: 'typed', address: '0xf39fd6e51aad88f6f4ce6ab8827279cfffb92266', chainId: 1 },
  document: JSON.stringify({ domain: { chainId: 1, verifyingContract: markup }, message: { name: markup } }),
  meaning: [markup, `  added   ${markup}  sha256:00`, `          ${markup}`],
}

async function openTask(task: PageTask) {
  const served = await openSigningPage({ timeoutMs: 30_000 })
  onTestFinished(() => served.close())
  const answer = served.ask(task)
  answer.catch(() => {})
  return { ...served, answer }
}

/** A page of somebody else's, on this machine, and what it was asked. */
async function openForeign() {
  const asked: string[] = []
  const server = createServer((request, response) => {
    asked.push(request.url ?? '')
    response.writeHead(200, { 'content-type': 'text/html' }).end('<!doctype html><title>foreign</title>')
  })
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening))
  onTestFinished(() => void server.close().closeAllConnections())
  return { asked, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` }
}

test('hostile names and texts are shown as text, nothing of them runs, and nothing is loaded from elsewhere', async () => {
  const { url } = await openTask(hostile)
  const page = await openTab(browser, null)
  const asked: string[] = []
  page.on('request', (request) => asked.push(request.url()))
  await page.goto(url)
  await sees(page, 'Sign this?')
  expect(await page.locator('#meaning li').first().textContent()).toBe(markup)
  expect(await page.locator('#document').textContent()).toContain('<script>')
  expect(await page.locator('main img, main script').count()).toBe(0)
  expect(await page.title()).toBe('Mooring: sign with a wallet')
  expect(asked.length).toBeGreaterThan(3)
  expect(asked.filter((each) => !each.startsWith(new URL(url).origin))).toEqual([])
})

test('CSP: an inline script and a request elsewhere, which work in another page, do nothing in this one', async () => {
  const foreign = await openForeign()
  const { url } = await openTask(hostile)
  const inject = async (target: string) => {
    const page = await openTab(browser, null)
    await page.goto(target)
    await page.evaluate(async (elsewhere) => {
      const script = document.createElement('script')
      script.textContent = 'document.title = "injected"'
      document.body.append(script)
      await fetch(`${elsewhere}/stolen`, { mode: 'no-cors' }).catch(() => {})
    }, foreign.url)
    return page.title()
  }
  expect([await inject(foreign.url), foreign.asked.filter((path) => path === '/stolen').length]).toEqual([
    'injected',
    1,
  ])
  expect([await inject(url), foreign.asked.filter((path) => path === '/stolen').length]).toEqual([
    'Mooring: sign with a wallet',
    1,
  ])
})

test('under another host name, and without the secret of its URL, there is no page', async () => {
  const { url } = await openTask(hostile)
  const { origin, host } = new URL(url)
  const page = await openTab(browser, null)
  const look = async (target: string) => {
    const response = await page.goto(target)
    return [response?.status(), (await page.locator('body').textContent())?.trim()]
  }
  expect((await look(url))[0]).toBe(200)
  expect(await look(url.replace('127.0.0.1', foreignHost))).toEqual([403, 'this page has another host'])
  expect(await look(url.replace('127.0.0.1', 'localhost'))).toEqual([403, 'this page has another host'])
  expect(await look(`${origin}/`)).toEqual([404, 'nothing is here'])
  expect(await look(`http://${host}/${'0'.repeat(48)}/`)).toEqual([404, 'nothing is here'])
})

test('a page of another origin that knows the URL neither reads the task, nor answers it, nor frames the page', async () => {
  const foreign = await openForeign()
  const { url, answer } = await openTask(hostile)
  let isAnswered = false
  void answer.then(() => {
    isAnswered = true
  })
  const page = await openTab(browser, null)
  await page.goto(foreign.url)
  const came = await page.evaluate(async (target) => {
    const body = JSON.stringify({ id: 1, result: '0xab' })
    const tried = (request: Promise<Response>) =>
      request.then(
        ({ type }) => type,
        () => 'failed',
      )
    const read = await tried(fetch(`${target}task`))
    const sent = await tried(fetch(`${target}answer`, { method: 'POST', mode: 'no-cors', body }))
    const typed = await tried(
      fetch(`${target}answer`, { method: 'POST', headers: { 'content-type': 'application/json' }, body }),
    )
    return [read, sent, typed]
  }, url)
  expect(came).toEqual(['failed', expect.stringMatching(/opaque|failed/), 'failed'])
  expect(isAnswered).toBe(false)
  await page.evaluate((target) => {
    const frame = document.createElement('iframe')
    frame.src = target
    document.body.append(frame)
    return new Promise((loaded) => frame.addEventListener('load', loaded))
  }, url)
  expect(await page.frames()[1]?.locator('#go').count()).toBe(0)
  // Its own page may.
  const own = await openTab(browser, null)
  await own.goto(url)
  await own.getByRole('button', { name: 'Refuse' }).click()
  expect(await answer).toMatchObject({ error: { code: 4001 } })
})
