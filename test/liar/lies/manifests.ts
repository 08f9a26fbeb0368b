import { gzipSync } from 'node:zlib'
import { type Content, contentOf, descriptorOf, type Image, jsonContent, manifestOf, mediaTypes } from '../image.ts'
import type { Answer, Ending, Lie, Told } from '../lie.ts'
import { entryFor, honestEntries } from '../statement.ts'
import * as bodies from './bodies.ts'
import { hijack, redirect } from './elsewhere.ts'

type Change = (answer: Answer) => Answer

/** The manifest under the tag answered in another way; what the tag means is told honestly. */
function answered(change: Change): Lie['tell'] {
  return ({ image }): Told => ({
    answer: (answer, { digest }) => (digest === image.imageIndex.digest ? change(answer) : answer),
  })
}

const both = (ending: Ending): Lie['expected'] => ({ proxy: ending, library: ending })

const lie = (name: string, change: Change, ending: Ending, more: Partial<Lie> = {}): Lie => ({
  ...{ name, clause: '3.1 row 10', tell: answered(change), expected: both(ending) },
  ...more,
})

/** Right proof, wrong bytes. */
const bytes: readonly Lie[] = [
  lie('a manifest with one bit changed', bodies.altered(bodies.lastBit), 'DigestMismatch'),
  lie(
    'a manifest too short',
    bodies.altered((it) => it.subarray(1)),
    'SizeMismatch',
  ),
  lie(
    'a manifest too long',
    bodies.altered((it) => Buffer.concat([it, Buffer.from(' ')])),
    'SizeMismatch',
  ),
  lie(
    'a manifest of no bytes at all',
    bodies.altered(() => new Uint8Array()),
    'SizeMismatch',
  ),
  lie('a manifest without end', bodies.endlessBehind, 'SizeMismatch'),
  lie('a gzip bomb for a manifest', bodies.gzipBomb, 'SizeMismatch'),
  lie('a web page for a manifest', bodies.page, 'SizeMismatch'),
  {
    ...lie('the bytes of another manifest', (it) => it, 'SizeMismatch'),
    tell: ({ image }) => ({ contents: new Map([[image.imageIndex.digest, image.manifest.bytes]]) }),
  },
  {
    ...lie('a child of the index with one bit changed', (it) => it, 'DigestMismatch'),
    tell: ({ image }) => ({ contents: new Map([[image.manifest.digest, bodies.lastBit(image.manifest.bytes)]]) }),
    expected: { proxy: 'DigestMismatch' },
  },
]

/** Nothing usable, which is no statement about a tag that a verified list names. */
const silences: readonly Lie[] = [
  lie('404 for a manifest that is there', bodies.status(404), 'GatewayUnavailable'),
  lie('500 for a manifest', bodies.status(500), 'GatewayUnavailable'),
  lie('a part of a manifest with status 206', (it) => ({ ...it, status: 206 }), 'GatewayUnavailable'),
  {
    ...lie('a manifest said to be gzip', bodies.falselyEncoded, 'honest'),
    expected: { proxy: 'honest', library: 'GatewayUnavailable' },
  },
  lie('a manifest that breaks off', bodies.brokenOff(100), 'GatewayUnavailable'),
  lie('a manifest that never begins', bodies.silent, 'GatewayUnavailable'),
  lie('a manifest that stops', bodies.stalled(100), 'GatewayUnavailable'),
  lie('a manifest redirected in circles', redirect('./'), 'GatewayUnavailable'),
  {
    ...lie('a manifest redirected to another port', (it) => it, 'GatewayUnavailable'),
    tell: (scene) => answered(redirect(`http://127.0.0.1:${scene.world.trap.port}/manifest`))(scene),
  },
  {
    ...lie('a manifest that asks to log in elsewhere', (it) => it, 'GatewayUnavailable'),
    tell: (scene) => answered(hijack(scene.world.trap.port))(scene),
  },
]

/** Lies in the head alone, by which nobody may go: what was signed comes. */
const heads: readonly Lie[] = [
  lie('a manifest under text/html', bodies.headed({ 'content-type': 'text/html' }), 'honest'),
  lie("a manifest under an image's type", bodies.headed({ 'content-type': mediaTypes.manifest }), 'honest'),
  lie(
    "another digest in a manifest's head",
    bodies.headed({ 'docker-content-digest': `sha256:${'d0'.repeat(32)}` }),
    'honest',
  ),
  { ...lie('a manifest packed by gzip', packed, 'honest'), expected: { proxy: 'SizeMismatch', library: 'honest' } },
]

function packed(answer: Answer): Answer {
  const body = gzipSync(bodies.bytesOf(answer.body))
  return {
    ...answer,
    headers: { ...answer.headers, 'content-encoding': 'gzip', 'content-length': `${body.length}` },
    body,
  }
}

/** Published like this: two readers could take the same bytes for different things. */
const ambiguous: readonly Lie[] = (
  [
    ['a manifest with a member twice', (image) => withText(image, /^\{/, '{"layers":[],')],
    ['a manifest with LAYERS beside layers', (image) => withText(image, /\}$/, ',"LAYERS":[]}')],
    ['a manifest with LAYERS in place of layers', (image) => withText(image, /"layers"/, '"LAYERS"')],
    ['a manifest with a letter that folds', (image) => withText(image, /"layers"/, '"layer\u017f"')],
    [
      'a manifest with layers and manifests',
      (image) => withMembers(image, { manifests: [descriptorOf(image.manifest)] }),
    ],
    ['a manifest of another type inside', (image) => withMembers(image, { mediaType: mediaTypes.imageIndex })],
    ['a manifest behind a byte order mark', (image) => withText(image, /^/, '\ufeff')],
    ['a manifest with more behind it', (image) => withText(image, /$/, '{}')],
    [
      'a manifest nested a thousand deep',
      (image) => withText(image, /\}$/, `,"annotations":${'['.repeat(1000)}${']'.repeat(1000)}}`),
    ],
    ['a manifest that is no JSON', () => contentOf(mediaTypes.manifest, Buffer.from('layers: []'))],
    [
      'embedded data of another digest',
      (image) => withMembers(image, { config: { ...descriptorOf(image.config), data: 'e30=' } }),
    ],
    [
      'a descriptor with a negative size',
      (image) => withMembers(image, { config: { ...descriptorOf(image.config), size: -1 } }),
    ],
    [
      'a descriptor with a digest of no algorithm',
      (image) => withMembers(image, { config: { ...descriptorOf(image.config), digest: 'md5:00' } }),
    ],
  ] as const satisfies readonly (readonly [string, (image: Image) => Content])[]
).map(([name, make]) => ({
  ...{ name, clause: '3.1 row 10', tag: '1.0', expected: both('AmbiguousManifest') },
  tell: async (scene) => {
    const content = make(scene.image)
    const entries = { ...honestEntries(scene.image), '1.0': entryFor(content) }
    const statement = await scene.sign({ header: { version: 3n }, entries })
    return { statement, contents: new Map([[content.digest, content.bytes]]) }
  },
}))

function withMembers({ config, layer }: Image, members: object): Content {
  return jsonContent(mediaTypes.manifest, { ...manifestOf(config, layer), ...members })
}

function withText({ manifest }: Image, where: RegExp, text: string): Content {
  const changed = Buffer.from(manifest.bytes).toString().replace(where, text)
  return contentOf(mediaTypes.manifest, Buffer.from(changed))
}

/** Row 10 of a manifest. */
export const manifestLies: readonly Lie[] = [...bytes, ...silences, ...heads, ...ambiguous]
