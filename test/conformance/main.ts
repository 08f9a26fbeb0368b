import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { startLoginGateway } from '../interop/login-gateway.ts'
import { startMooring } from '../interop/mooring.ts'
import { findProgram, run } from '../interop/run.ts'
import { startWorker } from '../interop/worker.ts'
import { conformanceGroups } from '../registry/conformance/groups.ts'

// The official conformance suite of the OCI distribution-spec against `mooring dev`, or with `--worker` against the Worker,
// or with `--auth` against a gateway that it logs in to. It is a program of its own that npm cannot install:
// OCI_CONFORMANCE names it, or `conformance` on the PATH is it. Its exit code is 0 on a wrong configuration too, so the counts
// in its junit.xml decide.

const off = { type: 'boolean', default: false } as const
const { values } = parseArgs({ options: { worker: off, auth: off } })
const isWorker = values.worker

const versions = ['1.1', 'dev'] as const
const names = ['myapp.eth', 'other.eth']

function print(line: string): void {
  process.stdout.write(`${line}\n`)
}

type Counts = { passed: number; failed: number; skipped: number }

type Tested = { host: string; stop(): Promise<void>; what: string; login?: Record<string, string> }

async function runVersion(program: string, { host, login }: Tested, version: string): Promise<Counts> {
  const folder = mkdtempSync(join(tmpdir(), 'mooring-conformance-'))
  try {
    const env = {
      OCI_REGISTRY: host,
      OCI_TLS: 'disabled',
      OCI_REPO1: 'myapp.eth',
      OCI_REPO2: 'other.eth/web',
      OCI_VERSION: version,
      OCI_RESULTS_DIR: folder,
      ...login,
    }
    await run(program, [], { cwd: folder, env, timeoutMs: 300_000 }).catch((error: Error) =>
      process.stderr.write(`${error.message}\n`),
    )
    const junit = readFileSync(join(folder, 'junit.xml'), 'utf8')
    checkGroups(junit)
    return readCounts(junit)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

/** The attributes of the one `<testsuite>`; those that are zero are left out of it. What the version does not ask for is `disabled`. */
function readCounts(junit: string): Counts {
  const suite = /<testsuite ([^>]*)>/.exec(junit)?.[1]
  if (suite === undefined) throw new Error('junit.xml has no <testsuite>: the suite did not run')
  const count = (name: string) => Number(new RegExp(`\\b${name}="(\\d+)"`).exec(suite)?.[1] ?? 0)
  const failed = count('failures') + count('errors')
  const skipped = count('skipped')
  return { passed: count('tests') - failed - skipped - count('disabled'), failed, skipped }
}

const ourGroups = new Set(conformanceGroups.map(({ name }) => name))

/** Every group that the suite runs must be a test of ours as well, by the same name: those run where the suite is not installed. */
function checkGroups(junit: string): void {
  const groups = new Set<string>()
  for (const [, path = ''] of junit.matchAll(/<testcase name="OCI Conformance Test\/([^"]+)"/g)) {
    const [first = '', second = ''] = path.split('/')
    groups.add(first.endsWith(' blobs') ? `${first}/${second}` : first)
  }
  const missing = [...groups].filter((group) => !ourGroups.has(group))
  if (groups.size === 0 || missing.length > 0) {
    throw new Error(`groups of the suite without a test of ours: ${missing.join(', ') || 'it names no groups at all'}`)
  }
}

/** A Worker holds no key: the tags that the suite pushes are staged there, and read as if published by who may push. */
async function startGateway(): Promise<Tested> {
  if (values.auth) {
    const gateway = await startLoginGateway(names)
    const { user, password } = gateway.user
    const login = { OCI_USERNAME: user, OCI_PASSWORD: password }
    return { ...gateway, what: 'conformance with a login', login }
  }
  if (!isWorker) return { ...(await startMooring(names)), what: 'conformance' }
  const what = 'conformance of the Worker in workerd (D1, R2, Durable Object; tags are staged)'
  return { ...(await startWorker(names, { more: { MOORING_RATE_LIMIT: '0' } })), what }
}

async function runSuite(program: string): Promise<Counts> {
  const gateway = await startGateway()
  const total = { passed: 0, failed: 0, skipped: 0 }
  try {
    for (const version of versions) {
      const { passed, failed, skipped } = await runVersion(program, gateway, version)
      print(`${gateway.what} ${version}: ${passed} passed, ${failed} failed, ${skipped} skipped`)
      total.passed += passed
      // What is skipped is an optional part that is not there, and all of them are.
      total.failed += failed + skipped + (passed === 0 ? 1 : 0)
    }
  } finally {
    await gateway.stop()
  }
  return total
}

const program = process.env.OCI_CONFORMANCE ?? findProgram('conformance')
if (program === undefined) {
  print(
    'the OCI conformance suite is not here: github.com/opencontainers/distribution-spec publishes it; OCI_CONFORMANCE=FILE runs it',
  )
  print('0 passed, 0 failed')
} else {
  const { passed, failed } = await runSuite(program)
  print(`${passed} passed, ${failed} failed`)
  process.exitCode = failed === 0 ? 0 : 1
}
