import assert from 'node:assert/strict'
import { helperCells, helperColumns } from './helper-cells.ts'
import { type HelperRow, helperRows } from './helper-clients.ts'
import { type LoginClient, type LoginRow, loginRows } from './login-clients.ts'
import { type Credentials, type LoginGateway, startLoginGateway } from './login-gateway.ts'
import { statusOf } from './registry.ts'
import { type Result, renderTable } from './table.ts'

// `npm run test:logins [-- NAME]`: stock clients against `mooring serve --auth token`, by user and password, and by Ethereum account.

const ensName = 'demo.eth'
const columns = ['push refused', 'wrong password', 'user', 'account', 'login message', 'pull by anybody'] as const
const refusal = /unauthorized|denied|401|invalid username|authentication required|insufficient_scope/i
const tally = { passed: 0, failed: 0, skipped: 0 }

function print(line: string): void {
  process.stdout.write(`${line}\n`)
}

type Cell = (() => Promise<unknown>) | string

async function expectRefused(doing: Promise<unknown>): Promise<void> {
  const refused: unknown = await doing.then(
    () => undefined,
    (error: unknown) => error,
  )
  assert.ok(refused instanceof Error, 'it went through')
  assert.match(refused.message, refusal)
}

function cellsOf({ name, keepsTokens }: LoginRow, client: LoginClient, gateway: LoginGateway): readonly Cell[] {
  const repository = `${ensName}/${name}`
  const pushAs = async (credentials: Credentials, tag: string) => {
    const image = `${gateway.host}/${repository}:${tag}`
    await client.logIn(credentials)
    await client.push(image)
    assert.equal(await statusOf(gateway.gateway, repository, tag), 200)
    await client.pull(image)
  }
  return [
    () => expectRefused(client.push(`${gateway.host}/${repository}:refused`)),
    async () => {
      const wrong = { user: gateway.user.user, password: 'wrong' }
      await expectRefused(client.logIn(wrong).then(() => client.push(`${gateway.host}/${repository}:refused`)))
      assert.equal(await statusOf(gateway.gateway, repository, 'refused'), 404)
    },
    () => pushAs(gateway.user, 'user'),
    async () => pushAs(await gateway.newRefreshToken(), 'account'),
    keepsTokens
      ? async () => pushAs(await gateway.newMessage(), 'message')
      : 'keeps the password, and a login message counts once: mooring login gives it a refresh token',
    async () => assert.equal((await fetch(`${gateway.gateway}/v2/${repository}/manifests/user`)).status, 200),
  ]
}

async function runCell(what: string, cell: Cell): Promise<Result> {
  if (typeof cell === 'string') return { status: 'none', reason: cell }
  try {
    await cell()
    tally.passed += 1
    return { status: 'ok' }
  } catch (error) {
    tally.failed += 1
    print(`  FAIL ${what}\n${error instanceof Error ? (error.stack ?? error.message) : error}`)
    return { status: 'failed' }
  }
}

/** Why a row is not run; a failure where everything has to be there. */
function isMissing(name: string, reason: string | undefined): boolean {
  if (reason === undefined) return false
  tally[process.env.CI === 'true' ? 'failed' : 'skipped'] += 1
  print(`${process.env.CI === 'true' ? 'FAIL' : 'skip'} ${name}: ${reason}`)
  return true
}

async function runRow(row: LoginRow, gateway: LoginGateway): Promise<Result[]> {
  const reason = row.whyNot()
  if (isMissing(row.name, reason)) return columns.map(() => ({ status: 'none', reason: reason ?? '' }))
  print(row.name)
  const client = await row.start(gateway.host)
  const results: Result[] = []
  try {
    for (const [at, cell] of cellsOf(row, client, gateway).entries()) {
      results.push(await runCell(`${row.name}: ${columns[at]}`, cell))
    }
  } finally {
    await client.stop?.()
  }
  return results
}

async function runHelperRow(row: HelperRow, gateway: LoginGateway): Promise<Result[]> {
  const reason = row.whyNot()
  if (isMissing(`${row.name} with docker-credential-mooring`, reason))
    return helperColumns.map(() => ({ status: 'none', reason: reason ?? '' }))
  print(`${row.name} with docker-credential-mooring`)
  const client = await row.start()
  const cells = helperCells(row, client, gateway)
  const results: Result[] = []
  try {
    for (const column of helperColumns) results.push(await runCell(`${row.name}: ${column}`, cells[column]))
  } finally {
    await client.stop?.()
  }
  return results
}

async function main([pattern = '']: readonly string[]): Promise<void> {
  const gateway = await startLoginGateway([ensName])
  const isChosen = ({ name }: { name: string }) => new RegExp(pattern).test(name)
  const table = []
  const helperTable = []
  try {
    for (const row of loginRows.filter(isChosen)) table.push({ name: row.name, results: await runRow(row, gateway) })
    for (const row of helperRows.filter(isChosen))
      helperTable.push({ name: row.name, results: await runHelperRow(row, gateway) })
  } finally {
    await gateway.stop()
  }
  const skipped = tally.skipped > 0 ? `, ${tally.skipped} skipped` : ''
  const helper = `after \`mooring login --key-file F\`, with docker-credential-mooring\n\n${renderTable(helperColumns, helperTable)}`
  print(`\n${renderTable(columns, table)}\n\n${helper}\n\n${tally.passed} passed, ${tally.failed} failed${skipped}`)
  if (tally.failed > 0) process.exitCode = 1
}

await main(process.argv.slice(2))
