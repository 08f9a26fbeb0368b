import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { encodeFunctionData, type Hex } from 'viem'
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest'
import { mooringResolverAbi } from '../../gateway/ens/abi.ts'
import { encodeDnsName } from '../../gateway/ens/name.ts'
import { FLAG_IMMUTABLE, FLAG_TOMBSTONE } from '../../gateway/tags/entry.ts'
import { startRpcProxy } from '../chain/rpc-proxy.ts'
import { command } from '../cli/command.ts'
import { askChain, createNameDesk } from '../cli/owner/names.ts'
import { addressOf, testKeys } from '../fixtures.ts'
import { entryOf } from '../publish/repository.ts'
import { emptyLine, type Publishing, publishNext, startTeller, type Teller, type ToldLine } from './told-history.ts'
import { pushTags, read, startWorld, type World } from './world.ts'

const owner = addressOf(testKeys.owner)
const third = addressOf(testKeys.third)
const fixed = (seed: number, flags = FLAG_IMMUTABLE) => entryOf(seed, { flags })

let world: World
let desk: ReturnType<typeof createNameDesk>
let names = 0
beforeAll(async () => {
  world = await startWorld()
  desk = createNameDesk(world.chain)
})
afterAll(() => world.close())

type Report = {
  ok: boolean
  gateways: Record<string, unknown>[]
  keys: Record<string, unknown>[]
  events: { block: number; time: number; event: string; name: string; fields: Record<string, unknown> }[]
  findings: {
    name: string
    detail: string
    needsPerson: boolean
    version?: number
    tag?: string
    statements?: unknown[]
  }[]
}

/** A name of its own, and the line that its publisher signs. */
async function openLine() {
  const label = `audited${names++}`
  await desk.register(label, owner, world.chain.addresses.resolver)
  const ensName = `${label}.eth`
  const domain = { chainId: world.chain.chainId, resolver: world.chain.addresses.resolver }
  const publish = (line: ToldLine, changes: Parameters<typeof publishNext>[3], more?: Publishing) =>
    publishNext(domain, ensName, line, changes, more)
  const set = (functionName: 'setPolicy' | 'revoke' | 'anchor' | 'reset', ...args: unknown[]) => {
    const data = encodeFunctionData({
      abi: mooringResolverAbi,
      functionName,
      args: [encodeDnsName(ensName), ...args] as never,
    })
    return world.chain.send({ from: owner, to: world.chain.addresses.resolver, data })
  }
  return { ensName, publish, set }
}

const policyOf = (...publishers: Hex[]) => {
  return { publishers: publishers.toSorted(), threshold: 1, timestamper: `0x${'00'.repeat(20)}`, maxAge: 0 }
}

/** Three versions: two tags, an update and an addition, a removal. */
async function threeVersions({ publish }: Awaited<ReturnType<typeof openLine>>): Promise<ToldLine> {
  const first = await publish(emptyLine, { a: entryOf(1), b: entryOf(2), c: entryOf(3) })
  return publish(await publish(first, { b: entryOf(4), d: entryOf(5) }), { a: null })
}

const asItIs: Teller['history'] = (versions) => versions

/** Audits a name with gateways that tell these lines, each with its way to tell them. */
async function audit(ensName: string, ...tellers: readonly (readonly [ToldLine, Teller['history']?])[]) {
  const flags: string[] = []
  for (const [line, history = asItIs] of tellers) {
    const { url, close } = await startTeller(ensName, { line, history })
    onTestFinished(close)
    flags.push('--gateway', url)
  }
  return auditWith(ensName, ...flags, '--state', join(world.folder, `state-${ensName}`))
}

async function auditWith(ensName: string, ...flags: string[]) {
  const { code, out, err } = await command(['audit', ensName, '--json', ...world.chainFlags.slice(0, -2), ...flags])
  return { code, err, report: JSON.parse(out) as Report }
}

const namesOf = ({ findings }: Report) => findings.map(({ name, needsPerson }) => (needsPerson ? `!${name}` : name))

test('interfaces audit: a name in order is ok, exit 0: every version rebuilt, keys, and what the chain did to it', async () => {
  await pushTags(world, 'latest', '1.0')
  await pushTags(world, '2.0')
  const { code, json } = await read(world, 'audit', 'acme.eth')
  const report = json as unknown as Report
  expect([code, report.ok, report.findings]).toEqual([0, true, []])
  expect(report.gateways).toEqual([
    {
      ...{ url: world.gateway.url, version: 3, listHash: expect.stringMatching(/^0x/), oldestVersion: 1 },
      ...{ complete: true, rebuiltTo: 3, error: null },
    },
  ])
  expect(report.keys).toMatchObject([
    { key: owner, lists: 3, firstVersion: 1, lastVersion: 3, isPublisher: true, revoked: null },
  ])
  const { resolver } = world.chain.addresses
  expect(report.events.at(-1)).toMatchObject({ event: 'ResolverChanged', name: 'acme.eth', fields: { resolver } })
  expect(report.events.some(({ event, fields }) => event === 'OwnerSet' && fields.owner === owner)).toBe(true)
})

test('audit for people says the same in lines', async () => {
  const { code, out } = await command(['audit', 'acme.eth', ...world.chainFlags])
  expect(code).toBe(0)
  expect(out).toContain(`gateway ${world.gateway.url}: versions 1 to 3, 1 to 3 rebuilt`)
  expect(out).toMatch(new RegExp(`key ${owner}: 3 lists, versions 1 to 3, \\d{4}-.*, publisher`))
  expect(out).toMatch(/block \d+ {2}\d{4}-\S+ {2}ResolverChanged {2}acme\.eth/)
})

test('audit: what a gateway no longer keeps is a gap that is named, and nobody’s fault', async () => {
  const line = await openLine()
  const told = await threeVersions(line)
  const whole = await audit(line.ensName, [told])
  expect([whole.code, whole.report.findings]).toEqual([0, []])
  expect(whole.report.gateways).toMatchObject([{ complete: true, oldestVersion: 1, rebuiltTo: 3 }])
  const cut = await audit(line.ensName, [told, (versions) => versions.slice(0, 2)])
  expect([cut.code, namesOf(cut.report)]).toEqual([0, ['HistoryGap']])
  expect(cut.report.gateways).toMatchObject([{ complete: false, oldestVersion: 2, rebuiltTo: 0, error: null }])
  expect(cut.report.findings[0]?.detail).toContain(`no version before 2: list ${told.versions[0]?.hash}`)
})

test('audit: a version that is not the one which the next names is BadResponse', async () => {
  const line = await openLine()
  const told = await threeVersions(line)
  expect((await audit(line.ensName, [told])).code).toBe(0)
  const other = await line.publish(emptyLine, { a: entryOf(9) })
  const { code, report } = await audit(line.ensName, [told, ([v3, v2]) => [v3!, v2!, other.versions[0]!]])
  expect([code, namesOf(report)]).toEqual([1, ['!BadResponse']])
  expect(report.gateways).toMatchObject([{ complete: false, error: 'BadResponse' }])
})

test('audit: changes that do not rebuild a signed root are found, also where the last list is right', async () => {
  const line = await openLine()
  const told = await threeVersions(line)
  expect((await audit(line.ensName, [told])).report.gateways).toMatchObject([{ rebuiltTo: 3 }])
  const { code, report } = await audit(line.ensName, [
    told,
    ([v3, v2, v1]) => [v3!, { ...v2!, changes: v2!.changes.slice(0, 1) }, v1!],
  ])
  expect([code, namesOf(report)]).toEqual([1, ['!MalformedList']])
  expect(report.findings[0]).toMatchObject({ version: 2, detail: expect.stringContaining('lead to root') })
  expect(report.gateways).toMatchObject([{ complete: true, rebuiltTo: 1 }])
})

test('2.1 audit: an immutable tag that moved is found in the version that moved it; a mutable one may', async () => {
  const line = await openLine()
  const first = await line.publish(emptyLine, { v1: fixed(1), latest: entryOf(1) })
  const good = await line.publish(await line.publish(first, { latest: entryOf(2) }), {
    v1: fixed(1, FLAG_IMMUTABLE | FLAG_TOMBSTONE),
  })
  expect(await audit(line.ensName, [good])).toMatchObject({ code: 0, report: { findings: [] } })
  const other = await openLine()
  const start = await other.publish(emptyLine, { v1: fixed(1), v2: fixed(2), latest: entryOf(1) })
  const moved = await other.publish(await other.publish(start, { v1: fixed(3) }), { v2: null, latest: null })
  const { code, report } = await audit(other.ensName, [await other.publish(moved, { x: entryOf(1) })])
  expect([code, namesOf(report)]).toEqual([1, ['!ImmutableChanged', '!ImmutableChanged']])
  expect(report.findings).toMatchObject([
    { tag: 'v1', version: 2, detail: expect.stringContaining('cannot become') },
    { tag: 'v2', version: 3, detail: expect.stringContaining('was removed') },
  ])
  // The signed roots bear it out: this is the publisher's doing and not the gateway's account.
  expect(report.gateways).toMatchObject([{ rebuiltTo: 4, error: null }])
})

test('row 9 audit: two lists of one version from two gateways are Equivocation, with both statements and evidence', async () => {
  const line = await openLine()
  const first = await line.publish(emptyLine, { a: entryOf(1) })
  const [one, other] = [await line.publish(first, { a: entryOf(2) }), await line.publish(first, { a: entryOf(3) })]
  expect(await audit(line.ensName, [one], [one])).toMatchObject({ code: 0, report: { findings: [] } })
  const { code, report } = await audit(line.ensName, [one], [other])
  expect(code).toBe(1)
  expect(new Set(namesOf(report))).toEqual(new Set(['!Equivocation', '!Evidence']))
  const hashes = [one, other].map(({ versions }) => ({ hash: versions[1]?.hash, signatures: [{ signer: owner }] }))
  expect(report.findings.find(({ statements }) => statements)).toMatchObject({ version: 2, statements: hashes })
  const kept = report.findings.find(({ name }) => name === 'Evidence')?.detail ?? ''
  const evidence = JSON.parse(await readFile(/are in (\S+)$/.exec(kept)?.[1] ?? '', 'utf8'))
  expect([evidence.reason, evidence.before.hash, evidence.now.hash]).toEqual([
    'Equivocation',
    ...hashes.map(({ hash }) => hash),
  ])
})

test('row 9 audit: a history that has another list than the one this client saw is Equivocation', async () => {
  const line = await openLine()
  const seen = await line.publish(emptyLine, { a: entryOf(1) })
  expect((await audit(line.ensName, [seen])).code).toBe(0)
  expect((await audit(line.ensName, [await line.publish(seen, { b: entryOf(1) })])).code).toBe(0)
  const other = await openLine()
  const [here, there] = [
    await other.publish(emptyLine, { a: entryOf(1) }),
    await other.publish(emptyLine, { a: entryOf(2) }),
  ]
  expect((await audit(other.ensName, [here])).code).toBe(0)
  const { code, report } = await audit(other.ensName, [await other.publish(there, { b: entryOf(1) })])
  expect([code, namesOf(report)]).toEqual([1, ['!Equivocation']])
  expect(report.findings[0]?.detail).toContain('this client')
})

test('row 9 audit: an older list than this client saw is Rollback, beside a newer one it is OlderList', async () => {
  const line = await openLine()
  const old = await line.publish(emptyLine, { a: entryOf(1) })
  const young = await line.publish(old, { a: entryOf(2) })
  const both = await audit(line.ensName, [old], [young])
  expect([both.code, namesOf(both.report)]).toEqual([1, ['!OlderList']])
  const alone = await audit(line.ensName, [old])
  expect([alone.code, namesOf(alone.report)]).toEqual([1, ['!Rollback']])
})

test('audit: gateways that tell one list’s changes differently are reported, though a cut one cannot be rebuilt', async () => {
  const line = await openLine()
  const told = await threeVersions(line)
  const cut: Teller['history'] = (versions) => versions.slice(0, 2)
  expect(namesOf((await audit(line.ensName, [told], [told, cut])).report)).toEqual(['HistoryGap'])
  const { code, report } = await audit(
    line.ensName,
    [told],
    [told, ([v3, v2]) => [v3!, { ...v2!, changes: v2!.changes.toReversed().slice(1) }]],
  )
  expect([code, namesOf(report)]).toEqual([1, ['!HistoriesDiffer', 'HistoryGap']])
})

test('2.2 audit: a version that was left out is found, though every hash and signature holds', async () => {
  const line = await openLine()
  const first = await line.publish(emptyLine, { a: entryOf(1) })
  expect((await audit(line.ensName, [await line.publish(first, { b: entryOf(2) })])).code).toBe(0)
  const other = await openLine()
  const start = await other.publish(emptyLine, { a: entryOf(1) })
  const jumped = await other.publish(start, { b: entryOf(2) }, { header: { version: 5n } })
  const { code, report } = await audit(other.ensName, [jumped])
  expect([code, namesOf(report)]).toContainEqual(1)
  expect(namesOf(report)).toContain('!BrokenChain')
  expect(report.findings.find(({ name }) => name === 'BrokenChain')?.detail).toContain('a version was left out')
})

test('2.3 audit: a signature in the history that does not hold is BadSignature', async () => {
  const line = await openLine()
  const told = await threeVersions(line)
  expect((await audit(line.ensName, [told])).code).toBe(0)
  const { code, report } = await audit(line.ensName, [
    told,
    ([v3, v2, v1]) => [v3!, { ...v2!, signatures: v1!.signatures }, v1!],
  ])
  expect([code, namesOf(report).toSorted()]).toEqual([1, ['!BadSignature', '!NotPublisher']])
  expect(report.findings[0]?.version).toBe(2)
})

test('2.3 audit: who signed what, and keys that are publishers no more or revoked', async () => {
  const line = await openLine()
  const first = await line.publish(emptyLine, { a: entryOf(1) })
  await line.set('setPolicy', policyOf(owner, third))
  const second = await line.publish(first, { b: entryOf(1) }, { keys: ['third'] })
  const both = await line.publish(second, { c: entryOf(1) }, { keys: ['owner', 'third'] })
  const now = await audit(line.ensName, [both])
  expect([now.code, now.report.findings]).toEqual([0, []])
  expect(now.report.keys).toMatchObject([
    { key: owner, lists: 2, firstVersion: 1, lastVersion: 3, isPublisher: true },
    { key: third, lists: 2, firstVersion: 2, lastVersion: 3, isPublisher: true },
  ])
  await line.set('setPolicy', policyOf(owner))
  const fourth = await line.publish(both, { d: entryOf(1) })
  const later = await audit(line.ensName, [fourth])
  expect([later.code, namesOf(later.report)]).toEqual([0, ['FormerPublisher']])
  await line.set('revoke', third)
  const last = await audit(line.ensName, [fourth])
  expect([last.code, namesOf(last.report)]).toEqual([0, ['RevokedKey']])
  expect(last.report.keys).toMatchObject([{ key: owner }, { key: third, revoked: { block: expect.any(Number) } }])
  const events = last.report.events.filter(({ event }) => /Policy|Revoked/.test(event))
  expect(events.map(({ event }) => event)).toEqual(['PolicyChanged', 'PolicyChanged', 'KeyRevoked'])
  expect(events[0]?.fields.policy).toMatchObject({ publishers: [owner, third].toSorted(), threshold: 1 })
  expect(events[2]?.fields.key).toBe(third)
  const places = last.report.events.map(({ block, time }) => [block, time] as const)
  expect(places).toEqual(places.toSorted(([one], [other]) => one - other))
  expect(places.every(([, time]) => time > 1_600_000_000)).toBe(true)
})

test('row 6 audit: a version dated before its key was a publisher is NotPublisher', async () => {
  const line = await openLine()
  const first = await line.publish(emptyLine, { a: entryOf(1) }, { issuedAt: -4000 })
  await line.set('setPolicy', policyOf(owner, third))
  const timely = await line.publish(first, { b: entryOf(1) }, { keys: ['third'] })
  expect((await audit(line.ensName, [timely])).report.findings).toEqual([])
  const other = await openLine()
  const start = await other.publish(emptyLine, { a: entryOf(1) }, { issuedAt: -4000 })
  await other.set('setPolicy', policyOf(owner, third))
  const early = await other.publish(start, { b: entryOf(1) }, { keys: ['third'], issuedAt: -3000 })
  const head = await other.publish(early, { c: entryOf(1) }, { issuedAt: -2000 })
  const { code, report } = await audit(other.ensName, [head])
  expect([code, namesOf(report)]).toEqual([1, ['!NotPublisher']])
  expect(report.findings[0]).toMatchObject({ version: 2, detail: expect.stringContaining(`asks for 1 of ${owner}`) })
})

test('3 audit: an anchored version needs no signature', async () => {
  const line = await openLine()
  const unsigned = await line.publish(emptyLine, { a: entryOf(1) }, { keys: [] })
  const head = await line.publish(unsigned, { b: entryOf(1) })
  const before = await audit(line.ensName, [head])
  expect([before.code, namesOf(before.report)]).toEqual([1, ['!NotPublisher']])
  await line.set('anchor', 1n, unsigned.versions[0]?.hash)
  const after = await audit(line.ensName, [head])
  expect([after.code, after.report.findings]).toEqual([0, []])
  expect(after.report.events.map(({ event }) => event)).toEqual(expect.arrayContaining(['FloorRaised', 'ListAnchored']))
})

test('audit: events of names above count, those of names beside do not', async () => {
  const line = await openLine()
  await line.set('reset')
  const beside = await audit('bob.eth', [emptyLine])
  expect(beside.report.events.some(({ event }) => event === 'EpochReset')).toBe(false)
  const below = await audit(`web.${line.ensName}`, [emptyLine])
  expect(below.report.events.find(({ event }) => event === 'EpochReset')).toMatchObject({
    name: line.ensName,
    fields: { epoch: 1 },
  })
})

test('audit: an endpoint that refuses long ranges is asked for shorter ones; what it will not tell is said', async () => {
  const line = await openLine()
  const told = await line.publish(emptyLine, { a: entryOf(1) })
  const teller = await startTeller(line.ensName, { line: told, history: asItIs })
  onTestFinished(teller.close)
  let asked = 0
  const limited = (mostBlocks: number) =>
    startRpcProxy(world.chain.rpc, ({ method, params }, result) => {
      if (method !== 'eth_getLogs') return result
      asked++
      const [filter] = params ?? []
      const { fromBlock, toBlock } = filter as { fromBlock: Hex; toBlock: Hex }
      const blocks = Number(toBlock) - Number(fromBlock) + 1
      return blocks > mostBlocks ? new Error(`at most ${mostBlocks} blocks`) : result
    })
  const run = async (url: string) => {
    const [, , ...others] = world.chainFlags.slice(0, -2)
    const flags = ['--gateway', teller.url, '--state', join(world.folder, 'limited')]
    const { code, out } = await command(['audit', line.ensName, '--json', '--rpc', url, ...others, ...flags])
    return { code, report: JSON.parse(out) as Report & { eventsFrom: number; eventsTo: number } }
  }
  await askChain(world.chain, 'anvil_mine', ['0x7d0', '0x0'])
  const whole = await run(world.chain.rpc)
  const short = await limited(600)
  onTestFinished(short.close)
  const inPieces = await run(short.url)
  expect(inPieces).toEqual({ code: 0, report: { ...whole.report, eventsTo: expect.any(Number) } })
  expect(asked).toBeGreaterThan(12)
  const closed = await limited(0)
  onTestFinished(closed.close)
  const refused = await run(closed.url)
  expect([refused.code, namesOf(refused.report)]).toEqual([0, ['EventsUnknown']])
  expect(refused.report.events).toEqual([])
  expect(refused.report.findings[0]?.detail).toContain('at most 0 blocks')
  expect(refused.report.eventsFrom).toBeGreaterThan(0)
  expect([whole.code, whole.report.eventsFrom, whole.report.events.length > 0]).toEqual([0, 0, true])
})

test('row 10 audit: endpoints that do not have the same events are RpcDisagree', async () => {
  const line = await openLine()
  const told = await line.publish(emptyLine, { a: entryOf(1) })
  const honest = await startRpcProxy(world.chain.rpc, (_, result) => result)
  const hiding = await startRpcProxy(world.chain.rpc, ({ method }, result) => (method === 'eth_getLogs' ? [] : result))
  const teller = await startTeller(line.ensName, { line: told, history: asItIs })
  for (const { close } of [honest, hiding, teller]) onTestFinished(close)
  const flags = ['--gateway', teller.url, '--state', join(world.folder, 'two')]
  expect((await auditWith(line.ensName, ...flags, '--rpc', honest.url)).code).toBe(0)
  const { code, report } = await auditWith(line.ensName, ...flags, '--rpc', hiding.url)
  expect([code, report]).toMatchObject([1, { ok: false, error: 'RpcDisagree' }])
})

test('audit: a gateway that is not there needs a person, and the others are heard all the same', async () => {
  const line = await openLine()
  const told = await line.publish(emptyLine, { a: entryOf(1) })
  const teller = await startTeller(line.ensName, { line: told, history: asItIs })
  onTestFinished(teller.close)
  const flags = ['--state', join(world.folder, 'gone'), '--gateway', teller.url]
  expect((await auditWith(line.ensName, ...flags)).code).toBe(0)
  const { code, report } = await auditWith(line.ensName, ...flags, '--gateway', 'http://127.0.0.1:9')
  expect([code, namesOf(report)]).toEqual([1, ['!GatewayUnavailable']])
  expect(report.gateways).toMatchObject([
    { version: 1, rebuiltTo: 1 },
    { version: null, error: 'GatewayUnavailable' },
  ])
})

test.each([
  ['no name', []],
  ['a tag', ['acme.eth:1.0']],
  ['a block that is none', ['acme.eth', '--from-block', '-1']],
])('audit: %s is exit 2', async (_what, args) => {
  expect((await command(['audit', ...args, ...world.chainFlags])).code).toBe(2)
})
