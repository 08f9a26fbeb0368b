import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { encodeFunctionData } from 'viem'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { DemoImage } from '../../gateway/cli/demo/image.ts'
import { mooringResolverAbi } from '../../gateway/ens/abi.ts'
import { encodeTagLookup } from '../../gateway/ens/lookup.ts'
import { encodeDnsName } from '../../gateway/ens/name.ts'
import { startFakeBee } from '../bee/fake-bee.ts'
import { ethersText, viemText } from '../chain/ens-clients.ts'
import { command } from '../cli/command.ts'
import { addressOf, testKeys } from '../fixtures.ts'
import { type StaticHost, serveFolder } from './static-host.ts'
import { pushTags, read, startWorld, type World } from './world.ts'

let world: World
let image: DemoImage
let folder: string
let host: StaticHost
beforeAll(async () => {
  world = await startWorld()
  image = await pushTags(world, 'latest', '1.0')
  folder = join(world.folder, 'static')
  host = await serveFolder(folder)
  const data = encodeFunctionData({
    abi: mooringResolverAbi,
    functionName: 'setGateways',
    args: [encodeDnsName('acme.eth'), [host.url]],
  })
  await world.chain.send({ from: addressOf(testKeys.owner), to: world.chain.addresses.resolver, data })
})
afterAll(() => Promise.all([host.close(), world.close()]))

/** From the gateway that has the list: the chain names the static one. */
const exportTo = (dir: string, ...args: string[]) =>
  read(world, 'export', 'acme.eth', '--ccip', dir, '--gateway', world.gateway.url, ...args)

describe('export --ccip', () => {
  test('every tag as text and as data, version, root and registry, for the resolver and the Universal Resolver', async () => {
    const { code, json } = await exportTo(folder, '--absent', 'nope')
    expect(code).toBe(0)
    expect(json).toMatchObject({
      ok: true,
      name: 'acme.eth',
      version: 2,
      to: folder,
      swarmReference: null,
      gateway: null,
    })
    // latest, 1.0 and nope in two forms each, three records without a proof; two senders.
    expect(json.paths).toBe((3 * 2 + 3) * 2)
    // The leaf of latest, the greatest tag, proves that nope is absent.
    expect(json.answers).toBe(3)
    expect(readdirSync(folder).sort()).toEqual(['_headers', '_redirects', 'answers', 'mooring-static.json'])
    const names = readdirSync(join(folder, 'answers'))
    expect(names.every((name) => /^[0-9a-f]{32}\.json$/.test(name))).toBe(true)
  })

  test('no path of the GET template is short enough for a file name, so a table maps every one', () => {
    const shortest = encodeTagLookup('a.eth', 'b', 'text')
    expect([(shortest.length - 2) / 2, `${shortest}.json`.length]).toEqual([324, 655])
    const rules = readFileSync(join(folder, '_redirects'), 'utf8').trimEnd().split('\n')
    const { resolver, universalResolver } = world.chain.addresses
    for (const rule of rules) {
      const [from = '', to = '', status] = rule.split(' ')
      expect(from).toMatch(
        new RegExp(`^/ccip/31337/${resolver}/(${resolver}|${universalResolver})/0x[0-9a-f]+\\.json$`),
      )
      expect([existsSync(join(folder, to)), status, rule.length < 2000]).toEqual([true, '200', true])
    }
  })

  test('the answers are those of the gateway, byte for byte', async () => {
    const rules = readFileSync(join(folder, '_redirects'), 'utf8').trimEnd().split('\n')
    for (const [path = '', file = ''] of rules.map((rule) => rule.split(' '))) {
      const answer = await fetch(world.gateway.url + path)
      expect([path, await answer.text()]).toEqual([path, readFileSync(join(folder, file), 'utf8')])
    }
  })

  test.each(['viem', 'ethers'])(
    '%s reads a tag through a plain static host, and an absent one as ""',
    async (client) => {
      const { chain } = world
      const patience = () => 20_000
      const { universalResolver } = chain.addresses
      const ethers = ethersText(chain, patience)
      const text = client === 'viem' ? viemText(chain, patience, { universalResolver }, true) : ethers.read
      host.asked.length = 0
      expect(await text('acme.eth', 'oci-tag[1.0]')).toBe(image.imageIndex.digest)
      expect(await text('acme.eth', 'oci-version')).toBe('2')
      expect((await text('acme.eth', 'oci-tag[nope]')) || '').toBe('')
      expect(host.asked.filter((line) => line.startsWith('GET /ccip/31337/'))).toHaveLength(3)
      ethers.close()
    },
  )

  test('mooring resolve verifies what a static gateway answers', async () => {
    const { code, json } = await read(world, 'resolve', 'acme.eth:1.0')
    expect([code, json.status, json.digest]).toEqual([0, 'present', image.imageIndex.digest])
    expect((await read(world, 'resolve', 'acme.eth:nope')).code).toBe(3)
  })

  test('a new version takes the place of the old one: what did not change is not written, and nothing old is left', async () => {
    const inside = join(folder, 'answers')
    const states = () => readdirSync(inside).map((name) => [name, statSync(join(inside, name)).ino])
    const before = states()
    writeFileSync(join(inside, `${'0'.repeat(32)}.json.part`), 'left by a crash')
    expect((await exportTo(folder, '--absent', 'nope')).code).toBe(0)
    expect(states()).toEqual(before)
    await pushTags(world, '2.0')
    const { json } = await exportTo(folder, '--absent', 'nope')
    expect([json.version, json.answers]).toEqual([3, 4])
    const old = new Set(before.map(([name]) => name))
    expect(states().map(([name]) => old.has(name ?? ''))).toEqual([false, false, false, false])
    expect(JSON.parse(readFileSync(join(folder, 'mooring-static.json'), 'utf8'))).toMatchObject({ version: 3 })
    expect((await read(world, 'resolve', 'acme.eth:2.0')).code).toBe(0)
  })

  test('with a node the same answers are on Swarm under the paths themselves', async () => {
    const bee = await startFakeBee()
    const batch = bee.buyBatch()
    const { json } = await exportTo(join(world.folder, 'swarm'), '--bee', bee.beeUrl, '--postage-batch', batch)
    const reference = String(json.swarmReference)
    expect(json.gateway).toBe(`${bee.beeUrl}/bzz/${reference.slice(2)}`)
    expect(bee.chunks.has(reference.slice(2))).toBe(true)
    await bee.stop()
  })

  test('a folder with something else in it is refused, and flags that do not fit are usage errors', async () => {
    const other = join(world.folder, 'other')
    mkdirSync(other)
    writeFileSync(join(other, 'index.html'), '')
    const refused = await command([
      'export',
      'acme.eth',
      '--ccip',
      other,
      '--gateway',
      world.gateway.url,
      ...world.chainFlags,
    ])
    expect(refused).toMatchObject({ code: 2, err: expect.stringContaining('index.html is in it') })
    expect(readdirSync(other)).toEqual(['index.html'])
    writeFileSync(join(other, 'mooring-static.json'), '{"gateway":"static","name":"bob.eth"}')
    expect(
      (await command(['export', 'acme.eth', '--ccip', other, '--gateway', world.gateway.url, ...world.chainFlags])).err,
    ).toContain('the static gateway of bob.eth is in it')
    for (const args of [
      ['--to', 'x'],
      ['--sender', '0x1'],
      ['--absent', 'a b'],
      ['--postage-batch', '11'.repeat(32)],
    ]) {
      expect(await command(['export', 'acme.eth', '--ccip', 'x', ...args])).toMatchObject({ code: 2 })
    }
    expect((await command(['export', 'acme.eth:1.0', '--ccip', 'x'])).code).toBe(2)
  })
})
