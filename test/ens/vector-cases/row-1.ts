import { concat, type Hex, size, slice, stringToHex } from 'viem'
import { type Case, refuse } from './cases.ts'
import { proofAt } from './merkle.ts'
import { type Call, dataOf, encodeInner, encodeMulticall, namehash, textOf, wireOf } from './request.ts'
import type { Scenario } from './scenario.ts'

/** Row 1: name well-formed, its namehash the node of every inner call, tag grammar. */
export async function rowOne(): Promise<Case[]> {
  const cases = await Promise.all([...labels(), ...wires(), ...nodes(), ...keys()])
  return cases.flat()
}

const a63 = 'a'.repeat(63)

/** Names by their labels; each with the accepted name next to it. */
function labels() {
  const names: [string, string[], string[]][] = [
    ['one label only', ['eth'], ['acme', 'eth']],
    ['eleven labels', [...'abcdefghi', 'acme', 'eth'], [...'abcdefgh', 'acme', 'eth']],
    ['label of 64 bytes', ['a'.repeat(64), 'acme', 'eth'], [a63, 'acme', 'eth']],
    ['second-level label of 64 bytes', ['b'.repeat(64), 'eth'], ['b'.repeat(63), 'eth']],
    [
      'name of 254 bytes',
      [a63, a63, a63, 'a'.repeat(53), 'acme', 'eth'],
      [a63, a63, a63, 'a'.repeat(52), 'acme', 'eth'],
    ],
    ['upper-case label', ['Web', 'acme', 'eth'], ['web', 'acme', 'eth']],
    ['upper-case second-level label', ['ACME', 'eth'], ['acme', 'eth']],
    ['upper-case top-level label', ['acme', 'ETH'], ['acme', 'eth']],
    ['underscore inside a label', ['my_app', 'acme', 'eth'], ['my-app', 'acme', 'eth']],
    ['underscore in front of a label', ['_app', 'acme', 'eth'], ['app', 'acme', 'eth']],
    ['underscore behind a label', ['app_', 'acme', 'eth'], ['app', 'acme', 'eth']],
    ['hyphens at the third and fourth place', ['ab--cd', 'acme', 'eth'], ['a--bcd', 'acme', 'eth']],
    ['three hyphens over the third and fourth place', ['a---b', 'acme', 'eth'], ['a--b', 'acme', 'eth']],
    ['punycode label', ['xn--caf-dma', 'acme', 'eth'], ['xn-caf-dma', 'acme', 'eth']],
    ['hyphen in front of a label', ['-app', 'acme', 'eth'], ['a-pp', 'acme', 'eth']],
    ['hyphen behind a label', ['app-', 'acme', 'eth'], ['ap-p', 'acme', 'eth']],
    ['label of one hyphen', ['-', 'acme', 'eth'], ['0', 'acme', 'eth']],
    ['dot inside one label', ['web.acme', 'eth'], ['web', 'acme', 'eth']],
    ['label of one dot', ['.', 'acme', 'eth'], ['a', 'acme', 'eth']],
    ['zero byte inside a label', ['we\0b', 'acme', 'eth'], ['we0b', 'acme', 'eth']],
    ['space inside a label', ['my app', 'acme', 'eth'], ['myapp', 'acme', 'eth']],
    ['slash inside a label', ['my/app', 'acme', 'eth'], ['my', 'app', 'acme', 'eth']],
    ['dollar sign in a label', ['$app', 'acme', 'eth'], ['4app', 'acme', 'eth']],
    ['apostrophe in a label', ["o'app", 'acme', 'eth'], ['o-app', 'acme', 'eth']],
    ['delete character in a label', ['app\x7f', 'acme', 'eth'], ['app7', 'acme', 'eth']],
    ['bytes outside ASCII in a label', ['caf\u00e9', 'acme', 'eth'], ['cafe', 'acme', 'eth']],
    ['bytes outside ASCII in the top-level label', ['acme', '\u00e9th'], ['acme', 'eth']],
    ['upper-case letter behind 32 bytes', [`${'a'.repeat(36)}B`, 'acme', 'eth'], [`${'a'.repeat(36)}b`, 'acme', 'eth']],
    ['brackets in a label', ['[app]', 'acme', 'eth'], ['app', 'acme', 'eth']],
  ]
  return names.map(([name, faulty, twin]) => refuse(1, 'InvalidName', name, { labels: faulty }, { labels: twin }))
}

/** Names by their bytes on the wire; the node is that of the twin. */
function wires() {
  const good = wireOf(['acme', 'eth'])
  const wires: [string, Hex][] = [
    ['bytes behind the end of the name', concat([good, '0x00'])],
    ['a whole label behind the end of the name', concat([good, stringToHex('\x03com\0')])],
    ['name without its final zero byte', slice(good, 0, size(good) - 1)],
    ['label that goes past the end of the name', concat([slice(good, 0, 5), '0x09', stringToHex('eth'), '0x00'])],
    ['compression pointer', concat([slice(good, 0, 5), '0xc000'])],
    ['empty name without a zero byte', '0x'],
    ['text instead of the wire form', stringToHex('acme.eth')],
  ]
  const root: Scenario = { labels: [] }
  const noTag: Scenario = { calls: [textOf('oci-version')] }
  return [
    ...wires.map(([name, wire]) => refuse(1, 'InvalidName', name, { wire })),
    refuse(1, 'InvalidName', 'root name', root),
    refuse(1, 'InvalidName', 'dot inside one label, asked no tag', { labels: ['web.acme', 'eth'], ...noTag }, noTag),
    refuse(1, 'InvalidName', 'zero byte inside a label, asked no tag', { labels: ['ac\0me', 'eth'], ...noTag }, noTag),
  ]
}

function nodes() {
  const other = namehash(['web', 'acme', 'eth'])
  const at = (call: Call, node: Hex): Call => ({ ...call, node })
  const v1 = textOf('oci-tag[v1]')
  const version = textOf('oci-version')
  const cases: [string, Call[], Call[]][] = [
    ['text call for the node of a subname', [at(v1, other)], [v1]],
    ['text call for the node of the parent', [at(v1, namehash(['eth']))], [v1]],
    ['text call for the zero node', [at(v1, namehash([]))], [v1]],
    ['data call for another node', [at(dataOf('v1'), other)], [dataOf('v1')]],
    ['call of oci-version for another node', [at(version, other)], [version]],
    ['call of oci-root for another node', [at(textOf('oci-root'), other)], [textOf('oci-root')]],
    ['first call of a multicall for another node', [at(v1, other), v1], [v1, v1]],
    ['third call of a multicall for another node', [v1, version, at(v1, other)], [v1, version, v1]],
    ['last record of a multicall for another node', [v1, at(version, other)], [v1, version]],
    ['node differs in its last bit', [at(v1, lastBitFlipped(namehash(['acme', 'eth'])))], [v1]],
  ]
  const cut = { calls: [version], request: () => encodeInner(['acme', 'eth'], '0x3b3b57de') }
  const addr = concat(['0x3b3b57de', namehash(['acme', 'eth'])])
  const cutSecond = {
    calls: [version],
    request: () => encodeInner(['acme', 'eth'], encodeMulticall([addr, '0x3b3b57de'])),
  }
  return [
    ...cases.map(([name, faulty, twin]) => refuse(1, 'NodeMismatch', name, { calls: faulty }, { calls: twin })),
    refuse(1, 'NodeMismatch', 'call of a selector alone', cut, { calls: [version] }),
    refuse(1, 'NodeMismatch', 'second call of a multicall is a selector alone', cutSecond, { calls: [version] }),
  ]
}

function lastBitFlipped(node: Hex): Hex {
  return `${slice(node, 0, 31)}${(Number(slice(node, 31)) ^ 1).toString(16).padStart(2, '0')}`
}

function keys() {
  const t127 = 't'.repeat(127)
  const keys: [string, string, string][] = [
    ['no final bracket', 'oci-tag[v1', 'oci-tag[v1]'],
    ['nothing behind the bracket', 'oci-tag[', 'oci-tag[v]'],
    ['empty tag', 'oci-tag[]', 'oci-tag[_]'],
    ['bytes behind the final bracket', 'oci-tag[v1]x', 'oci-tag[v1x]'],
    ['space behind the final bracket', 'oci-tag[v1] ', 'oci-tag[v1]'],
    ['two brackets', 'oci-tag[v1][v2]', 'oci-tag[v1]'],
    ['bracket inside a tag', 'oci-tag[a]b]', 'oci-tag[a-b]'],
    ['tag of 129 characters', `oci-tag[${t127}tt]`, `oci-tag[${t127}t]`],
    ['tag that begins with a dot', 'oci-tag[.v1]', 'oci-tag[v.1]'],
    ['tag that begins with a hyphen', 'oci-tag[-v1]', 'oci-tag[v-1]'],
    ['tag with a slash', 'oci-tag[a/b]', 'oci-tag[a_b]'],
    ['tag with a colon', 'oci-tag[a:b]', 'oci-tag[a.b]'],
    ['tag with an at sign', 'oci-tag[a@b]', 'oci-tag[a0b]'],
    ['tag with a plus sign', 'oci-tag[1.0+x]', 'oci-tag[1.0-x]'],
    ['tag with a space', 'oci-tag[a b]', 'oci-tag[ab]'],
    ['tag with a zero byte', 'oci-tag[a\0b]', 'oci-tag[a0b]'],
    ['tag with a line break behind it', 'oci-tag[v1\n]', 'oci-tag[v1]'],
    ['tag outside ASCII', 'oci-tag[caf\u00e9]', 'oci-tag[cafe]'],
    ['tag with a slash behind 32 characters', `oci-tag[${'t'.repeat(36)}/v1]`, `oci-tag[${'t'.repeat(36)}_v1]`],
    ['tag that is a digest', `oci-tag[sha256:${'0'.repeat(64)}]`, `oci-tag[sha256_${'0'.repeat(64)}]`],
  ]
  const withProof = (calls: Call[]): Scenario => ({ calls, proofs: (_, slots) => calls.map(() => proofAt(slots, 0)) })
  const byText = keys.map(([name, key, twin]) =>
    refuse(1, 'InvalidTag', name, withProof([textOf(key)]), { calls: [textOf(twin)] }),
  )
  const data = (key: string): Call => ({ getter: 'data', key })
  const byData = keys
    .slice(0, 8)
    .map(([name, key, twin]) =>
      refuse(1, 'InvalidTag', `${name}, asked by data`, withProof([data(key)]), { calls: [data(twin)] }),
    )
  const mixed = refuse(
    1,
    'InvalidTag',
    'second call of a multicall asks no tag',
    withProof([textOf('oci-tag[v1]'), textOf('oci-tag[v 2]')]),
    { calls: ['v1', 'v2'] },
  )
  return [...byText, ...byData, mixed]
}
