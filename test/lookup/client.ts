import { type Address, concat, encodeAbiParameters, type Hex } from 'viem'
import { expect } from 'vitest'
import { encodeTagLookup } from '../../gateway/ens/lookup.ts'
import { encodeDnsName } from '../../gateway/ens/name.ts'
import { type VerifiedLookup, verifyLookup } from '../../gateway/ens/verify.ts'
import { testDomain } from '../fixtures.ts'
import type { Registry } from '../registry/client.ts'

/** `{sender}` of a lookup through a Universal Resolver: any contract, not the resolver itself. */
export const otherSender: Address = `0x${'5e'.repeat(20)}`

export type LookupAnswer = { status: number; headers: Headers; text: string }

/** The path that the contract's URL template makes for a callData. */
export function lookupPath(callData: string, sender: Address = testDomain.resolver): string {
  return `/ccip/${testDomain.chainId}/${testDomain.resolver}/${sender}/${callData}.json`
}

/** Sends one request to the lookup endpoint and checks what holds for every answer there (protocol 4). */
export async function ask(registry: Registry, path: string, init: RequestInit = {}): Promise<LookupAnswer> {
  const response = await registry.fetch(new Request(`http://gateway.test${path}`, init))
  const { status, headers } = response
  const text = await response.text()
  expect(headers.get('access-control-allow-origin')).toBe('*')
  if (status !== 204) {
    expect(headers.get('content-type')).toBe('application/json')
    expect(headers.get('content-length')).toBe(String(new TextEncoder().encode(text).byteLength))
  }
  return { status, headers, text }
}

/** POST with the body that ERC-3668 clients send. */
export function post(registry: Registry, callData: Hex, sender: Address = testDomain.resolver): Promise<LookupAnswer> {
  const path = `/ccip/${testDomain.chainId}/${testDomain.resolver}/${sender}`
  const headers = { 'content-type': 'application/json' }
  return ask(registry, path, { method: 'POST', headers, body: JSON.stringify({ data: callData, sender }) })
}

/** The bytes of a good answer. */
export function responseOf(answer: LookupAnswer): Hex {
  expect([answer.status, answer.text]).toEqual([200, expect.stringMatching(/^\{"data":"0x[0-9a-f]+"\}$/)])
  return JSON.parse(answer.text).data
}

/** The message of an error with this status; ERC-3668 wants nothing else in the body. */
export function messageOf(answer: LookupAnswer, status: number): string {
  expect([answer.status, answer.text]).toEqual([status, expect.stringMatching(/^\{"message":"/)])
  const { message, ...rest } = JSON.parse(answer.text)
  expect(rest).toEqual({})
  return message
}

/** Asks with GET and runs the verifier's whole check order over the answer. */
export async function lookUp(registry: Registry, callData: Hex): Promise<VerifiedLookup> {
  const response = responseOf(await ask(registry, lookupPath(callData)))
  const { chain, clock } = registry.deps
  return verifyLookup({
    callData,
    response,
    readAuthority: (ensName) => chain.readAuthority(ensName),
    localTime: clock(),
    memory: null,
  })
}

/** The digest that a gateway proves for a tag, undefined for absent, and the list version it is from. */
export async function lookUpTag(registry: Registry, ensName: string, tag: string) {
  const { entries, signed } = await lookUp(registry, encodeTagLookup(ensName, tag, 'text'))
  return { digest: entries[0]?.digest, version: signed.list.version }
}

/** `resolve(name, data)` with a well-formed name around any inner call. */
export function resolveCall(ensName: string, inner: Hex): Hex {
  const args = encodeAbiParameters([{ type: 'bytes' }, { type: 'bytes' }], [encodeDnsName(ensName), inner])
  return concat(['0x9061b923', args])
}
