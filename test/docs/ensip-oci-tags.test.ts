import { readFileSync } from 'node:fs'
import { type Address, decodeAbiParameters, encodeFunctionData, type Hex, isHex, numberToHex } from 'viem'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type DevChain, startDevChain } from '../../gateway/cli/dev-chain.ts'
import { ensRegistryAbi, mooringResolverAbi } from '../../gateway/ens/abi.ts'
import { encodeResponse } from '../../gateway/ens/lookup.ts'
import { nodeOf } from '../../gateway/ens/name.ts'
import { decodeResponse, type GatewayAnswer } from '../../gateway/ens/response.ts'
import { verifyLookup } from '../../gateway/ens/verify.ts'
import type { ListHeader } from '../../gateway/tags/list.ts'
import { Refusal } from '../../gateway/tags/refusal.ts'
import { ask, setCode } from '../chain/dev-calls.ts'
import { callbackCall, errorNameOf } from '../chain/judges.ts'
import { type FlatChain, readFlatAuthority } from '../flat-chain.ts'
import { computeExample, example } from './example.ts'
import { pageUrl, readPageNumbers } from './page.ts'
import { recomputeExample } from './second-implementation.ts'

const page = readPageNumbers()
/** Unix seconds at which the page looks at the chain. */
const lookedAt = 1_800_000_060
const { resolver } = example.domain

const flat: FlatChain = {
  ...{ chainId: example.domain.chainId, resolver, blockTime: lookedAt, wrapper: `0x${'99'.repeat(20)}` },
  owners: [{ name: 'acme.eth', owner: example.owner }],
  resolvers: [{ name: 'acme.eth', resolver }],
  ...{ wrapped: [], expiries: [], epochs: [], policies: [], floors: [], revoked: [], code: [] },
}

let dev: DevChain
beforeAll(async () => {
  dev = await startDevChain({ gatewayUrls: [], names: ['acme.eth'], publisher: example.owner })
  await setCode(dev, resolver, await ask<Hex>(dev.rpc, 'eth_getCode', [dev.addresses.resolver, 'latest']))
  const args = [nodeOf('acme.eth'), resolver] as const
  const data = encodeFunctionData({ abi: ensRegistryAbi, functionName: 'setResolver', args })
  await dev.send({ from: example.owner, to: dev.addresses.ensRegistry, data })
})
afterAll(() => dev.close())

function numberOf(name: string): Hex {
  const value = page.get(name)
  if (!isHex(value)) throw new Error(`${pageUrl.pathname} has no number named ${name}`)
  return value
}

test('the page: every number of the worked example is what the code computes, and none is left over', async () => {
  expect(page.size).toBeGreaterThan(30)
  expect(Object.fromEntries(page)).toEqual(Object.fromEntries(await computeExample()))
})

test('the page: a second implementation, made of a general library alone, computes the same numbers', async () => {
  expect(Object.fromEntries(await recomputeExample())).toEqual(Object.fromEntries(page))
})

/** What the contract's callback says at the page's time: the bytes that `resolve` returns, or the error's name. */
async function askContract(callData: Hex, response: Hex): Promise<string> {
  const at = { ...dev, addresses: { ...dev.addresses, resolver: resolver as Address } }
  const call = { to: resolver, data: callbackCall(at, callData, response) }
  const params = [call, 'latest', {}, { time: numberToHex(lookedAt) }]
  const body = JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'eth_call', params })
  const headers = { 'content-type': 'application/json' }
  const answer = await (await fetch(dev.rpc, { method: 'POST', headers, body })).json()
  const { result, error } = answer as { result?: Hex; error?: { message: string; data?: Hex } }
  if (result !== undefined) return decodeAbiParameters([{ type: 'bytes' }], result)[0]
  if (isHex(error?.data)) return errorNameOf(error.data)
  throw new Error(`eth_call: ${error?.message}`)
}

async function askVerifier(callData: Hex, response: Hex): Promise<string> {
  const readAuthority = (ensName: string) => readFlatAuthority(flat, ensName)
  const lookup = { callData, response, readAuthority, localTime: BigInt(lookedAt), memory: null }
  return verifyLookup(lookup).then(
    ({ result }) => result,
    (error: unknown) => (error instanceof Refusal ? error.reason : Promise.reject(error)),
  )
}

test('the page: contract and verifier accept both answers and give the results that stand there', async () => {
  for (const [callData, response, result] of [
    ['callData', 'response for latest', 'result of text'],
    ['callData for 2.0', 'response for 2.0', 'result for 2.0'],
  ].map((names) => names.map(numberOf)) as [Hex, Hex, Hex][]) {
    expect(await askContract(callData, response)).toBe(result)
    expect(await askVerifier(callData, response)).toBe(result)
  }
})

test('the page: the contract supports every interface that the page lists, and not the one that nobody may', async () => {
  const [, sentence = ''] = readFileSync(pageUrl, 'utf8').split('It supports the interfaces')
  const ids = [...(sentence.split('. ', 1)[0] ?? '').matchAll(/`(0x[0-9a-f]{8})`/g)].map(([, id]) => id as Hex)
  expect(ids).toHaveLength(10)
  for (const [id, supported] of [...ids.map((each) => [each, 1n] as const), ['0xffffffff', 0n] as const]) {
    const data = encodeFunctionData({ abi: mooringResolverAbi, functionName: 'supportsInterface', args: [id] })
    expect([id, BigInt(await ask<Hex>(dev.rpc, 'eth_call', [{ to: resolver, data }, 'latest']))]).toEqual([
      id,
      supported,
    ])
  }
})

const request = { ensName: 'acme.eth', node: nodeOf('acme.eth'), records: [{ kind: 'tag' }] }
const one = `0x${'11'.repeat(20)}` as const

function decoded(name: string): GatewayAnswer {
  return decodeResponse(numberOf(name), request)
}

type Change = (answer: GatewayAnswer) => GatewayAnswer

function withList(change: Partial<ListHeader>): Change {
  return ({ signed, proofs }) => ({ signed: { ...signed, list: { ...signed.list, ...change } }, proofs })
}

function withSignatures(
  change: (given: GatewayAnswer['signed']['signatures']) => GatewayAnswer['signed']['signatures'],
) {
  return ({ signed, proofs }: GatewayAnswer) => ({
    signed: { ...signed, signatures: change(signed.signatures) },
    proofs,
  })
}

/** The rows of the page's last table, by their words. */
const changes: Readonly<Record<string, Change>> = {
  "a digit of the digest inside the proof's value": ({ signed, proofs }) => ({
    signed,
    proofs: proofs.map((proof) => ({ ...proof, value: proof.value.replace('0122', '0123') as Hex })),
  }),
  'the proof of the response for `2.0` instead': ({ signed }) => ({
    signed,
    proofs: decoded('response for 2.0').proofs,
  }),
  'a digit of `root` in the header': withList({ root: `${numberOf('root').slice(0, -1)}d` as Hex }),
  '`version` 0': withList({ version: 0n }),
  [`\`owner\` ${one}`]: withList({ owner: one }),
  '`epoch` 1': withList({ epoch: 1n }),
  '`delegations` 0': withList({ delegations: `0x${'00'.repeat(32)}` }),
  '`issuedAt` 1800000361': withList({ issuedAt: 1_800_000_361n }),
  '`expiresAt` 1800000060': withList({ expiresAt: 1_800_000_060n }),
  '`expiresAt` 1834560001': withList({ expiresAt: 1_834_560_001n }),
  [`the signer's address ${one}`]: withSignatures((given) => given.map((each) => ({ ...each, signer: one }))),
  'the signature cut to 64 bytes': withSignatures((given) =>
    given.map(({ signer, signature }) => ({ signer, signature: signature.slice(0, -2) as Hex })),
  ),
  'no signature': withSignatures(() => []),
  'the same signature twice': withSignatures((given) => [...given, ...given]),
  'no proof': ({ signed }) => ({ signed, proofs: [] }),
}

function refusedRows(): [changed: string, error: string][] {
  const [, table = ''] = readFileSync(pageUrl, 'utf8').split('| changed | refused with |\n| --- | --- |\n')
  return [...table.matchAll(/^\| (.+) \| `(\w+)` \|$/gm)].map(([, changed = '', error = '']) => [changed, error])
}

test('the page: every answer of its last table is refused with the name that stands there, by both', async () => {
  const rows = refusedRows()
  expect(rows.map(([changed]) => changed).sort()).toEqual(Object.keys(changes).sort())
  const callData = numberOf('callData')
  for (const [changed, error] of rows) {
    const { signed, proofs } = changes[changed]!(decoded('response for latest'))
    const response = encodeResponse(signed, proofs)
    expect(response, changed).not.toBe(numberOf('response for latest'))
    expect([changed, await askContract(callData, response)]).toEqual([changed, error])
    expect([changed, await askVerifier(callData, response)]).toEqual([changed, error])
  }
})
