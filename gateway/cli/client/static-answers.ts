import { createHash } from 'node:crypto'
import type { Address, Hex } from 'viem'
import { encodeGetter, encodeLookup, gatewayUrlTemplates, isGetCallData, prepareResponse } from '../../ens/lookup.ts'
import { encodeTagKey } from '../../tags/entry.ts'
import type { ListDomain } from '../../tags/list.ts'
import { createMemoryTree, type Proof, proveKey } from '../../tags/tree.ts'
import type { WholeList } from './read-list.ts'

/** What a static gateway answers: bodies by file name, and which of them each path of the GET template gets. */
export type StaticAnswers = {
  /** `<32 hex digits>.json`, from the bytes, so that equal answers are one file. */
  bodies: ReadonlyMap<string, string>
  /** `ccip/<chainId>/<resolver>/<sender>/<data>.json`, without a leading slash, and the body's file name. */
  paths: ReadonlyMap<string, string>
}

/** What is asked: every tag of the list, these tags besides (absent ones too), by each of these senders. */
export type StaticQuestion = { domain: ListDomain; senders: readonly Address[]; tags: readonly string[] }

/**
 * The answers to every lookup that a client makes of a name one record at a time (protocol 4): `oci-tag[...]` of each tag as text and as
 * data, `oci-version`, `oci-root` and `oci-registry`. Lookups of several records at once are not among them: there is no end of those.
 */
export async function answerStatically(
  list: WholeList,
  { domain, senders, tags }: StaticQuestion,
): Promise<StaticAnswers> {
  const { name } = list.signed.list
  const encode = prepareResponse(list.signed)
  const bodies = new Map<string, string>()
  const paths = new Map<string, string>()
  const add = (key: string, getter: 'text' | 'data', proofs: readonly Proof[]) => {
    const body = `{"data":"${encode(proofs)}"}`
    const file = `${createHash('sha256').update(body).digest('hex').slice(0, 32)}.json`
    bodies.set(file, body)
    const callData = encodeLookup(name, [encodeGetter(name, key, getter)])
    for (const sender of senders) paths.set(lookupPath(domain, sender, callData), file)
  }
  for (const key of ['oci-version', 'oci-root', 'oci-registry']) add(key, 'text', [])
  const tree = createMemoryTree(list.slots)
  for (const tag of new Set([...list.entries.keys(), ...tags])) {
    const proof = await proveKey(tree, encodeTagKey(tag))
    for (const getter of ['text', 'data'] as const) add(`oci-tag[${tag}]`, getter, [proof])
  }
  return { bodies, paths }
}

/** The path that the GET template has for a lookup, as clients fill it in: sender and data in lower case. */
function lookupPath({ chainId, resolver }: ListDomain, sender: Address, callData: Hex): string {
  if (!isGetCallData(callData)) throw new Error(`a lookup of one record has ${(callData.length - 2) / 2} bytes`)
  const { get } = gatewayUrlTemplates('', chainId, resolver)
  return get.slice(1).replace('{sender}', sender.toLowerCase()).replace('{data}', callData)
}
