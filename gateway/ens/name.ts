import { type Hex, keccak256 } from 'viem'
import { OciError } from '../oci/error.ts'
import { Refusal } from '../tags/refusal.ts'
import { bytesOfHex, digitsOf, isWholeHex } from './hex.ts'

/**
 * A repository name of the registry API and the ENS name behind it (protocol 1): `acme.eth/web` is `web.acme.eth`.
 * The ENS name is the key everywhere behind the parser; `repository` stays as it was written.
 */
export type RepositoryName = { repository: string; ensName: string }

/** A DNS-encoded name, taken apart. `labels` from the deepest to the top-level domain; the root has none. */
export type DecodedName = { labels: readonly string[]; ensName: string; node: Hex }

const maxLabels = 10
const maxLabelBytes = 63
const maxNameBytes = 253

/**
 * What is left of a label when the OCI grammar and ENSIP-15 both hold: ENSIP-15 allows `_` only in front, where OCI does not,
 * and no `--` at the third and fourth place.
 */
const labelPattern = /^(?!..--)[a-z0-9]+(?:-+[a-z0-9]+)*$/

/**
 * Parses the `<name>` of a registry path; with `ns` (containerd and Docker 28+ send `?ns=`) the first component is `ns` where the
 * path does not already begin with it. Never repairs.
 * @throws OciError NAME_INVALID saying which rule is broken; NAME_UNKNOWN when `ns` is another registry, so that clients of a
 * mirror go on to it
 */
export function parseRepository(path: string, ns?: string): RepositoryName {
  if (ns !== undefined && !isEnsName(ns)) {
    throw new OciError('NAME_UNKNOWN', `ns ${quote(ns)} is not an ENS name: its images are not here`)
  }
  const repository = ns === undefined || path === ns || path.startsWith(`${ns}/`) ? path : `${ns}/${path}`
  const [first = '', ...components] = repository.split('/')
  if (!first.includes('.')) refuseName(repository, `first component ${quote(first)} is not an ENS name: it has no dot`)
  const dotted = components.find((component) => component.includes('.'))
  if (dotted !== undefined) refuseName(repository, `component ${quote(dotted)} has a dot: it is one label`)
  const labels = [...components.reverse(), ...first.split('.')]
  const broken = brokenRule(labels)
  if (broken !== undefined) refuseName(repository, broken)
  return { repository, ensName: labels.join('.') }
}

/** The repository form of an ENS name: `web.acme.eth` is `acme.eth/web`. @throws OciError NAME_INVALID */
export function repositoryOf(ensName: string): string {
  const labels = ensName.split('.')
  const broken = brokenRule(labels)
  if (broken !== undefined) refuseName(ensName, broken)
  return [labels.slice(-2).join('.'), ...labels.slice(0, -2).reverse()].join('/')
}

/** Reads NAME of the command line, `web.acme.eth` or `acme.eth/web`. @throws OciError NAME_INVALID */
export function parseNameArgument(text: string): RepositoryName {
  return text.includes('/') ? parseRepository(text) : { repository: repositoryOf(text), ensName: text }
}

/** Whether decoded labels are a repository's (the grammar of protocol 1). @throws Refusal InvalidName when not */
export function checkRepositoryLabels(labels: readonly string[]): void {
  const broken = brokenRule(labels)
  if (broken !== undefined) throw new Refusal('InvalidName', `name ${quote(labels.join('.'))}: ${broken}`)
}

function isEnsName(text: string): boolean {
  return brokenRule(text.split('.')) === undefined
}

/** The first rule of protocol 1 that the labels break, in words; undefined for a repository's name. */
function brokenRule(labels: readonly string[]): string | undefined {
  if (labels.length < 2) return 'it has fewer than two labels'
  if (labels.length > maxLabels) return `it has ${labels.length} labels, more than ${maxLabels}`
  for (const label of labels) {
    if (label === '') return 'a label is empty'
    if (label.length > maxLabelBytes) return `label ${quote(label)} is longer than ${maxLabelBytes} bytes`
    if (!labelPattern.test(label)) {
      return `label ${quote(label)} is not lower-case letters and digits with single hyphens between (OCI <name>, ENSIP-15)`
    }
  }
  const length = labels.join('.').length
  return length > maxNameBytes ? `it is ${length} bytes long, more than ${maxNameBytes}` : undefined
}

function refuseName(name: string, broken: string): never {
  throw new OciError('NAME_INVALID', `repository name ${quote(name)}: ${broken}`)
}

function quote(text: string): string {
  return JSON.stringify(text.length > 80 ? `${text.slice(0, 80)}...` : text)
}

/** DNS wire form with the final zero byte. @throws Refusal InvalidName */
export function encodeDnsName(ensName: string): Hex {
  let wire = ''
  for (const label of labelsOf(ensName)) wire += digitsOf(new Uint8Array([label.length])) + digitsOf(label)
  return `0x${wire}00`
}

/**
 * ENS namehash of a dotted name (ERC-137); the empty name is the root. A label that has no text stands as its hash in square brackets,
 * as `decodeDnsName` gives it. @throws Refusal InvalidName
 */
export function nodeOf(ensName: string): Hex {
  if (!ensName.includes('[')) return nodeOfHashes(labelsOf(ensName).map(hashOf))
  const hashes = ensName.split('.').map((label) => bracketedHash(label) ?? labelsOf(label).map(hashOf))
  return nodeOfHashes(hashes.flat())
}

const utf8 = new TextEncoder()
const strictUtf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

function labelsOf(ensName: string): Uint8Array[] {
  if (ensName === '') return []
  const labels = ensName.split('.').map((label) => utf8.encode(label))
  for (const label of labels) {
    if (label.length < 1 || label.length > maxLabelBytes) refuseWire(`label of ${label.length} bytes`)
  }
  if (labels.reduce((bytes, label) => bytes + label.length + 1, 0) > maxNameBytes + 1)
    refuseWire('longer than 253 bytes')
  return labels
}

function hashOf(label: Uint8Array): Uint8Array {
  return keccak256(label, 'bytes')
}

/** The hash that stands for a label without text. It is longer than a label may be, so no label looks like it. */
function bracketedHash(label: string): Uint8Array | undefined {
  const digits = /^\[([0-9a-f]{64})\]$/.exec(label)?.[1]
  return digits === undefined ? undefined : bytesOfHex(`0x${digits}`)
}

function nodeOfHashes(labelHashes: readonly Uint8Array[]): Hex {
  const pair = new Uint8Array(64)
  for (const hash of labelHashes.toReversed()) {
    pair.set(hash, 32)
    pair.set(keccak256(pair, 'bytes'), 0)
  }
  return `0x${digitsOf(pair.subarray(0, 32))}`
}

/**
 * Reads a DNS wire name whole; each label is checked by itself: a dot, a NUL or a compression pointer inside one is refused, and so
 * are trailing bytes. Bytes outside ASCII are legal here (a Unicode name keeps its other records); a label that is not UTF-8 is given
 * as its hash in square brackets, since it has no text.
 * @throws Refusal InvalidName
 */
export function decodeDnsName(wire: Hex): DecodedName {
  if (!isWholeHex(wire) || wire.length > 2 + 2 * (maxNameBytes + 2)) refuseWire('not hex of at most 255 bytes')
  return decodeDnsBytes(bytesOfHex(wire))
}

/** As `decodeDnsName`, from bytes. @throws Refusal InvalidName */
export function decodeDnsBytes(wire: Uint8Array): DecodedName {
  if (wire.length > maxNameBytes + 2) refuseWire('longer than 255 bytes')
  const labels: Uint8Array[] = []
  let at = 0
  for (let length = wire[at]; length !== 0; length = wire[at]) {
    if (length === undefined) refuseWire('no final zero byte')
    if (length > maxLabelBytes) refuseWire(`label length ${length} is over ${maxLabelBytes}`)
    const label = wire.subarray(at + 1, at + 1 + length)
    if (label.length < length) refuseWire('a label goes past the end')
    if (label.includes(0x2e) || label.includes(0)) refuseWire('a dot or a NUL inside a label')
    labels.push(label)
    at += 1 + length
  }
  if (at + 1 !== wire.length) refuseWire('bytes after the final zero byte')
  const texts = labels.map(textOf)
  return { labels: texts, ensName: texts.join('.'), node: nodeOfHashes(labels.map(hashOf)) }
}

function textOf(label: Uint8Array): string {
  try {
    return strictUtf8.decode(label)
  } catch {
    return `[${digitsOf(hashOf(label))}]`
  }
}

function refuseWire(broken: string): never {
  throw new Refusal('InvalidName', `DNS-encoded name: ${broken}`)
}
