import { parseArgs } from 'node:util'
import type { Cell, Client, Row } from './client.ts'
import { buildah, podman } from './clients/containers.ts'
import { cosign } from './clients/cosign.ts'
import { crane } from './clients/crane.ts'
import { cri, ctr } from './clients/ctr.ts'
import { dockerClassic, dockerContainerd } from './clients/docker.ts'
import { helm } from './clients/helm.ts'
import { nerdctl } from './clients/nerdctl.ts'
import { oras } from './clients/oras.ts'
import { regctl } from './clients/regctl.ts'
import { skopeo } from './clients/skopeo.ts'
import { type Lab, startLab } from './lab.ts'
import { type Plan, plans } from './plans.ts'
import { type Result, renderTable, type TableRow } from './table.ts'

// Unmodified clients against a gateway, each operation of each: a table says what works and why the rest cannot.

const rows: readonly Row[] = [
  dockerClassic,
  dockerContainerd,
  podman,
  buildah,
  skopeo,
  ctr,
  cri,
  nerdctl,
  crane,
  regctl,
  oras,
  helm,
  cosign,
]

const help = `npm run test:interop [-- --worker] [--all] [--install NAMES] [--only NAMES]
  --worker         against the Worker in workerd, as it is deployed
  --all            installs also the clients that take minutes to install: ${namesOf(({ slow }) => slow === true)}
  --install NAMES  installs those of them whose name matches the pattern
  --only NAMES     the clients whose name matches the pattern: ${namesOf(() => true)}
What is not installed is skipped, and says so; with CI=true only the slow ones may be missing.`

const { values } = parseArgs({
  options: {
    worker: { type: 'boolean', default: false },
    all: { type: 'boolean', default: false },
    install: { type: 'string' },
    only: { type: 'string', default: '' },
    help: { type: 'boolean', default: false },
  },
})

const tally = { passed: 0, failed: 0, skipped: 0 }

function namesOf(isWanted: (row: Row) => boolean): string {
  return rows
    .filter(isWanted)
    .map(({ name }) => name)
    .join(', ')
}

function print(line: string): void {
  process.stdout.write(`${line}\n`)
}

function isInstallWanted({ name }: Row): boolean {
  return values.all || (values.install !== undefined && new RegExp(values.install, 'i').test(name))
}

/** Why a row's client is not there, after an attempt to install it where that was asked for. */
async function whyNot(row: Row): Promise<string | undefined> {
  const reason = row.whyNot()
  if (reason === undefined || !row.install || !isInstallWanted(row)) return reason
  print(`installing ${row.name} ...`)
  try {
    await row.install()
  } catch (error) {
    print(`  ${messageOf(error)}`)
    return `${reason}; ${error instanceof Error ? error.message.trim().split('\n').at(-1) : error}`
  }
  return row.whyNot()
}

async function measureRow(lab: Lab, { columns, cellsOf }: Plan, row: Row): Promise<TableRow> {
  const reason = await whyNot(row)
  if (reason !== undefined) {
    const isFailure = process.env.CI === 'true' && !row.slow
    tally[isFailure ? 'failed' : 'skipped'] += 1
    print(`${isFailure ? 'FAIL' : 'skip'} ${row.name}: ${reason}`)
    return { name: row.name, results: columns.map(() => ({ status: 'none', reason })) }
  }
  let client: Client | undefined
  try {
    client = await row.start(lab)
    print(`${row.name}: ${client.version}`)
    return { name: row.name, results: await runCells(row, columns, cellsOf(client)) }
  } catch (error) {
    fail(`${row.name} does not start`, error)
    return { name: row.name, results: columns.map(() => ({ status: 'failed' })) }
  } finally {
    await client?.stop?.()
  }
}

async function runCells(row: Row, columns: readonly string[], cells: readonly Cell[]): Promise<Result[]> {
  const results: Result[] = []
  for (const [column, cell] of cells.entries()) {
    const operation = columns[column]
    if (typeof cell === 'string') {
      results.push({ status: 'none', reason: cell })
      continue
    }
    const from = performance.now()
    try {
      const said = await cell()
      tally.passed += 1
      print(`  ok   ${operation} (${((performance.now() - from) / 1000).toFixed(1)} s)`)
      results.push({ status: 'ok', ...(typeof said === 'string' && { note: said }) })
    } catch (error) {
      fail(`${row.name}: ${operation}`, error)
      results.push({ status: 'failed' })
    }
  }
  return results
}

function fail(what: string, error: unknown): void {
  tally.failed += 1
  print(`  FAIL ${what}\n${messageOf(error)}`)
}

function messageOf(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error)
}

/** The table of one gateway. */
async function runPlan(plan: Plan, chosen: readonly Row[]): Promise<string> {
  print(`against ${plan.title}`)
  const lab = await startLab(plan.start)
  const table: TableRow[] = []
  try {
    for (const row of chosen.filter(plan.isFor)) table.push(await measureRow(lab, plan, row))
  } finally {
    await lab.stop()
  }
  return `${plan.title}\n\n${renderTable(plan.columns, table)}`
}

async function main(): Promise<void> {
  const chosen = rows.filter(({ name }) => new RegExp(values.only, 'i').test(name))
  if (chosen.length === 0) throw new Error(`--only ${values.only}: there is ${namesOf(() => true)}`)
  const tables: string[] = []
  for (const plan of plans[values.worker ? 'worker' : 'node']) tables.push(await runPlan(plan, chosen))
  const skipped = tally.skipped > 0 ? `, ${tally.skipped} skipped` : ''
  print(`\n${tables.join('\n\n')}\n\n${tally.passed} passed, ${tally.failed} failed${skipped}`)
  if (tally.failed > 0) process.exitCode = 1
}

for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1))
if (values.help) print(help)
else await main()
