import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFile, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type Hex, hashTypedData } from 'viem'
import { sign } from 'viem/accounts'
import { afterAll, beforeAll, beforeEach, describe, expect, onTestFinished, test } from 'vitest'
import { callAnchor } from '../../gateway/cli/owner/calls.ts'
import { describeDifference } from '../../gateway/cli/publishing/difference.ts'
import { runCommandLine } from '../../gateway/cli/run.ts'
import { type TagEntry, ZERO_REFERENCE } from '../../gateway/tags/entry.ts'
import type { ListHeader } from '../../gateway/tags/list.ts'
import { createSafe, deploySafeContracts } from '../chain/safe.ts'
import { addressOf, testKeys } from '../fixtures.ts'
import { createWallet, openPage, press } from './wallet-page.ts'
import { type PublishingWorld, run, sendAsOwner, setPolicy, stageImage, startPublishingWorld } from './world.ts'

const names = [
  'both.eth',
  'left.eth',
  'forged.eth',
  'safe.eth',
  'anchor.eth',
  'rpc.eth',
  'hung.eth',
  'killed.eth',
  'renew.eth',
  'page.eth',
]
const [owner, other] = [addressOf(testKeys.owner), addressOf(testKeys.other)]
let world: PublishingWorld
beforeAll(async () => {
  world = await startPublishingWorld(names)
})
afterAll(() => world.close())
beforeEach(() => {
  world.front.staged = []
  world.front.puts = []
  world.front.meddle = async () => null
})

let files = 0
const newFile = () => join(world.folder, `list-${++files}.json`)
const withKey = (who: keyof typeof testKeys) => ['--yes', '--key-file', world.keyFiles[who]]

async function exportList(name: string, state: string): Promise<string> {
  const file = newFile()
  const made = await run(world, state, ['publish', name, ...withKey('owner'), '--export', file])
  expect([made.code, made.json.exported]).toEqual([0, file])
  return file
}

describe('several publishers', () => {
  test('a list kept here with the signature of a publisher who was removed since goes on with those who sign now', async () => {
    await setPolicy(world, 'left.eth', [owner, other], 2)
    world.front.staged = [await stageImage(world, 'left.eth', '1.0', 'one')]
    await exportList('left.eth', 'left')
    await setPolicy(world, 'left.eth', [other], 1)
    const { code, json, err } = await run(world, 'left', ['publish', 'left.eth', ...withKey('other')])
    expect([code, json.published, json.version, json.signers]).toEqual([0, true, 1, [other]])
    expect(err).toContain('version 1 was made here before')
  })

  test('--export and --import: the second checks everything again, adds its signature, and it is sent, signers ascending', async () => {
    await setPolicy(world, 'both.eth', [owner, other], 2)
    world.front.staged = [await stageImage(world, 'both.eth', '1.0', 'one')]
    const file = await exportList('both.eth', 'both-owner')
    expect(world.front.puts).toEqual([])
    const alone = await run(world, 'both-nobody', ['publish', 'both.eth', '--yes', '--import', file])
    expect(alone.code).toBe(4)
    world.front.staged = []
    const { code, json, err } = await run(world, 'both-other', [
      'publish',
      'both.eth',
      ...withKey('other'),
      '--import',
      file,
    ])
    expect([code, json.published, json.signers]).toEqual([0, true, [owner, other].sort()])
    expect(err).toMatch(/added {3}1\.0[\s\S]*linux\/amd64[\s\S]*2 of 2 publishers sign, signed by/)
    const again = await run(world, 'both-owner', ['publish', 'both.eth', '--yes', '--import', file])
    expect([again.code, again.json.published, world.front.puts.length]).toEqual([0, true, 1])
  })

  test('a file that says something else than its signatures, its list or the chain is refused', async () => {
    await setPolicy(world, 'forged.eth', [owner, other], 2)
    world.front.staged = [await stageImage(world, 'forged.eth', '1.0', 'one')]
    const file = await exportList('forged.eth', 'forged-owner')
    const honest = JSON.parse(await readFile(file, 'utf8'))
    const [signature] = honest.signatures
    const importing = async (value: unknown) => {
      const forged = newFile()
      await writeFile(forged, JSON.stringify(value))
      const args = ['publish', 'forged.eth', ...withKey('other'), '--dry-run', '--import', forged]
      return run(world, 'forged-other', args)
    }
    expect((await importing(honest)).code).toBe(0)
    const extra = { tag: 'latest', entry: honest.changes[0].entry }
    const moved = { ...honest.changes[0].entry, digest: `sha256:${'cd'.repeat(32)}` }
    const forgeries: [error: string, value: object][] = [
      ['MalformedList', { ...honest, changes: [...honest.changes, extra] }],
      ['MalformedList', { ...honest, changes: [{ tag: '1.0', entry: moved }] }],
      ['BadSignature', { ...honest, list: { ...honest.list, expiresAt: honest.list.expiresAt + 1 } }],
      ['NotPublisher', { ...honest, signatures: [{ ...signature, signer: addressOf(testKeys.third) }] }],
      ['BadSignature', { ...honest, signatures: [{ ...signature, signer: other }] }],
      ['Rollback', { ...honest, list: { ...honest.list, version: 2 } }],
      ['OwnerMismatch', { ...honest, list: { ...honest.list, owner: other } }],
      ['NodeMismatch', { ...honest, list: { ...honest.list, name: 'both.eth' } }],
    ]
    for (const [error, value] of forgeries) {
      const refused = await importing(value)
      expect([error, refused.code, refused.json.error]).toEqual([error, 4, error])
    }
    for (const value of [{ ...honest, chainId: 1 }, { ...honest, format: 2 }, { ...honest, more: 1 }, []]) {
      expect((await importing(value)).code).toBe(2)
    }
    expect(world.front.puts).toEqual([])
  })
})

test('a list that takes the Swarm reference of a manifest away says so: its digest stays what it was', () => {
  const swarmReference = `0x${'ab'.repeat(32)}` as const
  const digest = `sha256:${'cd'.repeat(32)}` as const
  const before = { digest, size: 2, mediaType: 'a/b', swarmReference, updatedVersion: 1, flags: 0 }
  const shown = (after: TagEntry) => {
    const move = { tag: '1.0', before, after, platforms: [], staged: null }
    const policy = { publishers: [owner], threshold: 1, timestamper: null, maxAgeSeconds: 0 }
    const list = { name: 'both.eth', version: 2n, count: 2n, owner, epoch: 1n, expiresAt: 1n } as ListHeader
    const draft = { list, hash: swarmReference, changes: [], signatures: [] }
    return describeDifference(null, draft, [move], policy).join('\n')
  }
  expect(shown({ ...before, updatedVersion: 2 })).not.toContain('Swarm')
  const away = shown({ ...before, swarmReference: ZERO_REFERENCE, updatedVersion: 2 })
  expect(away).toContain(`Swarm reference ${swarmReference} -> ${ZERO_REFERENCE}`)
})

describe('ERC-1271: a Safe publishes', () => {
  test('its message is printed ready for signing, and its owners’ signatures publish the list', async () => {
    const contracts = await deploySafeContracts(world.chain)
    const safe = await createSafe(world.chain, contracts, [testKeys.owner, testKeys.other, testKeys.third], 2)
    await setPolicy(world, 'safe.eth', [safe.address], 1)
    world.front.staged = [await stageImage(world, 'safe.eth', '1.0', 'one')]
    const args = ['publish', 'safe.eth', '--yes', '--safe', safe.address]
    const file = newFile()
    const first = await run(world, 'safe', [...args, '--export', file])
    expect([first.code, first.json.published]).toEqual([0, false])
    const { hash, typedData } = first.json.safeMessage as { hash: Hex; typedData: Parameters<typeof hashTypedData>[0] }
    expect([hashTypedData(typedData), typedData.primaryType]).toEqual([hash, 'SafeMessage'])
    const keys = [testKeys.other, testKeys.third].toSorted((a, b) => (addressOf(a) < addressOf(b) ? -1 : 1))
    const parts = await Promise.all(keys.map((privateKey) => sign({ privateKey, hash, to: 'hex' })))
    const one = await run(world, 'safe', [...args, '--safe-signature', parts[0] as Hex])
    expect([one.code, one.json.error]).toEqual([1, 'SignerRefused'])
    const signature = `0x${parts.map((part) => part.slice(2)).join('')}`
    const elsewhere = await run(world, 'safe-else', [...args, '--import', file, '--safe-signature', signature])
    expect([elsewhere.code, elsewhere.json.published, elsewhere.json.signers]).toEqual([0, true, [safe.address]])
    world.front.staged = [await stageImage(world, 'safe.eth', '2.0', 'two')]
    const waiting = await run(world, 'safe', args)
    expect([waiting.code, waiting.json.published, waiting.json.version]).toEqual([0, false, 2])
    const next = (waiting.json.safeMessage as { hash: Hex }).hash
    const both = await Promise.all(keys.map((privateKey) => sign({ privateKey, hash: next, to: 'hex' })))
    const more = await run(world, 'safe', [
      ...args,
      '--safe-signature',
      `0x${both.map((part) => part.slice(2)).join('')}`,
    ])
    expect([more.code, more.json.published, more.json.listHash]).toEqual([0, true, waiting.json.listHash])
  })
})

describe('an owner that signs nothing', () => {
  test('--anchored: the list is made, the owner anchors it, and it is sent without a signature', async () => {
    world.front.staged = [await stageImage(world, 'anchor.eth', '1.0', 'one')]
    const args = ['publish', 'anchor.eth', '--yes', '--anchored']
    const anchor = async (list: unknown, version: bigint) => {
      const target = { resolver: world.chain.addresses.resolver, ensName: 'anchor.eth' }
      await sendAsOwner(world, callAnchor(target, { version, list: list as Hex }))
    }
    const made = await run(world, 'anchor', args)
    expect([made.code, made.json.published, made.json.version]).toEqual([0, false, 1])
    expect(made.err).toContain(`mooring anchor anchor.eth --version 1 --list ${made.json.listHash}`)
    await anchor(made.json.listHash, 1n)
    const sent = await run(world, 'anchor', args)
    expect([sent.code, sent.json.published, sent.json.signers, sent.json.listHash]).toEqual([
      0,
      true,
      [],
      made.json.listHash,
    ])
    world.front.staged = [await stageImage(world, 'anchor.eth', '2.0', 'two')]
    const file = newFile()
    const second = await run(world, 'anchor', [...args, '--export', file])
    await anchor(second.json.listHash, 2n)
    // On a machine that never saw version 1, which no anchor and no signature stands for any more.
    const elsewhere = await run(world, 'anchor-else', [...args, '--import', file])
    expect([elsewhere.code, elsewhere.json.published, elsewhere.json.version]).toEqual([0, true, 2])
  })
})

describe('--rpc-signer', () => {
  test('the typed data goes to eth_signTypedData_v4 of the account that is a publisher', async () => {
    world.front.staged = [await stageImage(world, 'rpc.eth', '1.0', 'one')]
    const args = ['publish', 'rpc.eth', '--yes', '--rpc-signer', world.chain.rpc]
    const wrong = await run(world, 'rpc', [...args, '--from', other])
    expect([wrong.code, wrong.json.error]).toEqual([4, 'NotPublisher'])
    const { code, json } = await run(world, 'rpc', [...args, '--from', owner])
    expect([code, json.published, json.signers]).toEqual([0, true, [owner]])
  })

  test('a signer that answers with anything else than a signature over the list publishes nothing', async () => {
    world.front.staged = [await stageImage(world, 'rpc.eth', '2.0', 'two')]
    const lying = await startSigner(async (method) => {
      if (method === 'eth_chainId') return { result: '0x7a69' }
      if (method === 'eth_accounts') return { result: [owner] }
      return { result: await sign({ privateKey: testKeys.owner, hash: `0x${'ab'.repeat(32)}`, to: 'hex' }) }
    })
    const { code, json } = await run(world, 'rpc', ['publish', 'rpc.eth', '--yes', '--rpc-signer', lying])
    expect([code, json.error, world.front.puts]).toEqual([1, 'SignerRefused', []])
  })

  test('item 6: what a signer was shown and did not sign is gone on with, until it is discarded; a clear no discards it', async () => {
    let error = { code: -32000, message: 'the device is gone' }
    const signer = await startSigner(async (method) => {
      if (method === 'eth_chainId') return { result: '0x7a69' }
      return method === 'eth_accounts' ? { result: [owner] } : { error }
    })
    const tagsOf = ({ json }: Awaited<ReturnType<typeof run>>) => json.changes.map(({ tag }) => tag)
    const shown = () => run(world, 'hung', ['publish', 'hung.eth', '--dry-run', '--key-file', world.keyFiles.owner])
    const ask = () => run(world, 'hung', ['publish', 'hung.eth', '--yes', '--rpc-signer', signer])
    world.front.staged = [await stageImage(world, 'hung.eth', 'a', 'a')]
    expect((await ask()).json.error).toBe('SignerRefused')
    world.front.staged = [await stageImage(world, 'hung.eth', 'b', 'b')]
    expect(tagsOf(await shown())).toEqual(['a'])
    const forgotten = await run(world, 'hung', ['publish', 'hung.eth', '--dry-run', '--discard-unsigned'])
    expect(tagsOf(forgotten)).toEqual(['b'])
    error = { code: 4001, message: 'no' }
    expect((await ask()).json.error).toBe('SignerRefused')
    world.front.staged = [await stageImage(world, 'hung.eth', 'c', 'c')]
    expect(tagsOf(await shown())).toEqual(['c'])
  })
})

describe('--browser', () => {
  test('the page shows the difference that the terminal shows, and the wallet signs the list that is sent', async () => {
    world.front.staged = [await stageImage(world, 'page.eth', '1.0', 'one')]
    const wallet = createWallet(testKeys.owner, world.chain.chainId)
    const notes: string[] = []
    let pressing: Promise<string | undefined> = Promise.resolve('')
    const note = (line: string) => {
      notes.push(line)
      const url = /http:\S+\/$/.exec(line)?.[0]
      if (url === undefined || !line.startsWith('open this page')) return
      pressing = (async () => {
        let meaning: string | undefined
        const page = openPage(url, {
          request: (asked) => {
            meaning = page.at('meaning').textContent
            return wallet.request(asked)
          },
        })
        await press(page, 'Connect the wallet')
        await press(page, 'Sign with the wallet')
        return meaning
      })()
    }
    const args = [
      'publish',
      'page.eth',
      '--yes',
      '--browser',
      ...world.flags,
      '--state',
      join(world.folder, 'page'),
      '--json',
    ]
    const code = await runCommandLine(args, { environment: {}, print: () => {}, note, waitForStop: async () => {} })
    const meaning = await pressing
    const shown = notes.filter((line) => line.startsWith('  added'))
    expect([code, shown.length, world.front.puts.length]).toEqual([0, 1, 1])
    const words = (text = '') => text.replaceAll(/\s+/g, ' ').trim()
    expect(words(meaning)).toContain(words(shown[0]))
    const [, document] = wallet.asked.find(({ method }) => method === 'eth_signTypedData_v4')?.params ?? []
    expect(JSON.parse(String(document)).message).toMatchObject({ name: 'page.eth', version: '1' })
  })
})

async function startSigner(answer: (method: string) => Promise<object>): Promise<string> {
  const server = createServer(async (incoming, outgoing) => {
    let text = ''
    for await (const chunk of incoming as AsyncIterable<Buffer>) text += chunk.toString()
    const { id, method } = JSON.parse(text) as { id: number; method: string }
    outgoing.setHeader('content-type', 'application/json')
    outgoing.end(JSON.stringify({ jsonrpc: '2.0', id, ...(await answer(method)) }))
  })
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening))
  onTestFinished(() => void server.close().closeAllConnections())
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

describe('item 6: kill -9', () => {
  test('between signing and sending: the next run sends the very same list', async () => {
    world.front.staged = [await stageImage(world, 'killed.eth', 'a', 'a')]
    const args = ['publish', 'killed.eth', ...withKey('owner'), ...world.flags, '--state', join(world.folder, 'killed')]
    const main = fileURLToPath(new URL('../../gateway/cli/main.ts', import.meta.url))
    const child = spawn(process.execPath, ['--import', 'tsx', main, ...args], { stdio: 'ignore' })
    let isFirst = true
    world.front.meddle = async (method, path) => {
      if (method !== 'PUT' || !path.endsWith('/list') || !isFirst) return null
      isFirst = false
      child.kill('SIGKILL')
      await once(child, 'exit')
      return { status: 500, body: '' }
    }
    await once(child, 'exit')
    expect([child.signalCode, world.front.puts.length]).toEqual(['SIGKILL', 1])
    world.front.staged = [await stageImage(world, 'killed.eth', 'b', 'b')]
    const { code, json } = await run(world, 'killed', ['publish', 'killed.eth', ...withKey('owner')])
    expect([code, json.version]).toEqual([0, 2])
    expect(world.front.puts[1]).toBe(world.front.puts[0])
  })
})

test('protocol 2.2: --renew signs the list anew where no tag changes', async () => {
  world.front.staged = [await stageImage(world, 'renew.eth', 'a', 'a')]
  expect((await run(world, 'renew', ['publish', 'renew.eth', ...withKey('owner')])).json.version).toBe(1)
  const { code, json } = await run(world, 'renew', ['publish', 'renew.eth', ...withKey('owner'), '--renew'])
  expect([code, json.published, json.version, json.changes]).toEqual([0, true, 2, []])
})
