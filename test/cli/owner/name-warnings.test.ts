import type { Address } from 'viem'
import { expect, test } from 'vitest'
import type { GatewayList } from '../../../gateway/cli/owner/gateway-lists.ts'
import { type NameWarning, type WarnedName, warningsAbout } from '../../../gateway/cli/owner/name-warnings.ts'
import type { Registration } from '../../../gateway/cli/owner/registration.ts'
import { takersOf } from '../../../gateway/cli/owner/takers.ts'
import type { Policy } from '../../../gateway/tags/authority.ts'
import { addressOf, createTestChain, testKeys, testTime } from '../../fixtures.ts'

const owner = addressOf(testKeys.owner)
const other = addressOf(testKeys.other)
const third = addressOf(testKeys.third)
const wrapper: Address = `0x${'ee'.repeat(20)}`
const day = 86_400n
const parentCannotControl = 0x10000

function registrationOf(ensName: string, change: Partial<Registration> = {}): Registration {
  const secondLevel = {
    name: ensName.split('.').slice(-2).join('.'),
    ...{ expiresAt: testTime + 300n * day, graceEndsAt: testTime + 390n * day, registrant: owner },
  }
  const above = ensName.split('.').slice(1, -1)
  const ancestors = above.map((_, position) => ({
    ...{
      name: ensName
        .split('.')
        .slice(position + 1)
        .join('.'),
      owner,
      wrapped: null,
    },
  }))
  return { ensName, node: '0x', registryOwner: owner, resolver: null, wrapped: null, secondLevel, ancestors, ...change }
}

const healthyList: GatewayList = {
  ...{ url: 'https://a.example', epoch: 0, version: 7, listHash: '0xaa', error: null, message: null },
  ...{ issuedAt: Number(testTime - 10n * day), expiresAt: Number(testTime + 80n * day) },
}

/** A name about which there is nothing to say: two publishers, two gateways with one fresh list. */
async function named(
  change: Partial<WarnedName> = {},
  policy: Partial<Policy> = {},
  ensName = 'acme.eth',
): Promise<WarnedName> {
  const publishers = { publishers: [other, owner].sort(), threshold: 2, ...policy }
  const chain = createTestChain({ [ensName]: { owner, policy: publishers, reachable: true } })
  return {
    ...{ registration: registrationOf(ensName), authority: await chain.readAuthority(ensName) },
    ...{ gateways: [healthyList, { ...healthyList, url: 'https://b.example' }], revoked: [], ancestorPolicies: [] },
    localTime: testTime,
    ...change,
  }
}

const namesOf = (warnings: readonly NameWarning[]) =>
  warnings.map(({ name, needsPerson }) => (needsPerson ? `!${name}` : name))

test('a healthy name has nothing to be said about', async () => {
  expect(warningsAbout(await named())).toEqual([])
})

type Case = readonly [rule: string, wanted: string, change: () => Promise<WarnedName>]

const life = (days: bigint) => ({
  ...registrationOf('acme.eth'),
  secondLevel: {
    ...{
      name: 'acme.eth',
      expiresAt: testTime + days * day,
      graceEndsAt: testTime + (days + 90n) * day,
      registrant: null,
    },
  },
})

const ancestor = (policy: Partial<Policy>, revokedHere: readonly Address[] = []) => ({
  ...{ name: 'acme.eth', revokedHere },
  policy: { publishers: [other, owner].sort(), threshold: 2, timestamper: null, maxAgeSeconds: 0, ...policy },
})

const gateways = (...changes: Partial<GatewayList>[]) => changes.map((change) => ({ ...healthyList, ...change }))

const cases: readonly Case[] = [
  ['an owner alone is one key', 'SinglePublisher', () => named({}, { publishers: [owner], threshold: 1 })],
  ['no gateway', '!NoGateways', () => named({ gateways: [] })],
  ['a name in grace', '!InGrace', () => named({ registration: life(-3n) })],
  ['a name past its grace', '!NoOwner', () => named({ registration: life(-100n) })],
  ['a name that expires soon', '!NameExpiresSoon', () => named({ registration: life(20n) })],
  [
    'a gateway with an older list',
    '!OlderList',
    () => named({ gateways: gateways({}, { version: 6, listHash: '0xbb' }) }),
  ],
  ['two lists of one version', '!Equivocation', () => named({ gateways: gateways({}, { listHash: '0xbb' }) })],
  ['an expired list', '!Expired', () => named({ gateways: gateways({ error: 'Expired', message: 'expired' }) })],
  [
    'a list past two thirds of its life',
    '!ExpiresSoon',
    () => named({ localTime: testTime + 51n * day, gateways: gateways({}, { version: 7 }) }),
  ],
  [
    'a gateway that does not answer',
    '!GatewayUnavailable',
    () => named({ gateways: gateways({}, { error: 'GatewayUnavailable', message: 'timed out' }) }),
  ],
  [
    'a gateway without a list where another has one',
    '!NoList',
    () => named({ gateways: gateways({}, { error: 'NoList', message: '503' }) }),
  ],
  [
    'nothing published yet',
    'NotPublished',
    () => named({ gateways: gateways({ error: 'NoList', message: '503', version: null }) }),
  ],
  ['too few publishers left', '!ThresholdNotMet', () => named({ revoked: [other] })],
  [
    'an ancestor with a higher threshold',
    '!StricterAncestor',
    () => named({ ancestorPolicies: [ancestor({ threshold: 3 })] }),
  ],
  [
    'an ancestor with a timestamper',
    '!StricterAncestor',
    () => named({ ancestorPolicies: [ancestor({ timestamper: third, maxAgeSeconds: 3600 })] }),
  ],
  [
    'an ancestor that leaves a publisher out',
    '!StricterAncestor',
    () => named({ ancestorPolicies: [ancestor({ publishers: [owner, third].sort() })] }),
  ],
  [
    'an ancestor that revoked a publisher',
    '!StricterAncestor',
    () => named({ ancestorPolicies: [ancestor({}, [other])] }),
  ],
  ['a digit that reads like a letter', 'LookAlike', () => named({}, {}, 'paypa1.eth')],
]

test.each(cases)('warning: %s', async (_rule, wanted, change) => {
  expect(namesOf(warningsAbout(await named()))).toEqual([])
  expect(namesOf(warningsAbout(await change()))).toEqual([wanted])
})

test('an ancestor whose policy asks for no more is nothing to warn of; version labels are no look-alikes', async () => {
  expect(warningsAbout(await named({ ancestorPolicies: [ancestor({})] }))).toEqual([])
  expect(warningsAbout(await named({}, {}, 'v10.acme.eth'))).toEqual([])
})

test('takers: an unwrapped subname can be taken by every owner above it, and all of it after expiry and grace', () => {
  const said = takersOf(registrationOf('web.acme.eth'), wrapper).map(({ who, how }) => [who, how])
  expect(said).toEqual([
    [owner, 'owns acme.eth, and may give web.acme.eth to somebody else'],
    [
      null,
      expect.stringMatching(/^acme\.eth expires on \d{4}-\d\d-\d\d; after \d{4}-\d\d-\d\d anybody may register it$/),
    ],
  ])
})

test('takers: an emancipated name is out of its parent’s reach, until it expires in the NameWrapper', () => {
  const wrapped = { owner, fuses: 0, expiresAt: testTime + day }
  const parent = /owns acme\.eth/
  const controlled = takersOf(registrationOf('web.acme.eth', { wrapped }), wrapper)
  expect(controlled.some(({ how }) => parent.test(how))).toBe(true)
  const emancipated = { ...wrapped, fuses: parentCannotControl }
  const free = takersOf(registrationOf('web.acme.eth', { wrapped: emancipated }), wrapper)
  expect(free.some(({ how }) => parent.test(how))).toBe(false)
  expect(free.some(({ how }) => /then its parent has it$/.test(how))).toBe(true)
})

test('takers: a registrant that is not the owner may reclaim a .eth name; the NameWrapper is nobody', () => {
  const registration = registrationOf('acme.eth')
  const reclaim = /may reclaim it/
  const withRegistrant = (registrant: Address) =>
    takersOf({ ...registration, secondLevel: { ...life(300n).secondLevel, registrant } }, wrapper)
  expect(withRegistrant(owner).some(({ how }) => reclaim.test(how))).toBe(false)
  expect(withRegistrant(other)).toContainEqual({ who: other, how: expect.stringMatching(reclaim) })
  expect(withRegistrant(wrapper).some(({ how }) => reclaim.test(how))).toBe(false)
})

test('takers: a name of the DNS belongs to whoever has the domain', () => {
  const [taker] = takersOf(registrationOf('acme.org', { secondLevel: null }), wrapper)
  expect(taker).toEqual({ who: null, how: expect.stringMatching(/controls \.org in ENS, or acme\.org in the DNS/) })
})
