import { expect, test, vi } from 'vitest'
import { SENTINEL } from '../../gateway/tags/tree.ts'
import { addressOf, createTestSigner, testKeys, testTime } from '../fixtures.ts'
import { errorOf, type OpenRegistry, send } from '../registry/client.ts'
import { type AuthoredList, author, changesUpload, type UploadJson, wholeUpload } from './author.ts'
import { listPath, put, readList, reasonOf } from './client.ts'
import { entryOf } from './repository.ts'

const owner = addressOf(testKeys.owner)
const stranger = createTestSigner(testKeys.other)

const entries = [
  { tag: 'v1', entry: entryOf(1) },
  { tag: 'v2', entry: entryOf(2, { flags: 1 }) },
]

/** What a list that begins anew, with all its entries of its own version, makes after `before`. */
function rewritten(before: AuthoredList, all: typeof entries): Promise<AuthoredList> {
  return author({ ...before, slots: [SENTINEL] }, all)
}

/** Uploads that `PUT _mooring/list` refuses, beside those it takes: the order of protocol 5. */
export function uploadRules(open: OpenRegistry): void {
  /** A registry with version 1 published, the list, and a good upload of version 2. */
  const begin = async () => {
    const registry = await open()
    const one = await author(undefined, entries)
    expect((await put(registry, await wholeUpload(one))).status).toBe(201)
    return { registry, one, two: await author(one, [{ tag: 'v3', entry: entryOf(3) }]) }
  }

  test('400 MANIFEST_INVALID: JSON that is not exactly an upload', async () => {
    const { registry, two } = await begin()
    const good = await changesUpload(two)
    const text = JSON.stringify(good)
    const bad = [
      '',
      'null',
      '[]',
      `${text} x`,
      text.slice(0, -1),
      text.replace('"list"', '"List"'),
      text.replace('"signatures"', '"signatures":[],"signatures"'),
      text.replace('"changes"', '"extra":1,"changes"'),
      text.replace('"changes"', '"entries":[],"changes"'),
      JSON.stringify({ list: good.list, signatures: good.signatures }),
      JSON.stringify({ ...good, list: { ...good.list, version: '2' } }),
      JSON.stringify({ ...good, list: { ...good.list, version: 1.5 } }),
      JSON.stringify({ ...good, list: { ...good.list, root: `${good.list.root}`.toUpperCase() } }),
      JSON.stringify({ ...good, list: { ...good.list, root: '0x00' } }),
      JSON.stringify({ ...good, changes: [{ tag: 'v3' }] }),
      JSON.stringify({ ...good, signatures: Array(9).fill(good.signatures[0]) }),
    ]
    for (const body of bad)
      expect([body.slice(0, 60), (await put(registry, body)).status]).toEqual([body.slice(0, 60), 400])
    errorOf(await put(registry, bad[2] as string), 400, 'MANIFEST_INVALID')
    expect((await put(registry, good)).status).toBe(201)
  })

  test('400 NAME_INVALID for a repository outside the grammar, 413 SIZE_INVALID over the limit', async () => {
    const one = await author(undefined, entries)
    const upload = JSON.stringify(await wholeUpload(one))
    const registry = await open({ limits: { maxListBodyBytes: upload.length } })
    errorOf(await put(registry, upload, '/v2/Acme.eth/_mooring/list'), 400, 'NAME_INVALID')
    errorOf(await put(registry, `${upload} `), 413, 'SIZE_INVALID')
    expect((await put(registry, upload)).status).toBe(201)
  })

  test('403 DENIED with the error name: rows 2 to 6, before the current list is looked at', async () => {
    const { registry, one } = await begin()
    const change = [{ tag: 'v3', entry: entryOf(3) }]
    const refused: [string, Partial<AuthoredList['header']>][] = [
      ['NodeMismatch', { name: 'other.eth' }],
      ['OwnerMismatch', { owner: stranger.address }],
      ['EpochMismatch', { epoch: 1n }],
      ['UnsupportedDelegations', { delegations: `0x${'11'.repeat(32)}` }],
      ['IssuedInFuture', { issuedAt: testTime + 301n, expiresAt: testTime + 1000n }],
      ['Expired', { issuedAt: testTime - 10n, expiresAt: testTime }],
      ['LifetimeTooLong', { expiresAt: testTime + 400n * 86_400n + 1n }],
    ]
    for (const [reason, header] of refused) {
      for (const previous of [one.hash, `0x${'22'.repeat(32)}`] as const) {
        const list = await author(one, change, { ...header, previous })
        expect(reasonOf(await put(registry, await changesUpload(list)))).toBe(reason)
      }
    }
    const good = await author(one, change)
    expect(reasonOf(await put(registry, await changesUpload(good, [stranger])))).toBe('NotPublisher')
    expect(reasonOf(await put(registry, await changesUpload(good, [])))).toBe('ThresholdNotMet')
    const [signature] = (await changesUpload(one)).signatures
    const wrong = { ...(await changesUpload(good)), signatures: [signature!] }
    expect(reasonOf(await put(registry, wrong))).toBe('BadSignature')
    expect((await put(registry, await changesUpload(good))).status).toBe(201)
  })

  test('403 for names that nobody may publish here: NoOwner, UnreachableName, Revoked, Rollback', async () => {
    const { registry, two } = await begin()
    const upload = await changesUpload(two)
    const cases = [
      ['NoOwner', { owner: null, reachable: true }],
      ['UnreachableName', { owner, reachable: false }],
      ['Revoked', { owner, revoked: [owner] }],
      ['Rollback', { owner, minVersion: 3n }],
      ['AnchorMismatch', { owner, anchorVersion: 2n, anchorHash: `0x${'33'.repeat(32)}` }],
    ] as const
    for (const [reason, name] of cases) {
      registry.deps.chain.setName('acme.eth', name)
      expect(reasonOf(await put(registry, upload))).toBe(reason)
    }
    registry.deps.chain.setName('acme.eth', { owner })
    expect((await put(registry, upload)).status).toBe(201)
  })

  test('an anchored list needs no signature, and a signature that does not count is not kept', async () => {
    const { registry, two } = await begin()
    const upload = await changesUpload(two, [stranger])
    registry.deps.chain.setName('acme.eth', { owner, anchorVersion: 2n, anchorHash: two.hash })
    const answer = await put(registry, upload)
    expect([answer.status, JSON.parse(answer.text).signatures]).toEqual([201, []])
  })

  test('a policy that wants a timestamp takes the list before its timestamp', async () => {
    const { registry, two } = await begin()
    const policy = { timestamper: stranger.address, maxAgeSeconds: 3600 }
    registry.deps.chain.setName('acme.eth', { owner, policy })
    expect((await put(registry, await changesUpload(two))).status).toBe(201)
  })

  test('MalformedList: entries or changes that do not rebuild what was signed, or do not fit', async () => {
    const { registry, one, two } = await begin()
    const whole = await wholeUpload(two)
    const some = await changesUpload(two)
    const bad: UploadJson[] = [
      { ...whole, entries: whole.entries!.slice(1) },
      { ...whole, entries: [...whole.entries!].reverse() },
      { ...whole, entries: [...whole.entries!.slice(0, -1), whole.entries![0]!] },
      { ...whole, entries: whole.entries!.map((entry) => ({ ...entry, size: 5 })) },
      { ...some, changes: [] },
      { ...some, changes: [...some.changes!, ...some.changes!] },
      { ...some, changes: [...some.changes!, { tag: 'none', entry: null }] },
      await changesUpload(await author(one, [{ tag: 'v3', entry: entryOf(3) }], { version: 3n })),
    ]
    for (const upload of bad) expect(reasonOf(await put(registry, upload))).toBe('MalformedList')
    const low = await author(one, [{ tag: 'v3', entry: entryOf(3) }], { version: 1n })
    expect(reasonOf(await put(registry, await changesUpload(low)))).toBe('Rollback')
    expect((await put(registry, some)).status).toBe(201)
  })

  test('changes that touch more slots than one commit takes lead to the very same list, written beside the current one', async () => {
    const registry = await open({ limits: { maxSlotsPerCommit: 4 } })
    const replace = vi.spyOn(registry.deps.lists, 'replace')
    const many = Array.from({ length: 12 }, (_, i) => ({ tag: `t${i}`, entry: entryOf(i) }))
    const one = await author(undefined, many)
    const mixed = [
      ...many.slice(3, 6).map(({ tag }) => ({ tag, entry: null })),
      { tag: 't1', entry: entryOf(91) },
      { tag: 'a', entry: entryOf(92) },
    ]
    const two = await author(one, mixed)
    const three = await author(two, [{ tag: 't1', entry: entryOf(93) }])
    const torn = { ...(await changesUpload(two)), changes: (await changesUpload(two)).changes!.slice(1) }
    for (const [list, calls] of [
      [one, 1],
      [two, 2],
      [three, 2],
    ] as const) {
      if (list === two) expect(reasonOf(await put(registry, torn))).toBe('MalformedList')
      expect((await put(registry, await changesUpload(list))).status).toBe(201)
      expect(replace).toHaveBeenCalledTimes(calls)
      expect(readList(await send(registry, 'GET', listPath)).slots).toEqual(list.slots)
    }
    const { lists } = JSON.parse((await send(registry, 'GET', '/v2/acme.eth/_mooring/history')).text)
    expect(lists.map(({ changes }: { changes: unknown[] }) => changes.length)).toEqual([1, 5, 12])
  })

  test('InvalidEntry: a changed entry carries its version, an unchanged one keeps its own', async () => {
    const { registry, one, two } = await begin()
    const stale = await changesUpload(two)
    stale.changes![0]!.entry = { ...stale.changes![0]!.entry, updatedVersion: 1 }
    expect(reasonOf(await put(registry, stale))).toBe('InvalidEntry')
    const dated = await author({ ...one, slots: [SENTINEL] }, [{ tag: 'v1', entry: entryOf(9) }, entries[1]!], {
      version: 1n,
    })
    const whole = await author(dated, [{ tag: 'v3', entry: entryOf(3) }], { previous: one.hash })
    expect(reasonOf(await put(registry, await wholeUpload(whole)))).toBe('InvalidEntry')
    const zero = await changesUpload(two)
    zero.changes![0]!.entry = { ...zero.changes![0]!.entry, size: 0 }
    expect(reasonOf(await put(registry, zero))).toBe('InvalidEntry')
    expect((await put(registry, await wholeUpload(await rewritten(one, entries)))).status).toBe(201)
  })

  test('ImmutableChanged: an immutable entry stays in a whole list and in changes; a tombstone is allowed and stays', async () => {
    const { registry, one } = await begin()
    const without = await rewritten(one, [entries[0]!])
    const moved = await rewritten(one, [entries[0]!, { tag: 'v2', entry: entryOf(5, { flags: 1 }) }])
    const loosened = await rewritten(one, [entries[0]!, { tag: 'v2', entry: entryOf(2) }])
    for (const list of [without, moved, loosened]) {
      expect(reasonOf(await put(registry, await wholeUpload(list)))).toBe('ImmutableChanged')
    }
    const removal = { ...(await changesUpload(without)), changes: [{ tag: 'v2', entry: null }] }
    expect(reasonOf(await put(registry, removal))).toBe('ImmutableChanged')
    const deleted = await author(one, [{ tag: 'v2', entry: entryOf(2, { flags: 3 }) }])
    expect((await put(registry, await changesUpload(deleted))).status).toBe(201)
    const revived = await rewritten(deleted, entries)
    expect(reasonOf(await put(registry, await wholeUpload(revived)))).toBe('ImmutableChanged')
  })
}
