import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { serve } from '@hono/node-server'
import { encodeFunctionData } from 'viem'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type DevChain, startDevChain } from '../../gateway/cli/dev-chain.ts'
import { mooringResolverAbi, universalResolverAbi } from '../../gateway/ens/abi.ts'
import { encodeDnsName } from '../../gateway/ens/name.ts'
import { createKeySigner } from '../../gateway/signer.ts'
import { universalResolverBytecode } from '../../resolver-contract/generated/universal-resolver.ts'
import { addressOf, testKeys } from '../fixtures.ts'
import { startBatchGateway } from './batch-gateway.ts'
import { deploy } from './dev-calls.ts'
import {
  ensjsText,
  ethersText,
  limitedRequest,
  mooringTag,
  type ReadText,
  rawTag,
  type TellTag,
  viemText,
} from './ens-clients.ts'
import { type FaultyGateways, startFaultyGateways } from './faulty-gateways.ts'
import { type GatewayApp, openGatewayApp } from './gateway-app.ts'
import { firstList, presentEntry, signaturesOver } from './signed-answer.ts'

// Unmodified clients against every kind of gateway: what a tag's record comes to at the other end (protocol 4).
//
// Each column is a name of its own, whose gateways the chain names: all hold `v1`, and what each column's gateways do is in `columns`.
// `digest` is the one that was published; `-` stands for null or the empty text; `error` for a client that throws. A client that
// says `-` or `error` for a forgery leaves open whether the tag exists: only the last two rows tell absent from unverified.
const expected = `
                             present absent forged     stranger     otherTag http404     second   html502     silence      oversized
viem strict, direct          digest  -      error      error        error    error       digest   error       error        error
viem, direct                 digest  -      -          -            -        error       digest   error       error        -
viem strict, batch           digest  -      error      error        error    error       digest   error       error        error
viem, batch                  digest  -      -          -            -        -           digest   -           -            -
viem strict, batch by HTTP   digest  -      error      error        error    error       digest   error       error        error
ensjs strict                 digest  -      error      error        error    error       digest   error       error        error
ensjs                        digest  -      -          -            -        error       digest   error       error        -
ensjs, batch                 digest  -      -          -            -        -           digest   -           -            -
ethers, Universal Resolver   digest  -      -          -            -        error       digest   error       error        -
ethers, registry walk        digest  -      -          -            -        error       digest   error       error        -
eth_call and fetch           digest  absent BadProof   NotPublisher BadProof unavailable digest   unavailable unavailable  BadResponse
mooring resolve              digest  absent BadProof   NotPublisher BadProof unavailable digest   unavailable unavailable  BadResponse
`

/** The gateways of each column: `honest`, or a fault of faulty-gateways.ts. Every question but that for an absent tag is for v1. */
const columns: Record<string, { label: string; gateways: readonly string[]; tag?: string }> = {
  present: { label: 'present', gateways: ['honest'] },
  absent: { label: 'absent', gateways: ['honest'], tag: 'v3' },
  forged: { label: 'forged', gateways: ['forged'] },
  stranger: { label: 'stranger', gateways: ['stranger'] },
  otherTag: { label: 'othertag', gateways: ['otherTag'] },
  http404: { label: 'notfound', gateways: ['status404'] },
  second: { label: 'second', gateways: ['status500', 'honest'] },
  html502: { label: 'html', gateways: ['html502'] },
  silence: { label: 'silence', gateways: ['silence'] },
  oversized: { label: 'oversized', gateways: ['oversized'] },
}

const owner = addressOf(testKeys.owner)
/** Short where nothing will come, and generous where a busy machine may be slow. */
const patience = (urlOrName: string) => (urlOrName.includes('silence') ? 400 : 60_000)
const ends: (() => unknown)[] = []
const rows = new Map<string, TellTag>()
/** Paths of what the honest gateway was asked. */
const asked: string[] = []
let batchRequests = 0
let dev: DevChain
let gateway: GatewayApp

beforeAll(async () => {
  const server = await new Promise<ReturnType<typeof serve>>((resolve) => {
    const fetchApp = (request: Request) => {
      asked.push(new URL(request.url).pathname)
      return gateway.fetch(request)
    }
    const opened = serve({ fetch: fetchApp, port: 0, hostname: '127.0.0.1' }, () => resolve(opened))
  })
  const honest = `http://127.0.0.1:${(server.address() as { port: number }).port}`
  const domain = () => ({ chainId: dev.chainId, resolver: dev.addresses.resolver })
  const faulty = await startFaultyGateways(() => honest, domain)
  const names = Object.values(columns).map(({ label }) => `${label}.eth`)
  dev = await startDevChain({ gatewayUrls: [], names, publisher: owner })
  gateway = openGatewayApp(dev)
  for (const column of Object.values(columns)) await publish(column, honest, faulty)
  await openClients()
  ends.push(() => server.close(), faulty.close, dev.close)
})

afterAll(async () => {
  for (const end of ends.toReversed()) await end()
})

type Column = (typeof columns)[string]

async function publish({ label, gateways }: Column, honest: string, faulty: FaultyGateways): Promise<void> {
  const { chainId, addresses } = dev
  const domain = { chainId, resolver: addresses.resolver }
  const signer = createKeySigner(testKeys.owner)
  const list = await firstList(`${label}.eth`, owner, BigInt(Math.floor(Date.now() / 1000)))
  const sign = { address: owner, sign: () => signer.signList(domain, list.header) }
  expect(await gateway.put(list, await signaturesOver(domain, list, [sign]))).toBe(201)
  const urls = gateways.map((each) => (each === 'honest' ? honest : `${faulty.url}/${each}`))
  const args = [encodeDnsName(`${label}.eth`), urls] as const
  const data = encodeFunctionData({ abi: mooringResolverAbi, functionName: 'setGateways', args })
  await dev.send({ from: owner, to: addresses.resolver, data })
}

async function openClients(): Promise<void> {
  const { universalResolver, ensRegistry } = dev.addresses
  const direct = { universalResolver }
  const args = [ensRegistry, ['x-batch-gateway:true'], true]
  const batch = { universalResolver: await deploy(dev, universalResolverAbi, universalResolverBytecode, args) }
  const ask = limitedRequest(patience)
  const byHttp = await startBatchGateway((query) => {
    batchRequests++
    return ask(query)
  })
  const overUr = ethersText(dev, patience, universalResolver)
  const overRegistry = ethersText(dev, patience)
  const stateDir = await mkdtemp(join(tmpdir(), 'mooring-clients-'))
  ends.push(byHttp.close, overUr.close, overRegistry.close, () => rm(stateDir, { recursive: true }))
  const readers: Record<string, ReadText> = {
    'viem strict, direct': viemText(dev, patience, direct, true),
    'viem, direct': viemText(dev, patience, direct, false),
    'viem strict, batch': viemText(dev, patience, batch, true),
    'viem, batch': viemText(dev, patience, batch, false),
    'viem strict, batch by HTTP': viemText(dev, patience, { ...batch, gatewayUrls: [byHttp.url] }, true),
    'ensjs strict': ensjsText(dev, patience, direct, true),
    ensjs: ensjsText(dev, patience, direct, false),
    'ensjs, batch': ensjsText(dev, patience, batch, false),
    'ethers, Universal Resolver': overUr.read,
    'ethers, registry walk': overRegistry.read,
  }
  for (const [name, read] of Object.entries(readers)) rows.set(name, cellOf(read))
  rows.set('eth_call and fetch', rawTag(dev, patience))
  rows.set('mooring resolve', mooringTag(dev, patience, stateDir))
}

function cellOf(read: ReadText): TellTag {
  return async (ensName, tag) => {
    const text = await read(ensName, `oci-tag[${tag}]`).catch(() => 'error')
    return text || '-'
  }
}

/** Words for what clients say in their own. */
const inWords: Readonly<Record<string, string>> = {
  [presentEntry.digest]: 'digest',
  GatewayUnavailable: 'unavailable',
  'HTTP 404': 'unavailable',
  'HTTP 502': 'unavailable',
  TimeoutError: 'unavailable',
}

/** A table's rows, each a name and its cells by column. */
function parseTable(text: string): Map<string, Record<string, string>> {
  const [head = '', ...lines] = text.trim().split('\n')
  const names = head.trim().split(/\s+/)
  return new Map(
    lines.map((line) => {
      const cells = line.trim().split(/\s+/)
      const own = cells.splice(-names.length)
      return [cells.join(' '), Object.fromEntries(names.map((name, i) => [name, own[i] ?? '']))]
    }),
  )
}

function printTable(table: ReadonlyMap<string, Record<string, string>>): string {
  const lines = [['', ...Object.keys(columns)], ...[...table].map(([name, cells]) => [name, ...Object.values(cells)])]
  const widths = lines[0]?.map((_, i) => Math.max(...lines.map((line) => (line[i] ?? '').length))) ?? []
  return lines.map((line) => line.map((cell, i) => cell.padEnd(widths[i] ?? 0)).join('  ')).join('\n')
}

const wanted = parseTable(expected)
const seen = new Map<string, Record<string, string>>()

describe('protocol 4: what each client makes of each gateway', () => {
  test.each([...wanted.keys()])('%s', async (name) => {
    const tell = rows.get(name)
    if (tell === undefined) throw new Error(`no client is called ${name}`)
    const cells = Object.entries(columns).map(async ([column, { label, tag = 'v1' }]) => {
      const said = await tell(`${label}.eth`, tag)
      return [column, inWords[said] ?? said]
    })
    seen.set(name, Object.fromEntries(await Promise.all(cells)))
    expect(seen.get(name)).toEqual(wanted.get(name))
  })

  test('{sender} is the Universal Resolver where it passes lookups on, else the resolver: gateways do not look at it', async () => {
    const { resolver, universalResolver } = dev.addresses
    for (const [name, tell] of rows) {
      asked.length = 0
      const before = batchRequests
      await tell('present.eth', 'v1')
      const isDirect = /^(viem|ensjs)/.test(name) && !name.includes('batch')
      const senders = asked.map((path) => path.split('/')[4])
      expect([name, senders]).toEqual([name, [isDirect ? universalResolver : resolver]])
      expect([name, batchRequests - before]).toEqual([name, name.includes('HTTP') ? 1 : 0])
    }
  })

  test('no client accepts what nobody published, and ours tell present, absent and unverified apart', () => {
    process.stdout.write(`${printTable(seen)}\n`)
    expect([...seen.keys()].sort()).toEqual([...rows.keys()].sort())
    const good = new Set(['present', 'second'])
    for (const cells of seen.values()) {
      for (const [column, cell] of Object.entries(cells))
        expect([column, cell === 'digest']).toEqual([column, good.has(column)])
    }
    for (const name of ['eth_call and fetch', 'mooring resolve']) {
      for (const [column, cell] of Object.entries(seen.get(name) ?? {})) {
        expect([column, cell === 'absent']).toEqual([column, column === 'absent'])
      }
    }
  })
})
