import { nodeOf } from '../../../gateway/ens/name.ts'
import { hashList, type ListHeader, ZERO_HASH } from '../../../gateway/tags/list.ts'
import { createMemoryTree } from '../../../gateway/tags/tree.ts'
import { cast } from '../cast.ts'
import { type Ending, everywhere, type Lie, type Scene } from '../lie.ts'
import { entryFor, honestEntries, signaturesOver, slotsOf } from '../statement.ts'

/** The publisher signed something else than what is sent. */
function signedFor(change: (scene: Scene) => { domain?: Partial<Scene['domain']>; list?: Partial<ListHeader> }) {
  return async (scene: Scene) => {
    const { domain = {}, list = {} } = change(scene)
    const other = { ...scene.honest.list, ...list }
    const signatures = await signaturesOver({ ...scene.domain, ...domain }, other, [cast.owner])
    return { statement: { ...scene.honest, signatures } }
  }
}

/** What is sent says something else than what the publisher signed. */
function altered(change: (scene: Scene) => Partial<ListHeader>): Lie['tell'] {
  return (scene) => ({ statement: { ...scene.honest, list: { ...scene.honest.list, ...change(scene) } } })
}

/** The publisher signed it as it is. */
function drafted(header: (scene: Scene) => Partial<ListHeader>): Lie['tell'] {
  return async (scene) => ({ statement: await scene.sign({ header: header(scene) }) })
}

const daySeconds = 86_400n

const lie = (name: string, clause: string, tell: Lie['tell'], ending: Ending, more: Partial<Lie> = {}): Lie => ({
  ...{ name, clause, tell, expected: everywhere(ending) },
  ...more,
})

/** Signed, but for somebody or something else: all of it is under the signature. */
const elsewhere: readonly Lie[] = [
  lie(
    "another name's list",
    '2.2',
    signedFor(() => ({ list: { name: 'acme.eth', node: nodeOf('acme.eth') } })),
    'BadSignature',
  ),
  lie(
    'the list of the name above',
    '2.2',
    signedFor(() => ({ list: { name: 'plain.eth', node: nodeOf('plain.eth') } })),
    'BadSignature',
  ),
  lie(
    "another chain's list",
    '2.2',
    signedFor(() => ({ domain: { chainId: 1 } })),
    'BadSignature',
  ),
  lie(
    "another resolver's list",
    '2.2',
    signedFor(() => ({ domain: { resolver: `0x${'42'.repeat(20)}` } })),
    'BadSignature',
  ),
  lie(
    'a version raised after signing',
    '2.2',
    altered(() => ({ version: 3n })),
    'BadSignature',
  ),
  lie(
    'an end put off after signing',
    '2.2',
    altered(({ honest }) => ({ expiresAt: honest.list.expiresAt + 1n })),
    'BadSignature',
  ),
  lie(
    'another predecessor after signing',
    '2.2',
    altered(() => ({ previous: `0x${'77'.repeat(32)}` })),
    'BadSignature',
  ),
  lie(
    'a count raised after signing',
    '2.2',
    altered(() => ({ count: 8n })),
    'BadSignature',
  ),
  lie("a tree of the gateway's own under a signed header", '2.2', ownTree, 'BadSignature'),
]

function ownTree({ honest, image }: Scene) {
  const slots = slotsOf({ ...honestEntries(image), latest: entryFor(image.manifest) })
  const root = createMemoryTree(slots).root()
  return { statement: { ...honest, slots, list: { ...honest.list, root } } }
}

/** Owner, epoch and delegations (row 3). */
const bound: readonly Lie[] = [
  lie(
    "another owner's list",
    '3.1 row 3',
    drafted(() => ({ owner: cast.stranger.address })),
    'OwnerMismatch',
  ),
  lie(
    'the list of an owner who sold the name',
    '3.1 row 3',
    (scene) => ({ statement: scene.honest }),
    'OwnerMismatch',
    {
      authority: 'sold',
      meanwhile: ({ world }) => world.sell('sold'),
    },
  ),
  lie('the list of an epoch that was reset', '3.1 row 3', (scene) => ({ statement: scene.honest }), 'EpochMismatch', {
    meanwhile: ({ world, ensName }) => world.act(ensName, 'reset'),
  }),
  lie(
    'the list of an epoch to come',
    '3.1 row 3',
    drafted(() => ({ epoch: 1n })),
    'EpochMismatch',
  ),
  lie(
    'delegations that nobody can check',
    '3.1 row 3',
    drafted(() => ({ delegations: `0x${'5e'.repeat(32)}` })),
    'UnsupportedDelegations',
  ),
]

/** Floor and anchor (row 4), times (row 5), count (row 8). */
const limits: readonly Lie[] = [
  lie(
    'version 0',
    '3.1 row 4',
    drafted(() => ({ version: 0n })),
    'Rollback',
  ),
  lie(
    'a version of 54 bits',
    '3.1 row 4',
    drafted(() => ({ version: 2n ** 53n })),
    'Rollback',
  ),
  lie('a list below the floor on chain', '3.1 row 4', (scene) => ({ statement: scene.honest }), 'Rollback', {
    meanwhile: ({ world, ensName }) => world.act(ensName, 'anchor', 3n, `0x${'ab'.repeat(32)}`),
  }),
  lie(
    'another list than the anchored one',
    '3.1 row 4',
    drafted(() => ({ previous: `0x${'01'.repeat(32)}` })),
    'AnchorMismatch',
    {
      meanwhile: ({ world, ensName, domain, honest }) =>
        world.act(ensName, 'anchor', 2n, hashList(domain, honest.list)),
    },
  ),
  lie(
    'a list issued in the future',
    '3.1 row 5',
    drafted(({ now }) => ({ issuedAt: now + daySeconds })),
    'IssuedInFuture',
  ),
  lie(
    'an expired list',
    '3.1 row 5',
    drafted(({ now }) => ({ issuedAt: now - 90n * daySeconds, expiresAt: now - 1n })),
    'Expired',
  ),
  lie(
    'a list for more than 400 days',
    '3.1 row 5',
    drafted(({ now }) => ({ expiresAt: now + 401n * daySeconds })),
    'LifetimeTooLong',
  ),
  lie(
    'a count of nothing',
    '3.1 row 8',
    drafted(() => ({ count: 0n, previous: ZERO_HASH })),
    'BadProof',
  ),
  lie(
    'the count of a tree of another depth',
    '3.1 row 8',
    drafted(() => ({ count: 9n })),
    'BadProof',
  ),
  lie(
    'a count over the greatest',
    '3.1 row 8',
    drafted(() => ({ count: 2n ** 20n + 1n })),
    'BadProof',
  ),
]

/** Rows 3 to 5, and what stands under the signature. */
export const listLies: readonly Lie[] = [...elsewhere, ...bound, ...limits]
