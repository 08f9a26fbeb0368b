import type { Hex } from 'viem'
import { expect } from 'vitest'
import { encodeGetter, encodeLookup, encodeTagLookup } from '../../gateway/ens/lookup.ts'
import { testNames, testTime } from '../fixtures.ts'
import { author, changesUpload, wholeUpload } from '../publish/author.ts'
import { put } from '../publish/client.ts'
import { entryOf } from '../publish/repository.ts'
import type { OpenRegistry, Registry } from '../registry/client.ts'
import { ask, lookupPath, responseOf } from './client.ts'

/** A relay gateway with a list of 300 tags at version 2, made by the same keys at the same time wherever it runs. */
export async function openKnownList(open: OpenRegistry): Promise<Registry> {
  const registry = await open({ signerKey: null, names: testNames })
  const tags = Array.from({ length: 299 }, (_, number) => ({ tag: `v${number}`, entry: entryOf(number) }))
  const first = await author(undefined, tags)
  expect((await put(registry, await wholeUpload(first))).status).toBe(201)
  const second = await author(first, [{ tag: 'latest', entry: entryOf(1000) }], { issuedAt: testTime + 1n })
  expect((await put(registry, await changesUpload(second))).status).toBe(201)
  return registry
}

const many = Array.from({ length: 32 }, (_, number) => encodeGetter('acme.eth', `oci-tag[v${number * 7}]`, 'data'))

/** What is asked of it, by what it asks. */
export const knownCalls: readonly (readonly [what: string, callData: Hex])[] = [
  ['text of a present tag', encodeTagLookup('acme.eth', 'latest', 'text')],
  ['data of a present tag', encodeTagLookup('acme.eth', 'v17', 'data')],
  ['a tag before all others', encodeTagLookup('acme.eth', 'Zero', 'text')],
  ['a tag after all others', encodeTagLookup('acme.eth', 'w', 'data')],
  ['a tag between', encodeTagLookup('acme.eth', 'v0.1', 'text')],
  ['the version', encodeLookup('acme.eth', [encodeGetter('acme.eth', 'oci-version', 'text')])],
  ['no record of ours', encodeLookup('acme.eth', [encodeGetter('acme.eth', 'avatar', 'text')])],
  ['32 tags in one multicall', encodeLookup('acme.eth', many)],
]

/** The bodies of the answers, in the order of `knownCalls`. */
export async function knownBodies(registry: Registry): Promise<string[]> {
  const bodies: string[] = []
  for (const [, callData] of knownCalls) {
    const answer = await ask(registry, lookupPath(callData))
    responseOf(answer)
    bodies.push(answer.text)
  }
  return bodies
}
