import { concat, encodeFunctionData, type Hex, keccak256, numberToHex, parseAbi, size, stringToHex } from 'viem'

/** One getter call of a request; `node` where it is not that of the name. */
export type Call = { getter: 'text' | 'data'; key: string; node?: Hex }

const abi = parseAbi([
  'function resolve(bytes name, bytes callData)',
  'function multicall(bytes[] calls)',
  'function text(bytes32 node, string key)',
  'function data(bytes32 node, string key)',
])

/** A bare word asks a tag by text. */
export function callsFor(calls: readonly (string | Call)[]): Call[] {
  return calls.map((call) => (typeof call === 'string' ? textOf(`oci-tag[${call}]`) : call))
}

export function textOf(key: string): Call {
  return { getter: 'text', key }
}

export function dataOf(tag: string): Call {
  return { getter: 'data', key: `oci-tag[${tag}]` }
}

/** The tag that a call asks; a key cut short counts with what is left of it; undefined for other records. */
export function tagOf(call: Call): string | undefined {
  return /^oci-tag\[(.*?)\]?$/s.exec(call.key)?.[1]
}

export function namehash(labels: readonly string[]): Hex {
  const root: Hex = `0x${'00'.repeat(32)}`
  return labels.reduceRight<Hex>((node, label) => keccak256(concat([node, keccak256(stringToHex(label))])), root)
}

export function wireOf(labels: readonly string[]): Hex {
  const parts = labels.flatMap((label) => {
    const bytes = stringToHex(label)
    return [numberToHex(size(bytes), { size: 1 }), bytes]
  })
  return concat([...parts, '0x00'])
}

/** A multicall when asked for: several calls always are one. */
export function encodeRequest(labels: readonly string[], calls: readonly Call[], multicall: boolean, wire?: Hex): Hex {
  const node = namehash(labels)
  const encoded = calls.map((call) =>
    encodeFunctionData({ abi, functionName: call.getter, args: [call.node ?? node, call.key] }),
  )
  return encodeInner(labels, multicall ? encodeMulticall(encoded) : (encoded[0] as Hex), wire)
}

export function encodeMulticall(calls: readonly Hex[]): Hex {
  return encodeFunctionData({ abi, functionName: 'multicall', args: [calls] })
}

/** A request around any bytes. */
export function encodeInner(labels: readonly string[], inner: Hex, wire = wireOf(labels)): Hex {
  return encodeFunctionData({ abi, functionName: 'resolve', args: [wire, inner] })
}
