import { encodeFunctionData, type Hex, parseAbi } from 'viem'
import { wireOf } from '../ens/vector-cases/request.ts'
import type { Random } from './random.ts'
import { absentTag } from './tags.ts'
import type { ListTree } from './tree.ts'

/** One getter call inside a lookup; `tag` for the records that need a proof. */
export type FuzzCall = { callData: Hex; tag?: string }

const getters = parseAbi([
  'function text(bytes32 node, string key)',
  'function data(bytes32 node, string key)',
  'function addr(bytes32 node)',
  'function addr(bytes32 node, uint256 coinType)',
  'function contenthash(bytes32 node)',
])
const entry = parseAbi(['function resolve(bytes name, bytes callData)', 'function multicall(bytes[] calls)'])

/** `text` or `data` of a key. */
export function keyCall(node: Hex, getter: 'text' | 'data', key: string): Hex {
  return encodeFunctionData({ abi: getters, functionName: getter, args: [node, key] })
}

/** A call for one tag, by text or by data. */
export function tagCall(random: Random, node: Hex, tag: string): FuzzCall {
  return { callData: keyCall(node, random.chance(0.65) ? 'text' : 'data', `oci-tag[${tag}]`), tag }
}

/** A tag of the list whose entry is sound, or one that it does not hold. */
export function chooseTag(random: Random, { tags, broken }: ListTree): string {
  const sound = tags.filter((tag) => !broken.includes(tag))
  return sound.length > 0 && random.chance(0.65) ? random.pick(sound) : absentTag(random, tags)
}

/** Calls of one lookup: mostly one tag, else several records of every kind. */
export function randomCalls(random: Random, node: Hex, tree: ListTree): { calls: FuzzCall[]; multicall: boolean } {
  const multicall = random.chance(0.35)
  const single = () =>
    random.chance(0.85) ? tagCall(random, node, chooseTag(random, tree)) : { callData: listCall(random, node) }
  if (!multicall) return { calls: [single()], multicall }
  const count = random.chance(0.9) ? random.between(0, 6) : random.pick([16, 31, 32])
  const calls = Array.from({ length: count }, () =>
    random.chance(0.3) ? { callData: otherCall(random, node) } : single(),
  )
  return { calls, multicall }
}

/** Records that the header or the chain answers. */
function listCall(random: Random, node: Hex): Hex {
  return keyCall(node, 'text', random.pick(['oci-version', 'oci-root', 'oci-registry']))
}

/** Records that the fallback resolver answers, near misses of our keys among them. */
export function otherCall(random: Random, node: Hex): Hex {
  const calls: (() => Hex)[] = [
    () =>
      keyCall(
        node,
        'text',
        random.pick(['avatar', 'url', '', 'oci-tag', 'OCI-tag[v1]', 'oci-versions', ' oci-root', 'é']),
      ),
    () => keyCall(node, 'data', random.pick(['oci-version', 'oci-root', 'oci-registry', 'avatar'])),
    () => encodeFunctionData({ abi: getters, functionName: 'addr', args: [node] }),
    () => encodeFunctionData({ abi: getters, functionName: 'addr', args: [node, 60n] }),
    () => encodeFunctionData({ abi: getters, functionName: 'contenthash', args: [node] }),
    () => `0x${random.pick(['12345678', '00000000', 'ffffffff'])}${node.slice(2)}`,
  ]
  return random.pick(calls)()
}

/** The whole `resolve(bytes,bytes)` callData; `wire` where it is not that of the labels. */
export function encodeCalls(
  labels: readonly string[],
  calls: readonly FuzzCall[],
  multicall: boolean,
  wire?: Hex,
): Hex {
  const callDatas = calls.map(({ callData }) => callData)
  const inner = multicall
    ? encodeFunctionData({ abi: entry, functionName: 'multicall', args: [callDatas] })
    : (callDatas[0] as Hex)
  return encodeFunctionData({ abi: entry, functionName: 'resolve', args: [wire ?? wireOf(labels), inner] })
}
