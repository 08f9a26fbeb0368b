import { bytesToHex, concat, type Hex, hexToBytes } from 'viem'
import { uintBytes } from './cursor.ts'
import type { SwarmHash } from './hash.ts'

/** What a mantaray has at one path. `metadata` is what Bee answers from: "Content-Type", "Filename". */
export type MantarayEntry = {
  /** Without leading slash, such as `blobs/sha256/00ab...`. */
  path: string
  /** 32 bytes. */
  swarmReference: Hex
  metadata?: Readonly<Record<string, string>>
}

/** A file tree on Swarm: `/bzz/<swarmReference>/<path>` on any Bee node, once all nodes are stored there. */
export type Mantaray = {
  swarmReference: Hex
  /** Every node, children before parents; each is content of its own (the root is the last). */
  nodes: readonly { swarmReference: Hex; bytes: Uint8Array }[]
}

/** One node of the trie while it is built. */
type Node = {
  entry: Uint8Array
  metadata: Readonly<Record<string, string>> | undefined
  /** Has an entry of its own. */
  isValue: boolean
  /** Bee's mark of a path with a slash behind its first byte. */
  hasSeparator: boolean
  /** By the first byte of their prefixes. */
  forks: Map<number, Fork>
}
type Fork = { prefix: Uint8Array; node: Node }

const MAX_PREFIX_BYTES = 30
const REFERENCE_BYTES = 32
/** The first 31 bytes of keccak256("mantaray:0.2"). */
const VERSION = hexToBytes('0x5768b3b6a7db56d21d1abff40d41cebfc83448fed8d7e9b06ec0d3b073f28f')
/** Content is not encrypted, and neither is its tree: the key that nodes are obfuscated with is zero. */
const NO_OBFUSCATION = new Uint8Array(32)
const SEPARATOR = '/'.charCodeAt(0)
const FLAG_VALUE = 2
const FLAG_EDGE = 4
const FLAG_SEPARATOR = 8
const FLAG_METADATA = 16
const MAX_METADATA_BYTES = 0xffff

/**
 * The tree over entries, byte for byte the one that a Bee node makes of the same files in ascending order of their paths (mantaray 0.2).
 * Paths are sorted here. @throws Error for a path that is empty or stands twice, a reference that is not 32 bytes, metadata over 64 KiB
 */
export function buildMantaray(entries: readonly MantarayEntry[], hash: SwarmHash): Mantaray {
  const root = createNode()
  const encoder = new TextEncoder()
  const inOrder = entries.map((entry) => ({ ...entry, bytes: encoder.encode(entry.path) }))
  inOrder.sort((one, other) => compareBytes(one.bytes, other.bytes))
  for (const [at, { path, bytes, swarmReference, metadata }] of inOrder.entries()) {
    const reference = hexToBytes(swarmReference)
    if (bytes.byteLength === 0) throw new Error('mantaray: a path is empty')
    if (inOrder[at - 1]?.path === path) throw new Error(`mantaray: ${path} stands twice`)
    if (reference.byteLength !== REFERENCE_BYTES) {
      throw new Error(`mantaray: ${path} has a reference of ${reference.byteLength} bytes, wanted ${REFERENCE_BYTES}`)
    }
    add(root, bytes, reference, metadata)
  }
  const nodes: { swarmReference: Hex; bytes: Uint8Array }[] = []
  const store = (node: Node): Uint8Array => {
    const bytes = encodeNode(node, store)
    const hasher = hash.createHasher()
    hasher.update(bytes)
    const swarmReference = hasher.digest()
    nodes.push({ swarmReference, bytes })
    return hexToBytes(swarmReference)
  }
  return { swarmReference: bytesToHex(store(root)), nodes }
}

function createNode(): Node {
  return {
    entry: new Uint8Array(REFERENCE_BYTES),
    metadata: undefined,
    isValue: false,
    hasSeparator: false,
    forks: new Map(),
  }
}

function compareBytes(one: Uint8Array, other: Uint8Array): number {
  const common = commonLength(one, other)
  return (one[common] ?? -1) - (other[common] ?? -1)
}

function commonLength(one: Uint8Array, other: Uint8Array): number {
  let at = 0
  while (at < one.byteLength && at < other.byteLength && one[at] === other[at]) at += 1
  return at
}

function add(node: Node, path: Uint8Array, entry: Uint8Array, metadata: Node['metadata']): void {
  const [first] = path
  if (first === undefined) {
    node.entry = entry
    node.metadata = metadata
    node.isValue = true
    return
  }
  const fork = node.forks.get(first)
  const next = fork === undefined ? cutPath(path) : joinPath(fork, path)
  node.forks.set(first, next)
  add(next.node, path.subarray(next.prefix.byteLength), entry, metadata)
}

/** A new fork for a path of which nothing is there: as much of it as a prefix can hold. */
function cutPath(path: Uint8Array): Fork {
  const prefix = path.subarray(0, MAX_PREFIX_BYTES)
  return { prefix, node: { ...createNode(), hasSeparator: hasSeparator(prefix) } }
}

/** The fork that shares a beginning with `path`, cut where they part. Bee marks the node there by all that follows, not by its prefix alone. */
function joinPath(fork: Fork, path: Uint8Array): Fork {
  const length = commonLength(fork.prefix, path)
  const rest = fork.prefix.subarray(length)
  let { node } = fork
  if (rest.byteLength > 0) {
    fork.node.hasSeparator = hasSeparator(rest)
    node = { ...createNode(), forks: new Map([[rest[0]!, { prefix: rest, node: fork.node }]]) }
  }
  node.hasSeparator = hasSeparator(path)
  return { prefix: fork.prefix.subarray(0, length), node }
}

/** A separator that a path begins with does not count. */
function hasSeparator(path: Uint8Array): boolean {
  return path.indexOf(SEPARATOR) > 0
}

/** key (32) | version (31) | u8 length of a reference | entry | 256 bits, one for each fork by its first byte | forks ascending */
function encodeNode(node: Node, store: (child: Node) => Uint8Array): Uint8Array {
  const forks = [...node.forks].sort(([one], [other]) => one - other)
  const present = new Uint8Array(32)
  for (const [first] of forks) present[first >> 3]! |= 1 << (first & 7)
  const head = [NO_OBFUSCATION, VERSION, uintBytes(REFERENCE_BYTES, 1), node.entry, present]
  return concat([...head, ...forks.flatMap(([, fork]) => encodeFork(fork, store(fork.node)))])
}

/** u8 flags | u8 prefix length | prefix, filled up to 30 bytes | reference | metadata where there is some */
function encodeFork({ prefix, node }: Fork, reference: Uint8Array): readonly Uint8Array[] {
  const filling = new Uint8Array(MAX_PREFIX_BYTES - prefix.byteLength)
  const head = [uintBytes(flagsOf(node), 1), uintBytes(prefix.byteLength, 1), prefix, filling, reference]
  return node.metadata === undefined ? head : [...head, encodeMetadata(node.metadata)]
}

function flagsOf({ isValue, forks, hasSeparator, metadata }: Node): number {
  const flags: readonly [boolean, number][] = [
    [isValue, FLAG_VALUE],
    [forks.size > 0, FLAG_EDGE],
    [hasSeparator, FLAG_SEPARATOR],
    [metadata !== undefined, FLAG_METADATA],
  ]
  return flags.reduce((sum, [holds, flag]) => sum + (holds ? flag : 0), 0)
}

/**
 * u16 length | JSON, line feeds up to whole 32 bytes, length included. Where it is more than 32 bytes and whole already, Bee adds 32 more.
 */
function encodeMetadata(metadata: Readonly<Record<string, string>>): Uint8Array {
  const json = new TextEncoder().encode(renderMetadata(metadata))
  const used = 2 + json.byteLength
  const filling = used === 32 ? 0 : 32 - (used % 32)
  if (json.byteLength + filling > MAX_METADATA_BYTES) throw new Error('mantaray: metadata of one path is over 64 KiB')
  return concat([uintBytes(json.byteLength + filling, 2), json, new Uint8Array(filling).fill(0x0a)])
}

/** As Go writes a map: keys sorted, and what HTML could take for a tag escaped. */
function renderMetadata(metadata: Readonly<Record<string, string>>): string {
  const sorted = Object.entries(metadata).sort(([one], [other]) => (one < other ? -1 : 1))
  const escaped = (character: string) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`
  return JSON.stringify(Object.fromEntries(sorted)).replaceAll(/[<>&\u2028\u2029]/g, escaped)
}
