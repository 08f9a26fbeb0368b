import { cast } from '../cast.ts'
import type { Answer, Asked, Ending, Lie, Told } from '../lie.ts'
import { entryFor, honestEntries } from '../statement.ts'
import * as bodies from './bodies.ts'
import { hijack, redirect } from './elsewhere.ts'

type Change = (answer: Answer) => Answer

/** One kind of answers in another way. */
function answered(about: Asked['kind'], change: Change): Lie['tell'] {
  return (): Told => ({ answer: (answer, { kind }) => (kind === about ? change(answer) : answer) })
}

const lie = (name: string, tell: Lie['tell'], ending: Ending): Lie => ({
  ...{ name, clause: '2.1, 5', asks: 'tags', tell, expected: { proxy: ending } },
})

/** The text of the list changed. @throws when there is nothing to change */
function rewritten(where: RegExp | string, text: string): Lie['tell'] {
  const rewrite = bodies.altered((bytes) => {
    const before = Buffer.from(bytes).toString()
    const after = before.replace(where, text)
    if (after === before) throw new Error(`the list has no ${where}`)
    return Buffer.from(after)
  })
  return answered('list', rewrite)
}

/** Lies in a whole list (`_mooring/list`), behind `tags/list`. */
const lists: readonly Lie[] = [
  lie('a list with an entry left out', rewritten(/\{"tag":"pinned".*?\},/, ''), 'MalformedList'),
  lie('a list with an entry more', rewritten(/(\{"tag":)"pinned"(.*?\},)/, '$1"pinned"$2$1"extra"$2'), 'MalformedList'),
  lie('a list with a tag renamed', rewritten('"tag":"pinned"', '"tag":"pinnee"'), 'MalformedList'),
  lie('a list with a tag twice', rewritten('"tag":"zz"', '"tag":"pinned"'), 'MalformedList'),
  lie('a list with another digest', rewritten(/("tag":"zz","digest":"sha256:)../, '$100'), 'MalformedList'),
  lie('a list with a tombstone lifted', rewritten('"flags":3', '"flags":1'), 'MalformedList'),
  lie(
    'a list with entries in another order',
    rewritten(/(\{"tag":"1.0".*?\}),(\{"tag":"gone".*?\})/, '$2,$1'),
    'MalformedList',
  ),
  lie('a list with another version', rewritten('"version":2', '"version":3'), 'BadSignature'),
  lie('a list with a member more', rewritten('{"list"', '{"more":1,"list"'), 'BadResponse'),
  lie('a list with a member twice', rewritten('{"list":', '{"hash":"0x00","list":'), 'BadResponse'),
  lie('a list with a number in quotes', rewritten('"version":2', '"version":"2"'), 'BadResponse'),
  lie(
    'a list that a stranger signed for',
    async (scene) => ({ statement: await scene.sign({ signers: [cast.stranger] }) }),
    'NotPublisher',
  ),
  lie(
    'an older list of all tags',
    async ({ sign, image }) => ({
      statement: await sign({
        header: { version: 1n },
        entries: { ...honestEntries(image), zz: entryFor(image.imageIndex) },
      }),
    }),
    'Rollback',
  ),
  lie('a web page for a list', answered('list', bodies.page), 'BadResponse'),
  { ...lie('a list without end', answered('list', bodies.endless), 'BadResponse'), byHttpAlone: true },
  lie('a list that breaks off', answered('list', bodies.brokenOff(200)), 'GatewayUnavailable'),
  lie('a list that never begins', answered('list', bodies.silent), 'GatewayUnavailable'),
  lie('a list byte by byte', answered('list', bodies.slow), 'GatewayUnavailable'),
  lie('404 for a list that is there', answered('list', bodies.status(404)), 'GatewayUnavailable'),
  lie(
    'a list redirected to another port',
    ({ world }) => ({
      answer: (answer, { kind }) =>
        kind === 'list' ? redirect(`http://127.0.0.1:${world.trap.port}/list`)(answer) : answer,
    }),
    'GatewayUnavailable',
  ),
  lie(
    'a list that asks to log in elsewhere',
    ({ world }) => ({
      answer: (answer, { kind }) => (kind === 'list' ? hijack(world.trap.port)(answer) : answer),
    }),
    'GatewayUnavailable',
  ),
]

const aboutReferrers = (name: string, change: Change, ending: Ending): Lie => ({
  ...{ name, clause: '5', asks: 'referrers', tell: answered('referrers', change), expected: { proxy: ending } },
})

const json = (value: object) => bodies.altered(() => Buffer.from(JSON.stringify(value)))

/** Nobody signs which referrers there are: what is pulled is checked, and a list that two readers could take for two is refused. */
const referrers: readonly Lie[] = [
  aboutReferrers('referrers that are no index', json({ errors: [] }), 'AmbiguousManifest'),
  aboutReferrers(
    'referrers with manifests in two spellings',
    json({ schemaVersion: 2, manifests: [], Manifests: [] }),
    'AmbiguousManifest',
  ),
  aboutReferrers('referrers without end', bodies.endless, 'GatewayUnavailable'),
  aboutReferrers('referrers that never begin', bodies.silent, 'GatewayUnavailable'),
  aboutReferrers('404 for referrers', bodies.status(404), 'GatewayUnavailable'),
  {
    ...aboutReferrers('a referrer made up, with bytes of its own', (it) => it, 'DigestMismatch'),
    tell: ({ image }) => {
      const made = `sha256:${'ee'.repeat(32)}`
      const manifests = [{ mediaType: image.manifest.mediaType, digest: made, size: image.manifest.bytes.length }]
      const list = json({ schemaVersion: 2, mediaType: image.imageIndex.mediaType, manifests })
      return {
        contents: new Map([[made, image.manifest.bytes]]),
        answer: (answer, { kind }) => (kind === 'referrers' ? list(answer) : answer),
      }
    },
  },
]

/** Whole lists and referrers. */
export const tagLies: readonly Lie[] = [...lists, ...referrers]
