import { cast } from '../cast.ts'
import type { Ending, Lie, Scene } from '../lie.ts'
import { type Draft, entryFor, honestEntries } from '../statement.ts'

/** The contract remembers nothing: these are told to who has seen the honest list. */
function toRemembering(ending: Ending): Lie['expected'] {
  return { proxy: ending, library: ending }
}

/** A list of the publisher's, other than the one that was seen. */
function drafted(draft: (scene: Scene) => Partial<Draft>): Lie['tell'] {
  return async (scene) => ({ statement: await scene.sign(draft(scene)) })
}

const older = drafted(({ image, now }) => ({
  header: { version: 1n, issuedAt: now - 86_400n },
  entries: { ...honestEntries(image), latest: entryFor(image.manifest), '1.0': entryFor(image.imageIndex) },
}))

/** Row 9. */
export const memoryLies: readonly Lie[] = [
  { name: 'an older list', clause: '3.1 row 9', tell: older, expected: toRemembering('Rollback') },
  {
    name: 'two tags from two versions',
    clause: '3.1 row 9',
    after: 'zz',
    tag: '1.0',
    tell: async (scene) => {
      const told = await older(scene)
      const newer = await scene.sign({ header: { version: 3n } })
      return { ...told, statements: { zz: newer } }
    },
    expected: toRemembering('Rollback'),
  },
  {
    name: 'two lists of one version',
    clause: '3.1 row 9',
    tell: drafted(({ image }) => ({ entries: { ...honestEntries(image), latest: entryFor(image.manifest) } })),
    expected: toRemembering('Equivocation'),
  },
  {
    name: 'one version with other times',
    clause: '3.1 row 9',
    tell: drafted(({ honest }) => ({ header: { expiresAt: honest.list.expiresAt + 1n } })),
    expected: toRemembering('Equivocation'),
  },
  {
    name: 'an immutable tag moved',
    clause: '3.1 row 9',
    tag: 'pinned',
    tell: drafted(({ image }) => ({
      header: { version: 3n },
      entries: { ...honestEntries(image), pinned: entryFor(image.imageIndex, { flags: 1 }) },
    })),
    expected: toRemembering('ImmutableChanged'),
  },
  {
    name: 'an immutable tag removed',
    clause: '3.1 row 9',
    tag: 'pinned',
    tell: drafted(({ image }) => {
      const { pinned: _, ...entries } = honestEntries(image)
      return { header: { version: 3n }, entries }
    }),
    expected: toRemembering('ImmutableChanged'),
  },
  {
    name: 'an immutable tag made movable',
    clause: '3.1 row 9',
    tag: 'pinned',
    tell: drafted(({ image }) => ({
      header: { version: 3n },
      entries: { ...honestEntries(image), pinned: entryFor(image.manifest) },
    })),
    expected: toRemembering('ImmutableChanged'),
  },
  {
    name: 'a tombstone lifted',
    clause: '3.1 row 9',
    tag: 'gone',
    tell: drafted(({ image }) => ({
      header: { version: 3n },
      entries: { ...honestEntries(image), gone: entryFor(image.manifest, { flags: 1 }) },
    })),
    expected: toRemembering('ImmutableChanged'),
  },
  {
    name: 'the list of a new owner',
    clause: '3.1 row 9',
    authority: 'changed',
    meanwhile: ({ world }) => world.sell('changed'),
    tell: drafted(() => ({ header: { owner: cast.buyer.address }, signers: [cast.buyer] })),
    expected: toRemembering('OwnerChanged'),
  },
]
