import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdtemp, readFile, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, expect, onTestFinished, test, vi } from 'vitest'
import { startFakeBee } from '../bee/fake-bee.ts'
import { command, commandToEnd } from '../cli/command.ts'

const root = fileURLToPath(new URL('../../', import.meta.url))
const children: ChildProcess[] = []
// Whole processes, each of which loads everything and starts a chain: slow machines may take their time.
vi.setConfig({ testTimeout: 120_000 })

/** `mooring dev` as a process of its own, on ports that the system gives. */
function startDev(...args: string[]) {
  const source = ['--import', 'tsx', 'gateway/cli/main.ts', 'dev', '--json', '--port', '0', '--rpc-port', '0', ...args]
  const child = spawn(process.execPath, source, { cwd: root, stdio: ['ignore', 'pipe', 'pipe'] })
  children.push(child)
  let out = ''
  let err = ''
  child.stdout.on('data', (chunk) => {
    out += chunk
  })
  child.stderr.on('data', (chunk) => {
    err += chunk
  })
  const ended = new Promise<number | null>((resolve) => child.once('close', resolve))
  return { child, ended, out: () => out, err: () => err }
}

afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL')
})

const address = expect.stringMatching(/^0x[0-9a-f]{40}$/)
const url = expect.stringMatching(/^http:\/\/127\.0\.0\.1:\d+$/)
const stepNames = ['chain', 'gateway', 'push', 'resolve', 'verify', 'pull', 'forgery']

test('interfaces dev: --once --json tells every step in one JSON value, ends with 0 and leaves nothing', async () => {
  const { ended, out, err } = startDev('--once')
  expect(await ended, err()).toBe(0)
  const story = JSON.parse(out())
  expect(Object.keys(story)).toEqual([
    ...['ok', 'steps', 'gateway', 'rpc', 'chainId', 'ensRegistry', 'universalResolver', 'resolver', 'names'],
    ...['publisher', 'publisherKeyFile', 'dataDir', 'bee', 'postageBatchId'],
  ])
  expect(story).toMatchObject({
    ...{ ok: true, gateway: url, rpc: url, chainId: 31337, names: ['demo.eth'], publisher: address },
    ...{ ensRegistry: address, universalResolver: address, resolver: address },
  })
  const step = { ok: true, ms: expect.any(Number), detail: expect.any(String) }
  expect(story.steps).toEqual(stepNames.map((name) => ({ name, ...step })))
  const forgery = story.steps.at(-1).detail
  for (const error of ['BadProof', 'NotPublisher', 'Rollback']) expect(forgery).toContain(error)
  expect(existsSync(story.dataDir)).toBe(false)
  await expect(fetch(story.rpc)).rejects.toThrow()
})

test('interfaces dev: with --bee the image goes to Swarm, is pulled from there alone, and all of it is recovered', async () => {
  const bee = await startFakeBee()
  onTestFinished(() => bee.stop())
  const postageBatchId = `0x${bee.buyBatch()}`
  const { ended, out, err } = startDev('--once', '--bee', bee.beeUrl, '--postage-batch', postageBatchId)
  expect(await ended, err()).toBe(0)
  const story = JSON.parse(out())
  expect(story).toMatchObject({ ok: true, bee: bee.beeUrl, postageBatchId })
  const names = ['chain', 'node', ...stepNames.slice(1), 'upload', 'cold', 'recover']
  expect(story.steps.map(({ name, ok }: { name: string; ok: boolean }) => [name, ok])).toEqual(
    names.map((name) => [name, true]),
  )
  const details = story.steps.slice(-3).map(({ detail }: { detail: string }) => detail)
  expect(details[0]).toContain('7 contents of 2 tags')
  expect(details[0]).toContain('of the feed')
  expect(details[1]).toContain('1 index, 2 manifests, 4 blobs, every digest checked')
  expect(details[2]).toContain('2 tags, 3 manifests, 4 blobs from chain and Swarm alone, found by update')
})

test('interfaces dev: a node that is not ready or cannot pay fails its own step, and nothing is bought', async () => {
  const bee = await startFakeBee()
  onTestFinished(() => bee.stop())
  const tell = async (...args: string[]) => {
    const { code, out } = await commandToEnd(['dev', '--once', '--json', '--port', '0', '--rpc-port', '0', ...args])
    return { code, last: JSON.parse(out).steps.at(-1) }
  }
  const poor = await tell('--bee', bee.beeUrl)
  expect(poor).toMatchObject({ code: 1, last: { name: 'node', ok: false } })
  expect(poor.last.detail).toContain('no usable postage batch')
  bee.isSyncing = true
  expect((await tell('--bee', bee.beeUrl)).last.detail).toContain('not ready')
  expect(bee.seen.filter(({ method }) => method === 'POST')).toEqual([])
  const usage = await command(['dev', '--once', '--postage-batch', '12'.repeat(32)])
  expect(usage).toMatchObject({ code: 2, err: expect.stringContaining('bee') })
})

test('interfaces dev: stays up until SIGTERM, its lines work, and with --data a second run keeps key, addresses and tags', async () => {
  const data = await mkdtemp(join(tmpdir(), 'mooring-dev-'))
  const runOnce = async (check: (story: Record<string, string>) => Promise<void>) => {
    const { child, ended, out, err } = startDev('--data', data, '--name', 'demo.eth', '--name', 'acme.eth/web')
    await expect.poll(() => out().endsWith('\n') || child.exitCode !== null, { timeout: 50_000 }).toBe(true)
    const story = JSON.parse(out())
    expect(story, err()).toMatchObject({ ok: true, names: ['demo.eth', 'web.acme.eth'], dataDir: data })
    await check(story)
    child.kill('SIGTERM')
    expect(await ended).toBe(0)
    return story
  }
  const read = async (story: Record<string, string>, ...args: string[]) => {
    const { rpc = '', ensRegistry = '', universalResolver = '' } = story
    const found = ['--rpc', rpc, '--ens-registry', ensRegistry, '--universal-resolver', universalResolver]
    const { code, out } = await command([...args, '--json', '--state', join(data, 'reader'), ...found])
    return { code, json: JSON.parse(out) }
  }
  const first = await runOnce(async (story) => {
    expect((await read(story, 'verify', 'acme.eth/web')).code).toBe(0)
    const repository = `${story.gateway}/v2/demo.eth/manifests`
    const latest = await fetch(`${repository}/latest`, { headers: { accept: '*/*' } })
    const headers = { 'content-type': latest.headers.get('content-type') ?? '' }
    const put = await fetch(`${repository}/kept`, { method: 'PUT', headers, body: await latest.arrayBuffer() })
    expect(put.status).toBe(201)
    expect(await readFile(story.publisherKeyFile ?? '', 'utf8')).toMatch(/^0x[0-9a-f]{64}\n$/)
    expect((await stat(story.publisherKeyFile ?? '')).mode & 0o777).toBe(0o600)
  })
  const second = await runOnce(async (story) => {
    expect(await read(story, 'resolve', 'demo.eth:kept')).toMatchObject({ code: 0, json: { status: 'present' } })
    expect(await read(story, 'resolve', 'demo.eth:lost')).toMatchObject({ code: 3, json: { status: 'absent' } })
  })
  for (const key of ['publisher', 'resolver', 'ensRegistry', 'universalResolver']) expect(second[key]).toBe(first[key])
  await rm(data, { recursive: true })
})
