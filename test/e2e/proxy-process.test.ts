import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { fetchResponse } from '../../gateway/cli/client/ccip.ts'
import { type LyingGateway, replay, startLyingGateway } from '../../gateway/cli/demo/liar.ts'
import { encodeTagLookup } from '../../gateway/ens/lookup.ts'
import { pull } from './proxied.ts'
import { pushTags, startWorld, type World } from './world.ts'

// Whole processes, each of which loads everything: slow machines may take their time.
vi.setConfig({ testTimeout: 120_000 })

let world: World
let liar: LyingGateway
const children: ChildProcess[] = []
beforeAll(async () => {
  world = await startWorld()
  liar = await startLyingGateway()
  await pushTags(world, 'latest')
  const domain = { chainId: world.chain.chainId, resolver: world.chain.addresses.resolver }
  const old = await fetchResponse(world.gateway.url, domain, encodeTagLookup('acme.eth', 'latest', 'text'))
  liar.tell(replay(old))
  await pushTags(world, '1.0')
})
afterAll(async () => {
  for (const child of children) child.kill('SIGKILL')
  await liar.close()
  await world.close()
})

const root = fileURLToPath(new URL('../../', import.meta.url))

/** `mooring proxy` as a process of its own; all of them share one memory. */
async function startProcess(
  gateway: string,
): Promise<{ child: ChildProcess; url: string; exited: Promise<unknown[]> }> {
  const flags = [...world.chainFlags.slice(0, -1), join(world.folder, 'processes'), '--gateway', gateway]
  const args = ['--import', 'tsx', 'gateway/cli/main.ts', 'proxy', '--json', '--port', '0', ...flags]
  const child = spawn(process.execPath, args, { cwd: root, stdio: ['ignore', 'pipe', 'ignore'] })
  children.push(child)
  const exited = once(child, 'exit')
  const ended = exited.then(() => {
    throw new Error('the proxy did not start')
  })
  const [line] = await Promise.race([once(child.stdout, 'data'), ended])
  ended.catch(() => undefined)
  const { ready, proxy } = JSON.parse(String(line)) as { ready: boolean; proxy: string }
  expect(ready).toBe(true)
  return { child, url: proxy, exited }
}

test('row 9: what a proxy saw outlives kill -9, and SIGTERM ends one with exit code 0', async () => {
  const killed = await startProcess(world.gateway.url)
  expect((await pull(killed.url, 'acme.eth/manifests/latest')).status).toBe(200)
  killed.child.kill('SIGKILL')
  await killed.exited
  const lied = await startProcess(liar.url)
  const refused = await pull(lied.url, 'acme.eth/manifests/latest')
  expect(refused).toMatchObject({ status: 403, error: { code: 'DENIED', detail: { reason: 'Rollback' } } })
  lied.child.kill('SIGTERM')
  expect(await lied.exited).toEqual([0, null])
})
