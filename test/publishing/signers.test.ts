import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { request as openRequest } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { encryptKeystoreJson } from 'ethers'
import { type Hex, recoverMessageAddress } from 'viem'
import { privateKeyToAddress } from 'viem/accounts'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { openBrowserSigner } from '../../gateway/cli/client/signers/browser.ts'
import { openSigningPage } from '../../gateway/cli/client/signers/browser-page.ts'
import { canonicalSignature, SignerRefused } from '../../gateway/cli/client/signers/client-signer.ts'
import { openKeystore } from '../../gateway/cli/client/signers/keystore.ts'
import { openSigner, signerFlags } from '../../gateway/cli/client/signers/open-signer.ts'
import { parseCommandLine } from '../../gateway/cli/flags.ts'
import { hashList, type ListHeader, listTypedData } from '../../gateway/tags/list.ts'
import { isSignatureValid } from '../../gateway/tags/signature.ts'
import { addressOf, testDomain, testKeys } from '../fixtures.ts'
import { createWallet, openPage, type Provider, press } from './wallet-page.ts'

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'mooring-signers-'))
})
afterAll(() => rm(folder, { recursive: true }))

let files = 0
async function write(text: string, mode = 0o600): Promise<string> {
  const file = join(folder, `${++files}`)
  await writeFile(file, text, { mode })
  return file
}

const header: ListHeader = {
  ...{ name: 'acme.eth', node: `0x${'11'.repeat(32)}`, owner: addressOf(testKeys.owner), epoch: 0n, version: 1n },
  ...{ previous: `0x${'00'.repeat(32)}`, root: `0x${'22'.repeat(32)}`, count: 2n, delegations: `0x${'33'.repeat(32)}` },
  ...{ issuedAt: 1_800_000_000n, expiresAt: 1_800_000_001n },
}
const request = {
  hash: hashList(testDomain, header),
  document: listTypedData(testDomain, header),
  meaning: ['acme.eth: tag 1.0 is added'],
}

const open = (...args: string[]) => {
  const { settings } = parseCommandLine(signerFlags, args, {})
  return openSigner({ settings, chainId: testDomain.chainId, note: () => {} })
}

async function isOver(signature: Hex): Promise<boolean> {
  return isSignatureValid(addressOf(testKeys.owner), request.hash, signature, async () => undefined)
}

// The test vectors of the Web3 Secret Storage Definition.
const vectorKey = '0x7a28b5ba57c53603b0b07b56bba752f7784bf506fa95edc395f5cf6c7514fe9d'
const pbkdf2 = {
  crypto: {
    cipher: 'aes-128-ctr',
    cipherparams: { iv: '6087dab2f9fdbbfaddc31a909735c1e6' },
    ciphertext: '5318b4d5bcd28de64ee5559e671353e16f075ecae9f99c7a79a38af5f869aa46',
    kdf: 'pbkdf2',
    kdfparams: {
      ...{ c: 262144, dklen: 32, prf: 'hmac-sha256' },
      salt: 'ae3cd4e7013836a3df6bd7241b12db061dbe2c6785853cce422d148a624ce0bd',
    },
    mac: '517ead924a9d0dc3124507e3393d175ce3ff7c1e96529c6c555ce9e51205e9b2',
  },
  id: '3198bc9c-6672-5ab3-d995-4942343ae5b6',
  version: 3,
}
const scrypt = {
  ...pbkdf2,
  crypto: {
    ...pbkdf2.crypto,
    cipherparams: { iv: '83dbcc02d8ccb40e466191a123791e0e' },
    ciphertext: 'd172bf743a674da9cdad04534d56926ef8358534d458fffccd4e6ad2fbde479c',
    kdf: 'scrypt',
    kdfparams: {
      ...{ dklen: 32, n: 262144, r: 1, p: 8 },
      salt: 'ab0c7876052600dd703518d6fc3fe8984592145b591fc8fb5c6d43190334ba19',
    },
    mac: '2103ac29920d71da29f15d75b4a16dbe95cfd7ff8faea1056c33131d846e3097',
  },
}

describe('Web3 Secret Storage, version 3', () => {
  test('its vector for PBKDF2 opens with its password, and with no other', async () => {
    const text = JSON.stringify(pbkdf2)
    expect(await openKeystore(text, 'testpassword')).toBe(vectorKey)
    await expect(openKeystore(text, 'Testpassword')).rejects.toThrow(/^the password is wrong: the MAC of the keystore/)
  })

  test('scrypt as geth writes it opens (r 8), and its vector, which RFC 7914 rules out, says why not', async () => {
    const account = { address: addressOf(testKeys.owner), privateKey: testKeys.owner }
    const text = await encryptKeystoreJson(account, 'testpassword', { scrypt: { N: 2 ** 14, r: 8, p: 6 } })
    expect(await openKeystore(text, 'testpassword')).toBe(testKeys.owner)
    await expect(openKeystore(JSON.stringify(scrypt), 'testpassword')).rejects.toThrow(
      /n 262144, r 1: outside RFC 7914/,
    )
  })

  test('what another tool wrote signs; a wrong password is exit 2, names the file and says no secret', async () => {
    const account = { address: addressOf(testKeys.owner), privateKey: testKeys.owner }
    const keystore = await write(
      await encryptKeystoreJson(account, 'correct horse', { scrypt: { N: 1024, r: 8, p: 1 } }),
    )
    const password = await write('correct horse\n')
    const signer = await open('--keystore', keystore, '--password-file', password)
    expect(signer?.address).toBe(addressOf(testKeys.owner))
    expect(await isOver((await signer?.signTyped(request)) ?? '0x')).toBe(true)
    const wrong = await write('battery staple')
    const refused = await open('--keystore', keystore, '--password-file', wrong).catch((error: Error) => error)
    expect(refused).toMatchObject({
      name: 'ConfigError',
      message: `--password-file: saw "${wrong}", wanted the password of the keystore (the password is wrong: the MAC of the keystore is another)`,
    })
    const readable = await write('correct horse', 0o644)
    await expect(open('--keystore', keystore, '--password-file', readable)).rejects.toThrow(
      /mode 0644, so others may read/,
    )
    await expect(open('--keystore', keystore)).rejects.toThrow(/^--password-file: saw nothing/)
    await expect(open('--keystore', keystore, '--password-file', password, '--browser')).rejects.toThrow(/^signer: saw/)
  })

  test('a keystore that says whose key it holds holds that account’s, however the address is written, and no other', async () => {
    const held = privateKeyToAddress(vectorKey)
    const naming = (address: unknown) => openKeystore(JSON.stringify({ ...pbkdf2, address }), 'testpassword')
    for (const address of [held, held.toLowerCase(), held.slice(2).toLowerCase(), '', null]) {
      expect(await naming(address)).toBe(vectorKey)
    }
    const another = addressOf(testKeys.owner)
    await expect(naming(another)).rejects.toThrow(
      `the keystore says that it is of ${another}, and holds the key of ${held.toLowerCase()}`,
    )
  })

  const broken: [what: string, change: (keystore: typeof pbkdf2) => unknown, message: RegExp][] = [
    ['no JSON', () => undefined, /is no JSON/],
    ['version 1', (keystore) => ({ ...keystore, version: 1 }), /version is 1, wanted 3/],
    [
      'another cipher',
      ({ crypto, ...rest }) => ({ ...rest, crypto: { ...crypto, cipher: 'none' } }),
      /cipher is "none"/,
    ],
    ['another kdf', ({ crypto, ...rest }) => ({ ...rest, crypto: { ...crypto, kdf: 'argon2' } }), /kdf is "argon2"/],
    [
      'more work than a machine has memory for',
      ({ crypto, ...rest }) => {
        const kdfparams = { ...crypto.kdfparams, n: 2 ** 30, r: 8, p: 1 }
        return { ...rest, crypto: { ...crypto, kdf: 'scrypt', kdfparams } }
      },
      /over 1 GiB/,
    ],
    [
      'a shorter derived key',
      ({ crypto, ...rest }) => ({ ...rest, crypto: { ...crypto, kdfparams: { ...crypto.kdfparams, dklen: 16 } } }),
      /dklen is not/,
    ],
  ]
  test.each(broken)('a keystore of %s is refused', async (_what, change, message) => {
    await expect(openKeystore(JSON.stringify(change(pbkdf2)) ?? 'nonsense', 'testpassword')).rejects.toThrow(message)
  })
})

test('protocol 2.3: a wallet’s v of 0 or 1 becomes 27 or 28; other bytes stay as they are; no hex is no signature', () => {
  const rs = `0x${'ab'.repeat(64)}`
  expect(canonicalSignature(`${rs}00`)).toBe(`${rs}1b`)
  expect(canonicalSignature(`${rs.toUpperCase().replace('X', 'x')}01`)).toBe(`${rs}1c`)
  expect(canonicalSignature(`${rs}1b`)).toBe(`${rs}1b`)
  expect(canonicalSignature('0x')).toBe('0x')
  expect(() => canonicalSignature('0xabc')).toThrow(SignerRefused)
  expect(() => canonicalSignature({ r: 1 })).toThrow(SignerRefused)
})

/** Opens a browser signer whose page is open, with this wallet. */
async function openWithPage(
  wallet: Provider | undefined,
  act = (page: ReturnType<typeof openPage>) => press(page, 'Connect the wallet'),
) {
  let page: ReturnType<typeof openPage> | undefined
  let acted: Promise<void> = Promise.resolve()
  const note = (line: string) => {
    if (page !== undefined) return
    page = openPage(/http:\S+$/.exec(line)?.[0] ?? '', wallet)
    acted = act(page)
  }
  onTestFinished(() => page?.close())
  const signer = await openBrowserSigner({ chainId: testDomain.chainId, address: null, note, timeoutMs: 20_000 })
  await acted
  onTestFinished(() => signer.close())
  return { signer, page: page as ReturnType<typeof openPage> }
}

describe('a wallet in a browser', () => {
  test('the page shows what is signed, asks the wallet only when the person presses, and brings the signature', async () => {
    const wallet = createWallet(testKeys.owner, testDomain.chainId)
    const { signer, page } = await openWithPage(wallet)
    expect(signer.address).toBe(addressOf(testKeys.owner))
    const signing = signer.signTyped(request)
    const asked = wallet.asked.length
    await press(page, 'Sign with the wallet')
    expect(await isOver(await signing)).toBe(true)
    expect(wallet.asked.slice(asked).map(({ method }) => method)).toEqual(['eth_chainId', 'eth_signTypedData_v4'])
    const [, document] = wallet.asked.at(-1)?.params ?? []
    expect(JSON.parse(String(document))).toMatchObject({
      primaryType: 'TagList',
      domain: { name: 'Mooring', version: '1', chainId: testDomain.chainId },
      message: { name: 'acme.eth', version: '1' },
    })
    const text = signer.signText('log in')
    await press(page, 'Sign with the wallet')
    expect((await recoverMessageAddress({ message: 'log in', signature: await text })).toLowerCase()).toBe(
      signer.address,
    )
  })

  test('what a person refuses is no signature, and certain not to be one', async () => {
    const { signer, page } = await openWithPage(createWallet(testKeys.owner, testDomain.chainId))
    const signing = signer.signTyped(request)
    const [refused] = await Promise.allSettled([signing, press(page, 'Sign with the wallet', 'no')])
    expect(refused).toMatchObject({ status: 'rejected', reason: { name: 'SignerRefused', isRejection: true } })
  })

  test('a wallet on another chain is asked to switch, and a browser without a wallet says so', async () => {
    let wallet = createWallet(testKeys.owner, 1)
    const switches: unknown[] = []
    const switching: Provider = {
      request: async (asked) => {
        if (asked.method !== 'wallet_switchEthereumChain') return wallet.request(asked)
        switches.push(asked.params)
        wallet = createWallet(testKeys.owner, testDomain.chainId)
        return null
      },
    }
    await openWithPage(switching)
    expect(switches).toEqual([[{ chainId: '0x7a69' }]])
    const without = openBrowserSigner({
      ...{ chainId: null, address: null, timeoutMs: 1500 },
      note: (line) => {
        if (!line.startsWith('open this page')) return
        const page = openPage(/http:\S+$/.exec(line)?.[0] ?? '', undefined)
        onTestFinished(() => page.close())
        void press(page, 'Connect the wallet').then(() => {
          expect(page.at('error').textContent).toMatch(/^no wallet extension is in this browser: /)
        })
      },
    })
    await expect(without).rejects.toThrow(/nobody answered on the signing page within 1.5 s/)
  })
})

/** A request with headers that fetch does not let one set. */
function raw(
  url: string,
  method: string,
  headers: Record<string, string>,
  body = '',
): Promise<{ status: number; text: string; headers: Record<string, unknown> }> {
  return new Promise((resolve, reject) => {
    const sent = openRequest(url, { method, headers }, async (answer) => {
      let text = ''
      for await (const chunk of answer as AsyncIterable<Buffer>) text += chunk.toString()
      resolve({ status: answer.statusCode ?? 0, text, headers: answer.headers })
    })
    sent.on('error', reject)
    sent.end(body)
  })
}

describe('the signing page', () => {
  test('only at its own address and host, and only its own page may answer, once', async () => {
    const page = await openSigningPage({ timeoutMs: 20_000 })
    onTestFinished(() => page.close())
    const { origin, host } = new URL(page.url)
    const answered = page.ask({ kind: 'text', address: addressOf(testKeys.owner), text: 'hello' })
    const good = { host, origin, 'content-type': 'application/json' }
    const body = JSON.stringify({ id: 1, result: '0xab' })
    const answer = (headers: Record<string, string>, url = `${page.url}answer`) => raw(url, 'POST', headers, body)
    expect((await raw(page.url, 'GET', { host })).status).toBe(200)
    expect((await raw(page.url, 'GET', { host: 'evil.example' })).status).toBe(403)
    expect((await raw(page.url, 'GET', { host: host.replace('127.0.0.1', 'localhost') })).status).toBe(403)
    expect((await raw(page.url.replace(/.\/$/, 'x/'), 'GET', { host })).status).toBe(404)
    expect((await raw(`${origin}/`, 'GET', { host })).status).toBe(404)
    expect((await raw(`${page.url}../signing.js`, 'GET', { host })).status).toBe(404)
    expect((await raw(`${page.url}..%2fsigning.js`, 'GET', { host })).status).toBe(404)
    expect((await answer({ ...good, origin: 'https://evil.example' })).status).toBe(403)
    expect((await answer({ host, 'content-type': 'application/json' })).status).toBe(403)
    expect((await answer({ ...good, 'content-type': 'text/plain' })).status).toBe(415)
    expect((await raw(`${page.url}answer`, 'POST', good, '{"id":1')).status).toBe(400)
    expect((await raw(`${page.url}answer`, 'POST', good, JSON.stringify({ id: 2, result: 1 }))).status).toBe(409)
    expect((await answer(good)).status).toBe(200)
    expect(await answered).toEqual({ result: '0xab' })
    expect((await answer(good)).status).toBe(409)
  })

  test('no other page may frame it, read it, or add a script to it; no answer is kept', async () => {
    const page = await openSigningPage({ timeoutMs: 20_000 })
    onTestFinished(() => page.close())
    const { host } = new URL(page.url)
    for (const path of ['', 'signing.js', 'signing.css', 'task']) {
      const { status, headers } = await raw(`${page.url}${path}`, 'GET', { host, origin: 'https://evil.example' })
      expect([status, headers['cache-control'], headers['x-frame-options']]).toEqual([200, 'no-store', 'DENY'])
      expect(headers['content-security-policy']).toMatch(
        /^default-src 'none'; script-src 'self';.*frame-ancestors 'none'$/,
      )
      expect(Object.keys(headers).filter((name) => name.startsWith('access-control'))).toEqual([])
    }
    const html = await readFile(new URL('../../gateway/web/signing/signing.html', import.meta.url), 'utf8')
    expect(html).not.toMatch(/<script(?! src="signing\.js")|style=|onclick|https?:/)
  })
})

test('a signer that does not answer is called by its origin: its path or password may be a secret', async () => {
  const { settings } = parseCommandLine(signerFlags, ['--rpc-signer', 'http://me:hunter2@127.0.0.1:9/v3/secret'], {})
  const message = await openSigner({ settings, chainId: null, note: () => {} }).catch((error: Error) => error.message)
  expect(message).toMatch(/^the signer http:\/\/127\.0\.0\.1:9: /)
  expect(message).not.toMatch(/hunter2|secret/)
})
