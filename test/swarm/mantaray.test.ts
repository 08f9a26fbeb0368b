import { MantarayNode } from '@ethersphere/bee-js'
import fc from 'fast-check'
import { bytesToHex, type Hex, hexToBytes, keccak256, stringToBytes } from 'viem'
import { expect, test } from 'vitest'
import { buildMantaray, type Mantaray, type MantarayEntry } from '../../gateway/swarm/mantaray.ts'
import { openSwarmHash } from '../../gateway/swarm/node-wasm.ts'
import { layoutEntry, layoutFiles, layoutPath } from '../../gateway/swarm/oci-layout.ts'
import { naiveReference } from './naive.ts'

const hash = await openSwarmHash()

function referenceOf(bytes: Uint8Array): Hex {
  const hasher = hash.createHasher()
  hasher.update(bytes)
  return hasher.digest()
}

function blobPath(at: number): string {
  return `blobs/sha256/${keccak256(stringToBytes(`b${at}`)).slice(2)}`
}

/** The files whose references a real node gave: `blobs` content files, the two of a layout, and others. A file holds its own path. */
function filesOf(blobs: number, others: readonly string[]): MantarayEntry[] {
  const manifest = 'application/vnd.oci.image.manifest.v1+json'
  const files: [path: string, type: string, body?: string][] = [
    ['oci-layout', 'application/json', '{"imageLayoutVersion":"1.0.0"}'],
    ['index.json', 'application/json', '{}'],
    ...others.map((path) => [path, 'a/b;x<y>&z'] as [string, string]),
  ]
  for (let at = 0; at < blobs; at += 1) files.push([blobPath(at), at % 2 ? 'application/octet-stream' : manifest])
  return files.map(([path, type, body = path]) => ({
    path,
    swarmReference: referenceOf(stringToBytes(body)),
    metadata: { 'Content-Type': type, Filename: path.split('/').at(-1) ?? '' },
  }))
}

const growing = 'mabcdefghijklmnop'
/** What a Bee node 2.8.0 answers to an upload of these files as a collection, in ascending order of paths, redundancy level 0. */
const golden: readonly [rule: string, blobs: number, others: readonly string[], reference: string][] = [
  ['an OCI layout', 3, [], '087da81a0cffb87db06f2c7e1366409a45511b3af2493157f586f2c19a91b2fd'],
  ['a layout with 300 blobs', 300, [], 'b4069860fb599309c1d742ba560176cec7f162eb4c20ef5dfbe408c5e018536d'],
  ['a path of one byte', 3, ['a'], '70a0ba83b8942a29acadb59951cb8e64f2627363e37c22fdfbb58e77b166ba1d'],
  [
    ...(['paths that are the beginning of others', 3, ['a', 'a/b', 'a/b/c', 'ab', 'abc']] as const),
    '4a0094a7d7eaebe8f012dc0a9f4bb0e931d1bb277549b4150307a5ba67b40255',
  ],
  [
    'paths of 30, 31, 60 and 61 bytes',
    3,
    ['q'.repeat(30), 'q'.repeat(31), 'r'.repeat(60), 'r'.repeat(61), `${'q'.repeat(30)}/x/y`],
    '069ae27ff3ab9bd75b473af95331978e3b60272e340f919c2568560de6e971cd',
  ],
  [
    ...(['paths that part at a slash', 3, ['x/y/z', 'x/y', 'x/yy', 'x']] as const),
    'd04ace6bb95467ea5b9c51c83d8a47eb2ca74b14c080fae656118f20c6ec122c',
  ],
  [
    'metadata of every length beside whole 32 bytes',
    3,
    [
      ...[`m/${'a'.repeat(42)}`, `m/${'a'.repeat(30)}/bbbb`, 'm'],
      ...Array.from({ length: growing.length - 1 }, (_, at) => growing.slice(0, at + 2)),
    ],
    '81e03e87715291bded7fb8b3e766aba18d7f8391deb023f9e2b3427294216731',
  ],
]

test.each(golden)('mantaray: %s has the reference that a Bee node gives', (_rule, blobs, others, reference) => {
  const files = filesOf(blobs, others)
  expect(buildMantaray(files, hash).swarmReference).toBe(`0x${reference}`)
  expect(buildMantaray([...files].reverse(), hash).swarmReference).toBe(`0x${reference}`)
})

/** Reads a tree the way bee-js does. */
async function readBack({ swarmReference, nodes }: Mantaray) {
  const stored = new Map(nodes.map(({ swarmReference, bytes }) => [swarmReference, bytes]))
  const load = (reference: Uint8Array) => {
    return MantarayNode.unmarshalFromData(stored.get(bytesToHex(reference)) as Uint8Array, reference)
  }
  const found: MantarayEntry[] = []
  const walk = (node: MantarayNode, path: string): void => {
    for (const { prefix, node: named } of node.forks.values()) {
      const child = load(named.selfAddress as Uint8Array)
      const here = path + new TextDecoder().decode(prefix)
      const reference = bytesToHex(child.targetAddress)
      if (BigInt(reference) !== 0n)
        found.push({ path: here, swarmReference: reference, metadata: named.metadata ?? {} })
      walk(child, here)
    }
  }
  walk(load(hexToBytes(swarmReference)), '')
  return found
}

const path = fc.oneof(
  fc.nat(50).map(blobPath),
  fc.string({ unit: fc.constantFrom('a', 'b', '/', 'é'), minLength: 1, maxLength: 40 }),
)

test('bee-js reads back whatever was written', async () => {
  await fc.assert(
    fc.asyncProperty(fc.uniqueArray(path, { maxLength: 40 }), async (paths) => {
      const entries = paths.map((path) => layoutEntry(path, keccak256(stringToBytes(path))))
      const found = await readBack(buildMantaray(entries, hash))
      const byPath = (one: MantarayEntry, other: MantarayEntry) => (one.path < other.path ? -1 : 1)
      expect(found.sort(byPath)).toEqual([...entries].sort(byPath))
    }),
    { seed: 8, numRuns: 40 },
  )
})

test('where bee-js writes as Bee does (no slashes, no metadata), it writes the same tree', async () => {
  const node = new MantarayNode()
  const names = ['a', 'ab', 'abc', 'b'.repeat(29), 'b'.repeat(28), 'c']
  const entries = names.map((path) => ({ path, swarmReference: keccak256(stringToBytes(path)) }))
  for (const { path, swarmReference } of entries) node.addFork(path, swarmReference.slice(2))
  expect(`0x${(await node.calculateSelfAddress()).toHex()}`).toBe(buildMantaray(entries, hash).swarmReference)
})

test('the nodes come children first, each once, each under its own reference', () => {
  const { swarmReference, nodes } = buildMantaray(filesOf(20, []), hash)
  expect(nodes.at(-1)?.swarmReference).toBe(swarmReference)
  const seen = new Set<string>()
  for (const { swarmReference, bytes } of nodes) {
    expect(naiveReference(bytes)).toBe(swarmReference)
    for (let at = 0; at < bytes.length - 31; at += 1) {
      const child = bytesToHex(bytes.subarray(at, at + 32))
      if (nodes.some((node) => node.swarmReference === child)) expect(seen).toContain(child)
    }
    seen.add(swarmReference)
  }
})

const reference = keccak256('0x')
const refused: readonly [rule: string, entries: readonly MantarayEntry[], message: RegExp][] = [
  ['an empty path', [{ path: '', swarmReference: reference }], /a path is empty/],
  [
    'a path twice',
    [
      { path: 'a', swarmReference: reference },
      { path: 'b', swarmReference: reference },
      { path: 'a', swarmReference: reference },
    ],
    /a stands twice/,
  ],
  [
    'an encrypted reference',
    [{ path: 'a', swarmReference: `${reference}${reference.slice(2)}` }],
    /64 bytes, wanted 32/,
  ],
  [
    'metadata of 64 KiB',
    [{ path: 'a', swarmReference: reference, metadata: { Filename: 'x'.repeat(65_600) } }],
    /over 64 KiB/,
  ],
]

test.each(refused)('mantaray: %s is refused', (_rule, entries, message) => {
  expect(buildMantaray([{ path: 'a', swarmReference: reference }], hash).nodes).toHaveLength(2)
  expect(() => buildMantaray(entries, hash)).toThrow(message)
})

test('image-spec 1.1: a layout has its marker, and an index that names each manifest with its tag', () => {
  const manifest = { digest: `sha256:${'ab'.repeat(32)}`, size: 7, mediaType: 'a/b', tag: '1.0' } as const
  const [index, marker] = layoutFiles([manifest])
  expect([index?.path, marker?.path]).toEqual(['index.json', 'oci-layout'])
  expect(new TextDecoder().decode(marker?.bytes)).toBe('{"imageLayoutVersion":"1.0.0"}')
  expect(JSON.parse(new TextDecoder().decode(index?.bytes))).toEqual({
    schemaVersion: 2,
    mediaType: 'application/vnd.oci.image.index.v1+json',
    manifests: [
      {
        ...{ mediaType: 'a/b', digest: manifest.digest, size: 7 },
        annotations: { 'org.opencontainers.image.ref.name': '1.0' },
      },
    ],
  })
  expect(layoutPath(manifest.digest)).toBe(`blobs/sha256/${'ab'.repeat(32)}`)
  expect(layoutPath(`sha512:${'cd'.repeat(64)}`)).toBe(`blobs/sha512/${'cd'.repeat(64)}`)
})
