import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type Address, encodeFunctionData, type Hex, verifyTypedData } from 'viem'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { type LyingGateway, replay, startLyingGateway } from '../../gateway/cli/demo/liar.ts'
import { ensRegistryAbi } from '../../gateway/ens/abi.ts'
import { nodeOf } from '../../gateway/ens/name.ts'
import { startGateway } from '../../gateway/serve.ts'
import { encodeTagKey, FLAG_IMMUTABLE } from '../../gateway/tags/entry.ts'
import { listTypes } from '../../gateway/tags/list.ts'
import { command } from '../cli/command.ts'
import { addressOf, testKeys } from '../fixtures.ts'
import { entryOf } from '../publish/repository.ts'
import { type OneTagList, signOneTagList } from './one-tag-list.ts'
import { freePort, pushTags, startWorld, type World } from './world.ts'

const owner = addressOf(testKeys.owner)
const newOwner = addressOf(testKeys.third)
const tag = 'fixed'

let world: World
let liar: LyingGateway
let state: string
let states = 0
beforeAll(async () => {
  world = await startWorld()
  liar = await startLyingGateway()
})
beforeEach(() => {
  state = join(world.folder, `state-${states++}`)
})
afterAll(async () => {
  await liar.close()
  await world.close()
})

function run(...args: string[]) {
  const flags = world.chainFlags.slice(0, -2)
  return command([...args, ...flags, '--state', state, '--gateway', liar.url])
}

async function ask(...args: string[]) {
  const { code, out, err } = await run(...args, '--json')
  return { code, err, json: JSON.parse(out) as Record<string, unknown> }
}

/** Lets the gateway answer with a list of one tag, signed by the owner or another key; its hash. */
async function publish(list: Omit<OneTagList, 'tag'>): Promise<Hex> {
  const domain = { chainId: world.chain.chainId, resolver: world.chain.addresses.resolver }
  const { hash, response } = await signOneTagList(domain, { tag, ...list })
  liar.tell(replay(response))
  return hash
}

const fixedEntry = entryOf(1, { updatedVersion: 1, flags: FLAG_IMMUTABLE })
const movedEntry = entryOf(2, { updatedVersion: 1, flags: FLAG_IMMUTABLE })

type Statement = { list: Record<string, unknown>; hash: Hex; signatures: { signer: Address; signature: Hex }[] }

/** Whether a signature of a statement holds, judged from the file alone and by viem. */
function holds(evidence: Record<string, unknown>, { list, signatures }: Statement): Promise<boolean> {
  const [first] = signatures
  const numbers = ['epoch', 'version', 'count', 'issuedAt', 'expiresAt'].map((name) => [
    name,
    BigInt(Number(list[name])),
  ])
  const verifyingContract = evidence.resolver as Address
  return verifyTypedData({
    domain: { name: 'Mooring', version: '1', chainId: evidence.chainId as number, verifyingContract },
    types: { TagList: listTypes.TagList },
    primaryType: 'TagList',
    message: { ...list, ...Object.fromEntries(numbers) } as never,
    address: first?.signer as Address,
    signature: first?.signature as Hex,
  })
}

async function readEvidence(err: string): Promise<Record<string, unknown> & { before: Statement; now: Statement }> {
  const [, file = ''] = /both signed lists are in (\S+\.json)/.exec(err) ?? []
  expect(file.startsWith(join(state, 'evidence'))).toBe(true)
  return JSON.parse(await readFile(file, 'utf8'))
}

test('row 9: two lists of one version are Equivocation, and both are kept with signatures that hold', async () => {
  const first = await publish({ version: 3n, entry: fixedEntry })
  expect(await ask('resolve', `acme.eth:${tag}`)).toMatchObject({ code: 0, json: { listHash: first } })
  const second = await publish({ version: 3n, entry: fixedEntry, issuedAt: -5n })
  for (let times = 0; times < 2; times++) {
    const { code, json, err } = await ask('resolve', `acme.eth:${tag}`)
    expect([code, json.error]).toEqual([4, 'Equivocation'])
    const evidence = await readEvidence(err)
    expect(evidence).toMatchObject({ reason: 'Equivocation', name: 'acme.eth', tag: null })
    expect([evidence.before.hash, evidence.now.hash]).toEqual([first, second])
    expect(await Promise.all([evidence.before, evidence.now].map((each) => holds(evidence, each)))).toEqual([
      true,
      true,
    ])
  }
  expect(await readdir(join(state, 'evidence'))).toHaveLength(1)
  expect(await ask('trust', 'show', 'acme.eth')).toMatchObject({
    code: 1,
    json: { ok: false, ownerChanged: false, evidence: [expect.stringContaining('Equivocation')] },
  })
})

test('row 9: an immutable tag that moved is ImmutableChanged, and both lists are kept with their proofs', async () => {
  const first = await publish({ version: 1n, entry: fixedEntry })
  expect((await ask('resolve', `acme.eth:${tag}`)).code).toBe(0)
  await publish({ version: 2n, entry: fixedEntry })
  expect((await ask('resolve', `acme.eth:${tag}`)).code).toBe(0)
  const third = await publish({ version: 3n, entry: movedEntry })
  const { code, json, err } = await ask('resolve', `acme.eth:${tag}`)
  expect([code, json.error]).toEqual([4, 'ImmutableChanged'])
  const evidence = await readEvidence(err)
  expect(evidence).toMatchObject({
    ...{ reason: 'ImmutableChanged', tag },
    before: { hash: first, entry: { digest: fixedEntry.digest }, proof: { key: encodeTagKey(tag) } },
    now: { hash: third, entry: { digest: movedEntry.digest }, proof: { key: encodeTagKey(tag) } },
  })
  expect(await Promise.all([evidence.before, evidence.now].map((each) => holds(evidence, each)))).toEqual([true, true])
})

test('row 9: two gateways that each publish a first list with one key are found out by who reads both whole', async () => {
  const { config, folder } = world
  const port = await freePort()
  const second = await startGateway({ ...config, port, dataDir: join(folder, 'second') }, { log: () => {} })
  await pushTags(world, 'latest')
  await pushTags({ ...world, gateway: second }, 'other')
  const readTags = async (gateway: string) => {
    const flags = world.chainFlags.slice(0, -2)
    const { code, out, err } = await command([
      'tags',
      'acme.eth',
      ...flags,
      '--json',
      '--state',
      state,
      '--gateway',
      gateway,
    ])
    return { code, err, json: JSON.parse(out) as Record<string, unknown> }
  }
  const first = await readTags(world.gateway.url)
  expect(first.code).toBe(0)
  const { code, json, err } = await readTags(second.url)
  expect([code, json.error]).toEqual([4, 'Equivocation'])
  const evidence = await readEvidence(err)
  expect([evidence.before.hash, evidence.before.list.version, evidence.now.list.version]).toEqual([
    first.json.listHash,
    1,
    1,
  ])
  expect(await Promise.all([evidence.before, evidence.now].map((each) => holds(evidence, each)))).toEqual([true, true])
  await second.close()
})

test('a gateway that lies leaves no evidence: only what publishers signed does', async () => {
  await publish({ version: 5n, entry: fixedEntry })
  expect((await ask('resolve', `acme.eth:${tag}`)).code).toBe(0)
  await publish({ version: 4n, entry: fixedEntry })
  expect((await ask('resolve', `acme.eth:${tag}`)).json.error).toBe('Rollback')
  await publish({ version: 5n, entry: movedEntry, key: 'other' })
  expect((await ask('resolve', `acme.eth:${tag}`)).json.error).toBe('OwnerMismatch')
  expect((await readdir(state)).includes('evidence')).toBe(false)
})

test('trust show: owner, epoch, version, list hash and immutable tags as they were seen', async () => {
  expect(await ask('trust', 'show', 'acme.eth')).toMatchObject({ code: 0, json: { ok: true, remembered: null } })
  const listHash = await publish({ version: 2n, entry: fixedEntry })
  expect((await ask('resolve', `acme.eth:${tag}`)).code).toBe(0)
  const { code, json } = await ask('trust', 'show', 'acme.eth')
  expect(code).toBe(0)
  expect(json).toMatchObject({
    ...{ ok: true, name: 'acme.eth', ownerChanged: false, before: [], evidence: [] },
    remembered: {
      owner,
      epoch: 0,
      version: 2,
      listHash,
      immutable: [{ tag, digest: fixedEntry.digest, deleted: false }],
    },
    chain: { owner, authority: 'acme.eth', epoch: 0, publishers: [owner], threshold: 1 },
  })
  const text = await run('trust', 'show', 'acme.eth')
  expect(text.out).toContain(`acme.eth  as remembered\n  remembered  ${owner}, epoch 0, version 2`)
})

test('trust accept: a name held to its owner already is left as it is, one never seen is held from now on', async () => {
  expect(await ask('trust', 'accept', 'acme.eth', '--yes')).toMatchObject({
    code: 0,
    json: { ok: true, accepted: true, before: null, after: { owner } },
  })
  expect(await ask('trust', 'accept', 'acme.eth')).toMatchObject({ code: 0, json: { ok: true, accepted: false } })
})

test.each([
  ['nothing', []],
  ['an unknown word', ['forget', 'acme.eth']],
  ['no name', ['show']],
  ['two names', ['accept', 'acme.eth', 'bob.eth']],
  ['a tag', ['show', 'acme.eth:1.0']],
  ['an owner that is no address', ['accept', 'acme.eth', '--owner', 'bob']],
])('trust: %s is exit 2', async (_what, args) => {
  expect((await run('trust', 'show', 'acme.eth')).code).toBe(0)
  expect((await run('trust', ...args)).code).toBe(2)
})

function setOwner(from: Address, to: Address) {
  const data = encodeFunctionData({ abi: ensRegistryAbi, functionName: 'setOwner', args: [nodeOf('acme.eth'), to] })
  return world.chain.send({ from, to: world.chain.addresses.ensRegistry, data })
}

test('A12: a name that changed hands is OwnerChanged until a person accepts the new owner, and then goes on', async () => {
  await publish({ version: 9n, entry: fixedEntry })
  expect((await ask('resolve', `acme.eth:${tag}`)).code).toBe(0)
  await setOwner(owner, newOwner)
  const listHash = await publish({ version: 1n, entry: movedEntry, key: 'third' })
  const refused = await ask('resolve', `acme.eth:${tag}`)
  expect([refused.code, refused.json.error]).toEqual([4, 'OwnerChanged'])
  expect(refused.err).toContain('mooring trust accept acme.eth')
  expect(await ask('trust', 'show', 'acme.eth')).toMatchObject({
    code: 1,
    json: { ok: false, ownerChanged: true, remembered: { owner, version: 9 }, chain: { owner: newOwner } },
  })

  expect((await run('trust', 'accept', 'acme.eth')).code).toBe(2)
  const elsewhere = await ask('trust', 'accept', 'acme.eth', '--yes', '--owner', owner)
  expect([elsewhere.code, elsewhere.json.error]).toEqual([4, 'OwnerChanged'])
  expect((await ask('resolve', `acme.eth:${tag}`)).json.error).toBe('OwnerChanged')

  const accepted = await ask('trust', 'accept', 'acme.eth', '--yes', '--owner', newOwner)
  expect(accepted).toMatchObject({
    code: 0,
    json: {
      ok: true,
      accepted: true,
      before: { owner, version: 9 },
      after: { owner: newOwner, publishers: [newOwner] },
    },
  })
  expect(accepted.err).toContain(`owner       ${owner} -> ${newOwner}`)
  expect(await ask('resolve', `acme.eth:${tag}`)).toMatchObject({ code: 0, json: { version: 1, listHash } })

  // Back with its old owner, whose lists are held to what was seen of them.
  await setOwner(newOwner, owner)
  await publish({ version: 8n, entry: fixedEntry })
  expect((await ask('resolve', `acme.eth:${tag}`)).json.error).toBe('OwnerChanged')
  expect((await ask('trust', 'accept', 'acme.eth', '--yes')).code).toBe(0)
  expect((await ask('resolve', `acme.eth:${tag}`)).json.error).toBe('Rollback')
  await publish({ version: 10n, entry: fixedEntry })
  expect((await ask('resolve', `acme.eth:${tag}`)).code).toBe(0)
})

test('trust accept asks a person, who may say no', async () => {
  const { runCommandLine } = await import('../../gateway/cli/run.ts')
  const flags = world.chainFlags.slice(0, -2)
  const answer = (yes: boolean) => {
    const world = {
      environment: {},
      print: () => {},
      note: () => {},
      waitForStop: async () => {},
      ask: async () => yes,
    }
    return runCommandLine(['trust', 'accept', 'acme.eth', ...flags, '--state', state], world)
  }
  expect(await answer(false)).toBe(1)
  expect((await ask('trust', 'show', 'acme.eth')).json.remembered).toBeNull()
  expect(await answer(true)).toBe(0)
  expect((await ask('trust', 'show', 'acme.eth')).json.remembered).toMatchObject({ owner })
})
