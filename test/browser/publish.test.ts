import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { addressOf, testKeys } from '../fixtures.ts'
import { createWallet } from '../publishing/wallet-page.ts'
import { needsChromium, type OpenChromium, openChromium } from './chromium.ts'
import { beginPublish, connect, endOf, isTold, openTab, sees, sign, textOf } from './scene.ts'
import { installWallet, walletError, withAnswer } from './wallet.ts'
import { type BrowserWorld, pull, startBrowserWorld, startCommand, startOn } from './world.ts'

// `--browser` (docs/publishing.md, "Who signs"): the built command line, a wallet in a real page, and a gateway that holds no key.

const isHere = needsChromium()
const names = 'acme announced two rejected button account stranger chain garbage forged reload none stopped'.split(' ')
let world: BrowserWorld
let browser: OpenChromium
beforeAll(async () => {
  if (!isHere) return
  ;[world, browser] = await Promise.all([startBrowserWorld(names.map((name) => `${name}.eth`)), openChromium()])
})
afterAll(async () => {
  await browser?.close()
  await world?.close()
})

const ownerWallet = () => createWallet(testKeys.owner, world.chain.chainId)
const strangerWallet = () => createWallet(testKeys.other, world.chain.chainId)
const owner = addressOf(testKeys.owner)
const stranger = addressOf(testKeys.other)
const published = { code: 0, json: { published: true, version: 1, error: null } }
const here = () => ({ world, browser })

describe('a wallet that signs', () => {
  test('the page shows account, chain, contract and each change; publish ends with 0, and a pull sees the tag', async () => {
    const wallet = ownerWallet()
    const { command, page, digest } = await beginPublish(here(), 'acme.eth', wallet)
    expect(await pull(world, 'acme.eth', '1.0')).toEqual({ isPublished: false, digest })
    await sees(page, 'Choose the account that signs')
    expect(wallet.asked).toEqual([])
    await connect(page)
    await sees(page, 'Sign this?')
    const shown = await textOf(page)
    const head = 'acme.eth: nothing was published before; version 1 will have 1 tag'
    const facts = [owner, `${world.chain.chainId}`, world.chain.addresses.resolver]
    for (const text of [head, 'added  1.0', digest, 'linux/amd64, linux/arm64', ...facts]) expect(shown).toContain(text)
    expect(wallet.asked.map(({ method }) => method)).toEqual(['eth_requestAccounts', 'eth_chainId'])
    await sign(page)
    await sees(page, 'Done')
    expect(await textOf(page)).toContain('Version 1 of acme.eth is published at http://127.0.0.1:')
    expect(await endOf(command)).toMatchObject(published)
    const [, document] = wallet.asked.at(-1)?.params ?? []
    expect(JSON.parse(String(document))).toMatchObject({ primaryType: 'TagList', message: { name: 'acme.eth' } })
    expect(await pull(world, 'acme.eth', '1.0')).toEqual({ isPublished: true, digest })
  })

  test('EIP-6963: a wallet that only announces itself signs too', async () => {
    const look = { announced: { name: 'Announced', rdns: 'test.announced' } }
    const { command, page } = await beginPublish(here(), 'announced.eth', ownerWallet(), { look })
    await connect(page)
    await sign(page)
    expect(await endOf(command)).toMatchObject(published)
  })

  test('EIP-6963: of two wallets the person chooses one, and the other is never asked', async () => {
    const [first, second] = [strangerWallet(), ownerWallet()]
    const { command, page } = await beginPublish(here(), 'two.eth', null)
    await installWallet(page, first, { isInjected: true, announced: { name: 'First', rdns: 'test.first' } })
    await installWallet(page, second, { announced: { name: 'Second\u202e<b>', rdns: 'test.second' } })
    await page.reload()
    await connect(page)
    await isTold(page, 'several wallets are in this browser: choose one of them')
    expect(await page.locator('#wallets label').allTextContents()).toEqual([
      ' First test.first',
      ' Second <b> test.second',
    ])
    await page.getByLabel('Second').check()
    await connect(page)
    await sign(page)
    expect(await endOf(command)).toMatchObject(published)
    expect(first.asked).toEqual([])
  })

  test('mooring login --browser: the page shows the text, and the login is kept', async () => {
    const gateway = await startOn(world.chain, join(world.folder, 'logins'), {
      logins: { htpasswdFile: null, tokenKeyFiles: [] },
    })
    onTestFinished(() => gateway.close())
    const state = ['--state', join(world.folder, 'login'), '--no-docker-config']
    const begin = () => startCommand(world.folder, ['login', gateway.url, '--browser', '--json', ...state])
    const command = begin()
    const page = await openTab(browser, ownerWallet())
    await page.goto(await command.pageUrl)
    await connect(page)
    await sees(page, 'Log in?')
    const host = new URL(gateway.url).host
    expect(await textOf(page)).toContain(`${host} wants you to sign in with your Ethereum account`)
    await sign(page)
    await sees(page, 'Done')
    expect(await endOf(command)).toMatchObject({ code: 0, json: { ok: true, address: owner } })

    const refused = begin()
    const other = await openTab(
      browser,
      withAnswer(ownerWallet(), 'personal_sign', () => walletError(4001, 'User denied')),
    )
    await other.goto(await refused.pageUrl)
    await connect(other)
    await sign(other)
    await sees(other, 'It did not work')
    expect(await endOf(refused)).toMatchObject({ code: 1, json: { ok: false, error: 'SignerRefused' } })
  })
})

describe('nothing is published', () => {
  test('EIP-1193 4001: what the person refuses in the wallet ends the command, which may be run again', async () => {
    const no = withAnswer(ownerWallet(), 'eth_signTypedData_v4', () => walletError(4001, 'User denied it.'))
    const { command, page } = await beginPublish(here(), 'rejected.eth', no, { state: 'rejected' })
    await connect(page)
    await sign(page)
    await sees(page, 'It did not work')
    const why = 'refused in the wallet, so nothing was signed (the wallet says: User denied it.)'
    expect(await textOf(page)).toContain(why)
    const { err, ...end } = await endOf(command)
    expect(end).toMatchObject({ code: 1, json: { published: false, error: 'SignerRefused' } })
    expect(err).toContain(why)
    expect((await pull(world, 'rejected.eth', '1.0')).isPublished).toBe(false)

    const again = await beginPublish(here(), 'rejected.eth', ownerWallet(), { state: 'rejected' })
    await connect(again.page)
    await sign(again.page)
    const twin = await endOf(again.command)
    expect(twin).toMatchObject(published)
    // It was certain that nothing was signed: the list is made anew.
    expect(twin.err).not.toContain('was made here before')
  })

  test('the button Refuse ends the command, and the wallet is not asked', async () => {
    const wallet = ownerWallet()
    const { command, page } = await beginPublish(here(), 'button.eth', wallet)
    await connect(page)
    await sees(page, 'Sign this?')
    await page.getByRole('button', { name: 'Refuse' }).click()
    await sees(page, 'It did not work')
    expect(await endOf(command)).toMatchObject({ code: 1, err: expect.stringContaining('refused on the signing page') })
    expect(wallet.asked.map(({ method }) => method)).not.toContain('eth_signTypedData_v4')
  })

  test('another account than --from: page and terminal say which, and the right one may still be chosen', async () => {
    let wallet = strangerWallet()
    const changing = { request: (asked: Parameters<typeof wallet.request>[0]) => wallet.request(asked) }
    const { command, page } = await beginPublish(here(), 'account.eth', changing, { flags: ['--from', owner] })
    await connect(page)
    await isTold(page, `wanted ${owner}: choose it in the wallet`)
    await command.sees(new RegExp(`the signing page: the wallet gives the account ${stranger}, wanted ${owner}`, 'i'))
    wallet = ownerWallet()
    await connect(page)
    await sign(page)
    expect(await endOf(command)).toMatchObject(published)
  })

  test('NotPublisher: an account that does not publish is told who does, before it is asked to sign', async () => {
    const wallet = strangerWallet()
    const { command, page } = await beginPublish(here(), 'stranger.eth', wallet)
    await connect(page)
    await sees(page, 'It did not work')
    const why = `${stranger} is not a publisher of stranger.eth: the publisher is ${owner}`
    expect(await textOf(page)).toContain(why)
    const end = await endOf(command)
    expect(end).toMatchObject({ code: 4, json: { error: 'NotPublisher' }, err: expect.stringContaining(why) })
    expect(wallet.asked.map(({ method }) => method)).not.toContain('eth_signTypedData_v4')
  })

  test('a wallet that stays on another chain: page and terminal say on which; once it is there, it signs', async () => {
    let chainId = 1
    const switching = withAnswer(ownerWallet(), 'wallet_switchEthereumChain', () => walletError(4902, 'Unknown chain.'))
    const wallet = withAnswer(switching, 'eth_chainId', async () => `0x${chainId.toString(16)}`)
    const { command, page } = await beginPublish(here(), 'chain.eth', wallet)
    await connect(page)
    await isTold(
      page,
      'the wallet is on chain 1, and this is for chain 31337: switch it there (it says: Unknown chain.)',
    )
    await command.sees(/the signing page: the wallet is on chain 1, and this is for chain 31337/)
    chainId = world.chain.chainId
    await connect(page)
    await sign(page)
    expect(await endOf(command)).toMatchObject(published)
  })

  test.each([
    ['garbage', 'what is no signature', async () => 'signed!'],
    ['forged', 'a signature by another key', async () => null],
  ])('%s.eth: a wallet answers %s, and the same list is signed by the next run', async (name, _what, garbage) => {
    const method = 'eth_signTypedData_v4'
    const forging = {
      request: (asked: Parameters<typeof good.request>[0]) =>
        asked.method === method ? bad.request(asked) : good.request(asked),
    }
    const [good, bad] = [ownerWallet(), strangerWallet()]
    const wallet = name === 'forged' ? forging : withAnswer(good, method, garbage)
    const { command, page } = await beginPublish(here(), `${name}.eth`, wallet, { state: name })
    await connect(page)
    await sign(page)
    await sees(page, 'It did not work')
    const why =
      name === 'forged'
        ? `the signature is not one of ${owner} over list 0x`
        : 'the signer answers what is no signature'
    expect(await textOf(page)).toContain(why)
    const end = await endOf(command)
    expect(end).toMatchObject({ code: 1, json: { error: 'SignerRefused' }, err: expect.stringContaining(why) })
    expect((await pull(world, `${name}.eth`, '1.0')).isPublished).toBe(false)

    const again = await beginPublish(here(), `${name}.eth`, ownerWallet(), { state: name })
    await connect(again.page)
    await sign(again.page)
    expect(await endOf(again.command)).toMatchObject(published)
  })
})

describe('a page that goes away', () => {
  test('loaded anew while the wallet asks, and closed and opened again: the command waits, and goes on', async () => {
    let [isSlow, asked] = [true, 0]
    const good = ownerWallet()
    const never = () => new Promise<never>(() => {})
    const wallet = {
      request: (request: Parameters<typeof good.request>[0]) => {
        const isSigning = request.method === 'eth_signTypedData_v4'
        asked += Number(isSigning)
        return isSigning && isSlow ? never() : good.request(request)
      },
    }
    const { command, page } = await beginPublish(here(), 'reload.eth', wallet)
    await connect(page)
    await sign(page)
    await expect.poll(() => asked).toBe(1)
    await page.reload()
    await sees(page, 'Sign this?')
    isSlow = false
    const url = page.url()
    await page.close()
    const other = await openTab(browser, good)
    await other.goto(url)
    await sign(other)
    expect(await endOf(command)).toMatchObject(published)
  })

  test('no wallet: page and terminal say so by themselves, and another tab that has one goes on', async () => {
    const { command, page } = await beginPublish(here(), 'none.eth', null)
    await isTold(page, 'no wallet extension is in this browser: open this address in the browser that has the wallet')
    await command.sees(/the signing page: no wallet extension is in this browser/)
    await connect(page)
    await isTold(page, 'no wallet extension is in this browser')
    const other = await openTab(browser, ownerWallet())
    await other.goto(page.url())
    await connect(other)
    await sign(other)
    await sees(other, 'Done')
    expect(await endOf(command)).toMatchObject(published)
  })

  test('a command that is stopped leaves a page that says so', async () => {
    const { command, page } = await beginPublish(here(), 'stopped.eth', ownerWallet())
    await connect(page)
    await sees(page, 'Sign this?')
    command.child.kill()
    await sees(page, 'It did not work')
    expect(await textOf(page)).toContain('The command line has ended or was stopped: see the terminal.')
    expect(await page.getByRole('button').count()).toBe(0)
  })
})
