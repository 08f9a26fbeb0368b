import { addressOf, alice, ascending, bob, carol, publishers } from './accounts.ts'
import { accept, type Case } from './cases.ts'
import { type Chain, day, floorOf, grace, noOne, now, otherResolver, policyOf, resolver, wrapper } from './flat.ts'
import { type Entry, entryOf, type Tagged, tagsOf } from './merkle.ts'
import { type Call, dataOf, textOf } from './request.ts'
import { type Scenario, stampBy } from './scenario.ts'

/** Cases that hold whole: what is asked, which names, whose policies. */
export async function accepted(): Promise<Case[]> {
  const cases = await Promise.all([
    ...records(),
    ...sizes(),
    ...tags(),
    ...names(),
    ...owners(),
    ...policies(),
    ...mixes(),
  ])
  return cases.flat()
}

function ok(name: string, scenario: Scenario = {}) {
  return accept(null, name, scenario)
}

function holding(entry: Partial<Entry>, calls: (string | Call)[] = ['v1', dataOf('v1')]): Scenario {
  return { tags: [...tagsOf('latest'), { tag: 'v1', entry: entryOf('v1', entry) }], calls }
}

function records() {
  return [
    ok('zero set-up: a present tag by text'),
    ok('zero set-up: a present tag by data', { calls: [dataOf('v1')] }),
    ok('zero set-up: an absent tag by text', { calls: ['v9'] }),
    ok('zero set-up: an absent tag by data', { calls: [dataOf('v9')] }),
    ok('oci-version', { calls: [textOf('oci-version')] }),
    ok('oci-root', { calls: [textOf('oci-root')] }),
    ok('oci-version of the highest version', { calls: [textOf('oci-version')], header: { version: 2n ** 53n - 1n } }),
    ok('oci-version of version 1', { calls: [textOf('oci-version')], header: { version: 1n } }),
    ok('oci-root of an empty list', { calls: [textOf('oci-root')], tags: [] }),
    ok('sha512', holding({ digest: `sha512:${'0f'.repeat(64)}` })),
    ok('immutable tag', holding({ flags: 1 })),
    ok('tombstone reads as absent', holding({ flags: 3 })),
    ok('no Swarm reference', holding({ swarmReference: `0x${'00'.repeat(32)}` })),
    ok('shortest media type', holding({ mediaType: '!' })),
    ok('longest media type', holding({ mediaType: '~'.repeat(255) })),
    ok('smallest size', holding({ size: 1 })),
    ok('largest size', holding({ size: 4_194_304 })),
    ok('entry of this version', holding({ updatedVersion: 7 })),
    ok('digest of zeros', holding({ digest: `sha256:${'0'.repeat(64)}` })),
  ]
}

/** Lists of 1 to 17 slots: the first, a middle and the last tag, and absent ones below, between and above. */
function sizes() {
  return [1, 2, 3, 4, 5, 8, 9, 16, 17].map((slots) => {
    const named = Array.from({ length: slots - 1 }, (_, i) => `t${String((i * 11) % (slots - 1)).padStart(2, '0')}`)
    const asked = [...new Set([named[0], named[(slots - 1) >> 1], named.at(-1)])].filter((tag) => tag !== undefined)
    return ok(`list of ${slots} slots`, { tags: tagsOf(...named), calls: [...asked, 'a', 't00x', 'z'] })
  })
}

function tags() {
  const among = (held: string[], asked: string[]): Scenario => ({ tags: tagsOf(...held), calls: asked })
  const long = 'x'.repeat(128)
  return [
    ok('tag of 128 characters', among([long], [long])),
    ok('absent tag of 128 characters', among(['x'], [long])),
    ok('absent tag beside one of 128 characters', among([long], ['x', `${'x'.repeat(127)}y`])),
    ok('tag of one character', among(['_'], ['_', '0', 'z'])),
    ok('all characters of a tag', among(['_.-aZ09', 'A', 'a'], ['_.-aZ09', 'A', 'a', 'B', 'b'])),
    ok('tags that differ in case', among(['V1', 'v1'], ['V1', 'v1', 'v2', 'V2'])),
    ok('absent tag of the other case', among(['v1'], ['V1'])),
    ok('a tag that begins another', among(['v1', 'v1.0', 'v1.0.0'], ['v1', 'v1.0', 'v1.0.0', 'v', 'v1.', 'v1.0.0-a'])),
    ok('a list in descending order of slots', among(['c', 'b', 'a'], ['a', 'b', 'c', 'aa'])),
    ok('numbers as tags', among(['1', '10', '2'], ['1', '10', '2', '11', '3'])),
  ]
}

function names() {
  const a63 = 'a'.repeat(63)
  const asked: [string, string[]][] = [
    ['unregistered subname', ['web', 'acme', 'eth']],
    ['subname four levels down', ['a', 'b', 'c', 'd', 'acme', 'eth']],
    ['ten labels', [...'abcdefgh', 'acme', 'eth']],
    ['label of 63 bytes', [a63, 'acme', 'eth']],
    ['name of 253 bytes', [a63, a63, a63, 'a'.repeat(52), 'acme', 'eth']],
    ['labels of digits', ['0', '1', 'eth']],
    [
      'labels with hyphens',
      ['a-b', 'c--d', 'e---------f-g', 'acme', 'eth'].filter((label) => label.slice(2, 4) !== '--'),
    ],
    ['name outside .eth', ['registry', 'example', 'com']],
    ['one-letter labels', ['a', 'b']],
  ]
  return asked.map(([name, labels]) => ok(`name: ${name}`, { labels, calls: ['v1', 'v9', dataOf('v1')] }))
}

function by(signer: typeof bob, chain: (chain: Chain) => void): Scenario {
  return { signers: [signer], header: { owner: signer.address }, chain }
}

function owns(chain: Chain, name: string, owner: `0x${string}`) {
  chain.owners = [...chain.owners.filter((row) => row.name !== name), { name, owner }]
}

function wraps(chain: Chain, name: string, owner: `0x${string}`) {
  owns(chain, name, wrapper)
  chain.wrapped.push({ name, owner })
}

function owners() {
  const web = ['web', 'acme', 'eth']
  const deep = ['a', ...web]
  return [
    ok('owner: registered subname is its own authority', {
      labels: web,
      ...by(bob, (chain) => owns(chain, 'web.acme.eth', bob.address)),
    }),
    ok('owner: name below a registered subname', {
      labels: deep,
      ...by(bob, (chain) => owns(chain, 'web.acme.eth', bob.address)),
    }),
    ok('owner: registered subname with a resolver of its own', {
      labels: web,
      ...by(bob, (chain) => {
        owns(chain, 'web.acme.eth', bob.address)
        chain.resolvers = [
          { name: 'acme.eth', resolver: otherResolver },
          { name: 'web.acme.eth', resolver },
        ]
      }),
    }),
    ok('owner: subname whose owner is the zero address', {
      labels: web,
      chain: (chain) => owns(chain, 'web.acme.eth', noOne),
    }),
    ok(
      'owner: wrapped second-level name',
      by(bob, (chain) => wraps(chain, 'acme.eth', bob.address)),
    ),
    ok('owner: unregistered subname of a wrapped name', {
      labels: web,
      ...by(bob, (chain) => wraps(chain, 'acme.eth', bob.address)),
    }),
    ok('owner: wrapped subname of a wrapped name', {
      labels: web,
      ...by(carol, (chain) => {
        wraps(chain, 'acme.eth', bob.address)
        wraps(chain, 'web.acme.eth', carol.address)
      }),
    }),
    ok('owner: wrapped subname of a plain name', {
      labels: web,
      ...by(carol, (chain) => wraps(chain, 'web.acme.eth', carol.address)),
    }),
    ok('owner: expired wrapped subname falls to the parent', {
      labels: web,
      chain: (chain) => wraps(chain, 'web.acme.eth', noOne),
    }),
    ok('owner: a wrapped owner without the wrapper counts for nothing', {
      chain: (chain) => chain.wrapped.push({ name: 'acme.eth', owner: bob.address }),
    }),
    ok('owner: wrapped name outside .eth', {
      labels: ['acme', 'com'],
      ...by(bob, (chain) => wraps(chain, 'acme.com', bob.address)),
    }),
    ok('owner: name in its grace', {
      chain: (chain) => {
        chain.expiries = [{ name: 'acme.eth', expiresAt: now - 1 }]
      },
    }),
    ok('owner: name in the last second of its grace', {
      chain: (chain) => {
        chain.expiries = [{ name: 'acme.eth', expiresAt: now - grace }]
      },
    }),
    ok('owner: subname in the grace of its parent', {
      labels: web,
      chain: (chain) => {
        chain.expiries = [{ name: 'acme.eth', expiresAt: now - 80 * day }]
      },
    }),
    ok('owner: another name has lapsed', {
      chain: (chain) => chain.expiries.push({ name: 'other.eth', expiresAt: 1 }),
    }),
  ]
}

function policies() {
  const [first, second, third] = publishers as [typeof bob, typeof bob, typeof bob]
  const team = ascending([first, second, third])
  return [
    ok('policy: one publisher of three', { signers: [second], chain: (chain) => chain.policies.push(policyOf(team)) }),
    ok('policy: two of three', {
      signers: [first, third],
      chain: (chain) => chain.policies.push(policyOf(team, { threshold: 2 })),
    }),
    ok('policy: eight of eight', {
      signers: [...publishers],
      chain: (chain) => chain.policies.push(policyOf(publishers, { threshold: 8 })),
    }),
    ok('policy: for an unregistered subname too', {
      labels: ['web', 'acme', 'eth'],
      signers: [first],
      chain: (chain) => chain.policies.push(policyOf([first])),
    }),
    ok('policy: the owner among the publishers', {
      chain: (chain) => chain.policies.push(policyOf(ascending([alice, first]))),
    }),
    ok('policy: of a former owner counts for nothing', {
      chain: (chain) => chain.policies.push(policyOf([bob], { owner: bob.address })),
    }),
    ok('policy: with a fresh timestamp', {
      signers: [first],
      stamp: stampBy(carol),
      chain: (chain) => chain.policies.push(policyOf([first], { timestamper: carol.address, maxAge: 3600 })),
    }),
    ok('policy: a publisher is the timestamper too', {
      signers: [first],
      stamp: stampBy(first),
      chain: (chain) => chain.policies.push(policyOf([first], { timestamper: first.address, maxAge: 604_800 })),
    }),
    ok('policy: floor and epoch of many resets', {
      header: { epoch: 12n, version: 40n },
      chain: (chain) => {
        chain.epochs.push({ name: 'acme.eth', epoch: 12 })
        chain.floors.push(floorOf({ epoch: 12, minVersion: 40 }), floorOf({ epoch: 11, minVersion: 900 }))
      },
    }),
    ok('policy: keys of others are revoked', {
      chain: (chain) => chain.revoked.push({ owner: alice.address, name: 'acme.eth', key: addressOf('lost key') }),
    }),
    ok('anchored list without signatures', {
      signers: [],
      chain: (chain, { hash }) => chain.floors.push(floorOf({ minVersion: 7, anchorVersion: 7, anchorHash: hash })),
    }),
    ok('first list of all', { header: { version: 1n, previous: `0x${'00'.repeat(32)}` }, tags: [], calls: ['latest'] }),
  ]
}

function registries(...urls: string[]) {
  return (chain: Chain) => {
    chain.gateways = [{ owner: alice.address, name: 'acme.eth', urls }]
  }
}

const t32 = 't'.repeat(32)

function mixes() {
  const many: Tagged[] = tagsOf(...Array.from({ length: 40 }, (_, i) => `v${i}`))
  const registry = textOf('oci-registry')
  return [
    ok('multicall of one call', { calls: ['v1'], multicall: true }),
    ok('multicall of present and absent', { calls: ['v1', 'v9', 'v2'] }),
    ok('multicall of text and data of one tag', { calls: ['v1', dataOf('v1')] }),
    ok('multicall of one tag twice', { calls: ['v1', 'v1'] }),
    ok('multicall of all our records', {
      calls: [textOf('oci-version'), 'v1', textOf('oci-root'), dataOf('v2'), registry, 'v9', dataOf('v9')],
      chain: registries('https://one.example', 'https://two.example/oci'),
    }),
    ok('multicall with oci-registry of one gateway', {
      calls: [registry, 'v1'],
      chain: registries('http://127.0.0.1:5050'),
    }),
    ok('multicall of oci-version and oci-root without a tag', { calls: [textOf('oci-version'), textOf('oci-root')] }),
    ok('multicall of tags and a record of the fallback', {
      calls: ['v1', textOf('avatar'), 'v9', textOf('oci-version')],
    }),
    ok('multicall of a record of the fallback alone', { calls: [textOf('avatar')], multicall: true }),
    ok('multicall whose tags come behind records of the fallback', {
      calls: [textOf('url'), textOf(''), dataOf('v1'), textOf('oci-tag')],
    }),
    ok('multicall with data of oci-version, which the fallback does not know', {
      calls: ['v1', { getter: 'data', key: 'oci-version' }],
    }),
    ok('tag of 33 characters is absent behind its first 32', { tags: tagsOf(t32), calls: [`${t32}t`, t32] }),
    ok('tag of 32 characters is absent before one of 33', { tags: tagsOf(`${t32}t`), calls: [t32, `${t32}t`] }),
    ok('multicall of 32 tags', { tags: many, calls: Array.from({ length: 32 }, (_, i) => `v${i}`) }),
    ok('multicall of 32 data calls, half of them absent', {
      tags: many,
      calls: Array.from({ length: 32 }, (_, i) => dataOf(`v${i * 2}`)),
    }),
    ok('multicall for a deep name', {
      labels: ['a', 'b', 'c', 'acme', 'eth'],
      calls: ['v1', dataOf('v2'), textOf('oci-version')],
    }),
  ]
}
