import { type Hex, toFunctionSelector } from 'viem'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { type RpcQuestion, startRpcProxy } from '../chain/rpc-proxy.ts'
import { pull, type RunningProxy, startMooringProxy } from './proxied.ts'
import { pushTags, startWorld, type World } from './world.ts'

type Change = (question: RpcQuestion, result: unknown) => unknown

let world: World
let second: { url: string; close(): Promise<void> }
let honest: RunningProxy
/** What the second endpoint makes of each result. */
let change: Change = (_, result) => result
let proxies = 0

beforeAll(async () => {
  world = await startWorld()
  await pushTags(world, 'latest')
  second = await startRpcProxy(world.chain.rpc, (question, result) => change(question, result))
  honest = await startMooringProxy(world, [world.gateway.url], 'state')
})
afterAll(async () => {
  await honest.stop()
  await second.close()
  await world.close()
})
beforeEach(() => {
  change = (_, result) => result
})

/** A proxy over both endpoints, which has asked nothing about a name yet. */
function startOverTwo(): Promise<RunningProxy> {
  return startMooringProxy(world, [world.gateway.url], `state-${proxies++}`, ['--rpc', second.url])
}

const stateOf = toFunctionSelector('stateOf(bytes)')
const latestBlock = ({ method, params }: RpcQuestion) => method === 'eth_getBlockByNumber' && params?.[0] === 'latest'

const lies: readonly [what: string, lie: Change, status: number, reason: string | undefined][] = [
  [
    'says another epoch of a name',
    ({ method, params }, result) => {
      const { data } = (params?.[0] ?? {}) as { data?: Hex }
      const isAsked = method === 'eth_call' && data?.startsWith(stateOf)
      return isAsked ? `0x${'7'.padStart(64, '0')}${(result as Hex).slice(66)}` : result
    },
    403,
    'RpcDisagree',
  ],
  [
    'is on another fork',
    ({ method }, result) =>
      method === 'eth_getBlockByNumber' ? { ...(result as object), hash: `0x${'ab'.repeat(32)}` } : result,
    403,
    'RpcDisagree',
  ],
  [
    'is 10 minutes behind',
    (question, result) => {
      const { timestamp } = result as { timestamp: Hex }
      const late = `0x${(BigInt(timestamp ?? 0) - 600n).toString(16)}`
      return latestBlock(question) ? { ...(result as object), timestamp: late } : result
    },
    403,
    'ChainStale',
  ],
  ['does not answer', (question, result) => (latestBlock(question) ? null : result), 503, undefined],
]

test.each(lies)(
  'row 10: of two endpoints of a proxy one that %s stops the pull',
  async (_what, lie, status, reason) => {
    const proxy = await startOverTwo()
    const twin = await startOverTwo()
    expect((await pull(twin.url, 'acme.eth/manifests/latest')).status).toBe(200)
    change = lie
    const refused = await pull(proxy.url, 'acme.eth/manifests/latest')
    expect([refused.status, refused.error?.detail?.reason]).toEqual([status, reason])
    if (reason) expect(refused.error?.message).toContain(second.url)
    await Promise.all([proxy.stop(), twin.stop()])
  },
)

test('one endpoint that is not on this machine works with a warning, and two URLs of one host are one', async () => {
  const { port } = new URL(second.url)
  const elsewhere = (path: string) => ['--rpc', `http://0.0.0.0:${port}${path}`]
  const [, , ...found] = world.chainFlags
  const start = (...rpcs: string[]) =>
    startMooringProxy({ chainFlags: found, folder: world.folder }, [world.gateway.url], `state-${proxies++}`, rpcs)
  const warning = /the chain is believed as http:\/\/0\.0\.0\.0:\d+ tells it/
  const isWarned = async (...rpcs: string[]) => {
    const proxy = await start(...rpcs)
    expect((await pull(proxy.url, 'acme.eth/manifests/latest')).status).toBe(200)
    await proxy.stop()
    expect(proxy.notes.join('\n')).not.toContain('secret-key')
    return proxy.notes.some((line) => warning.test(line))
  }
  expect(await isWarned(...elsewhere('/secret-key'), '--rpc', world.chain.rpc)).toBe(false)
  expect(await isWarned(...elsewhere('/secret-key'))).toBe(true)
  expect(await isWarned(...elsewhere('/secret-key'), ...elsewhere('/other'))).toBe(true)
})
