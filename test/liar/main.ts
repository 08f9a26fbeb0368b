import { parseArgs } from 'node:util'
import type { Column, Ending, Lie } from './lie.ts'
import { labelOf } from './lie.ts'
import { allLies } from './lies.ts'
import { commandClients } from './readers/clients.ts'
import { openEthers, openViem } from './readers/contract.ts'
import { dockerClient } from './readers/docker.ts'
import { openLibrary } from './readers/library.ts'
import { openPlain } from './readers/plain.ts'
import type { Finding, Reader } from './readers/reader.ts'
import { playLie, type Scored } from './run.ts'
import { type LiarWorld, startLiarWorld } from './world.ts'

// A gateway that lies in every way that we could think of, and everybody who may be lied to.

const help = `npm run test:liar [-- --only PATTERN] [--http]
  --only PATTERN  the lies whose name matches
  --http          plain HTTP alone in place of docker, crane, skopeo and oras
What is not installed is skipped, and says so; with CI=true it must be there.`

const { values } = parseArgs({
  options: {
    only: { type: 'string', default: '' },
    http: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
})

const tally = { passed: 0, failed: 0, skipped: 0, accepted: 0 }
/** Lies told at once: half of them those whose readers mostly wait for who does not answer. */
const atOnce = 8

function print(line: string): void {
  process.stdout.write(`${line}\n`)
}

type OpenReader = Reader & { close?(): void | Promise<void> }

async function openReaders(world: LiarWorld): Promise<OpenReader[]> {
  const readers: OpenReader[] = [await openPlain(world), openLibrary(world), openViem(world), openEthers(world)]
  for (const client of values.http ? [] : [dockerClient, ...commandClients]) {
    const reason = client.whyNot()
    if (reason === undefined) readers.push(await client.open(world))
    else skip(client.name, reason)
  }
  return readers
}

function skip(name: string, reason: string): void {
  const isFailure = process.env.CI === 'true'
  tally[isFailure ? 'failed' : 'skipped'] += 1
  print(`${isFailure ? 'FAIL' : 'skip'} ${name}: ${reason}; plain HTTP stands in for it`)
}

/** One line for a lie: what it came to, for whom; and a line for each who got it wrong. */
function report(lie: Lie, scored: readonly Scored[]): void {
  for (const { twin, told, ...score } of scored) {
    if (told.status === 'accepted') tally.accepted += 1
    tally.passed += Number(score.isTwinRight) + Number(score.isLieRight)
    tally.failed += Number(!score.isTwinRight) + Number(!score.isLieRight)
    if (!score.isTwinRight) print(`FAIL ${lie.name}: ${score.reader} does not take the honest twin: ${wordsOf(twin)}`)
    if (!score.isLieRight) print(`FAIL ${lie.name}: ${score.reader} wants ${score.wanted}: ${wordsOf(told)}`)
  }
  if (scored.length === 0) print(`FAIL ${lie.name}: nobody was lied to`)
  tally.failed += Number(scored.length === 0)
  print(`${lie.name.padEnd(56)} ${endingsOf(lie, scored).padEnd(44)} ${scored.map(({ reader }) => reader).join(' ')}`)
}

function wordsOf(finding: Finding): string {
  if (finding.status === 'honest') return 'took the honest content'
  return finding.status === 'accepted' ? `ACCEPTED ${finding.what}` : `refused as ${finding.error}: ${finding.said}`
}

/** The error name; by column where they differ. */
function endingsOf({ expected }: Lie, scored: readonly Scored[]): string {
  const columns = (Object.entries(expected) as [Column, Ending][]).filter(([column]) =>
    scored.some((score) => score.column === column),
  )
  const names = new Set(columns.map(([, ending]) => ending))
  return names.size === 1 ? `${[...names][0]}` : columns.map(([column, ending]) => `${column} ${ending}`).join(', ')
}

async function playAll(world: LiarWorld, lies: readonly Lie[], readers: readonly Reader[]): Promise<void> {
  const now = BigInt(Math.floor(Date.now() / 1000))
  const isWaitedFor = ({ expected }: Lie) => expected.proxy === 'GatewayUnavailable'
  const [waits, others] = [lies.filter(isWaitedFor), lies.filter((lie) => !isWaitedFor(lie))]
  const play = async (left: Lie[]) => {
    for (let lie = left.shift(); lie !== undefined; lie = left.shift()) {
      try {
        report(lie, await playLie(world, lie, readers, now))
      } catch (error) {
        tally.failed += 1
        print(`FAIL ${lie.name}: ${error instanceof Error ? error.stack : error}`)
      }
    }
  }
  await Promise.all(Array.from({ length: atOnce }, (_, position) => play(position % 2 === 0 ? waits : others)))
}

/** Nobody went where lies lead, and nobody gave anybody credentials. */
function checkTrap({ trap, liar }: LiarWorld): void {
  for (const line of [...trap.asked.map((it) => `the trap was asked ${it}`), ...liar.credentials]) {
    tally.failed += 1
    print(`FAIL ${line}`)
  }
  tally.passed += Number(trap.asked.length === 0) + Number(liar.credentials.length === 0)
}

async function main(): Promise<void> {
  const lies = allLies.filter(({ name }) => new RegExp(values.only, 'i').test(name))
  if (lies.length === 0) throw new Error(`--only ${values.only}: no lie is called so`)
  const labels = new Set(lies.map(labelOf))
  if (labels.size !== lies.length) throw new Error('two lies are called alike')
  const world = await startLiarWorld(lies)
  const readers = await openReaders(world)
  try {
    await playAll(world, lies, readers)
    checkTrap(world)
  } finally {
    for (const reader of readers) await reader.close?.()
    await world.close()
  }
  const skipped = tally.skipped > 0 ? `, ${tally.skipped} skipped` : ''
  print(`\nlies ${lies.length}, accepted ${tally.accepted}\n${tally.passed} passed, ${tally.failed} failed${skipped}`)
  if (tally.failed > 0 || tally.accepted > 0) process.exitCode = 1
}

for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1))
if (values.help) print(help)
else await main()
