import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { rmSync } from 'node:fs'
import { makeFolder, sha256 } from '../test/interop/image.ts'
import { type MooringWorker, startWorker } from '../test/interop/worker.ts'
import { type Bundle, bundleWorker, migrateDatabase } from '../test/interop/workerd.ts'
import { describeImports, describeSize } from './bundle-limits.ts'

// `npm run deploy:check`: what `wrangler deploy` would send, how large it is and what it needs, and whether it answers in workerd, over a
// database that wrangler migrated. Nothing leaves this machine.

const tally = { passed: 0, failed: 0 }

function print(line: string): void {
  process.stdout.write(`${line}\n`)
}

/** Runs one check; what it returns is told beside its name. The later ones run all the same, unless they need its value. */
async function check<Value>(name: string, work: () => Promise<readonly [Value, string]>): Promise<Value> {
  try {
    const [value, told] = await work()
    tally.passed += 1
    print(`ok    ${name}: ${told}`)
    return value
  } catch (error) {
    tally.failed += 1
    print(`FAIL  ${name}: ${error instanceof Error ? error.message : error}`)
    throw error
  }
}

/** The second time there is nothing left to apply: the first one was remembered. */
async function checkMigrations(states: string) {
  const [first, second] = [await migrateDatabase(states), await migrateDatabase(states)]
  const applied = new Set([...first.matchAll(/^│ (\S+\.sql)\s+│ ✅/gm)].map(([, name]) => name))
  if (applied.size === 0) throw new Error(`wrangler names no migration that it applied:\n${first}`)
  assert.match(second, /No migrations to apply/)
  return [undefined, `${[...applied].join(', ')}; applied again: nothing to do`] as const
}

type Answer = { status: number; headers: Headers; bytes: Buffer }

async function ask(method: string, url: string, body?: Uint8Array<ArrayBuffer>): Promise<Answer> {
  const response = await fetch(url, { method, ...(body && { body }) })
  return { status: response.status, headers: response.headers, bytes: Buffer.from(await response.arrayBuffer()) }
}

async function checkRegistry({ gateway }: MooringWorker) {
  const { status, headers, bytes } = await ask('GET', `${gateway}/v2/`)
  const version = headers.get('docker-distribution-api-version')
  assert.deepEqual([status, version, bytes.toString()], [200, 'registry/2.0', '{}'])
  return [undefined, `${status} ${bytes}`] as const
}

/** EIP-3668: a refusal is JSON with a message, which web pages may read. */
async function checkLookup({ gateway, chain: { chainId, addresses } }: MooringWorker) {
  const url = `${gateway}/ccip/${chainId}/${addresses.resolver}/${addresses.resolver}/0x00.json`
  const { status, headers, bytes } = await ask('GET', url)
  const { message, ...rest } = JSON.parse(bytes.toString())
  assert.deepEqual([status, typeof message, rest], [400, 'string', {}])
  assert.equal(headers.get('access-control-allow-origin'), '*')
  return [undefined, `${status} ${bytes}`] as const
}

/** Through the repository's object into R2, and out again: begun, brought in two parts and closed (end-4a, end-5, end-6). */
async function checkBlob({ gateway }: MooringWorker) {
  const bytes = new Uint8Array(randomBytes(1_000_000))
  const [blobs, digest] = [`${gateway}/v2/acme.eth/blobs`, sha256(bytes)]
  const locationOf = ({ headers }: Answer) => new URL(headers.get('location') ?? '', gateway).href
  let answer = await ask('POST', `${blobs}/uploads/`)
  assert.equal(answer.status, 202, answer.bytes.toString())
  for (const part of [bytes.slice(0, 600_000), bytes.slice(600_000)]) {
    answer = await ask('PATCH', locationOf(answer), part)
    assert.equal(answer.status, 202, answer.bytes.toString())
  }
  answer = await ask('PUT', `${locationOf(answer)}?digest=${digest}`)
  assert.equal(answer.status, 201, answer.bytes.toString())
  const pulled = await ask('GET', `${blobs}/${digest}`)
  assert.deepEqual([pulled.status, sha256(pulled.bytes)], [200, digest])
  return [undefined, `${bytes.length} bytes pushed in two parts and pulled`] as const
}

/** As workerd asks a Worker whose time has come. */
async function checkCron({ gateway }: MooringWorker) {
  const { status, bytes } = await ask('GET', `${gateway}/cdn-cgi/handler/scheduled`)
  assert.deepEqual([status, bytes.toString()], [200, 'ok'])
  return [undefined, `${bytes}`] as const
}

/** What the Worker is started with is what would be sent, over the bindings of `wrangler.toml`. */
async function checkAnswers(bundle: Bundle): Promise<void> {
  const worker = await check('workerd takes the bundle', async () => {
    const started = await startWorker(['acme.eth'], { bundle })
    return [started, `answers on ${started.gateway}`] as const
  })
  try {
    await check('GET /v2/', () => checkRegistry(worker))
    await check('a lookup that is refused', () => checkLookup(worker))
    await check('a blob', () => checkBlob(worker))
    await check('the cron trigger', () => checkCron(worker))
    await check('the log', async () => {
      if (worker.said.length > 0) throw new Error(`workerd said:\n${worker.said.join('')}`)
      return [undefined, 'empty'] as const
    })
  } finally {
    await worker.stop()
  }
}

async function main(): Promise<void> {
  const folder = makeFolder()
  try {
    const bundle = await check('wrangler deploy --dry-run', async () => {
      const bundled = await bundleWorker(folder)
      return [bundled, bundled.modules.map(({ name }) => name).join(', ')] as const
    })
    const checks = [
      () => check('size', async () => [undefined, describeSize(bundle)]),
      () => check('built-ins of Node', async () => [undefined, describeImports(bundle)]),
      () => check('wrangler d1 migrations apply --local', () => checkMigrations(folder)),
      () => checkAnswers(bundle),
    ]
    for (const each of checks) await each().catch(() => undefined)
  } catch {
    // Told where it happened.
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
  print(`${tally.passed} passed, ${tally.failed} failed`)
  process.exitCode = tally.failed === 0 ? 0 : 1
}

await main()
