import { parseArgs } from 'node:util'
import { type Chain, describeMachine, startChain, stopAll } from './lab.ts'
import { loadGenerator } from './load/load.ts'
import { type Row, renderTable } from './row.ts'
import { measureGas } from './rows/gas.ts'
import { measureLookups } from './rows/lookups.ts'
import { measureMemory } from './rows/memory.ts'
import { measureProxy } from './rows/proxy.ts'
import { measurePublish } from './rows/publish.ts'
import { measureRegistry } from './rows/registry.ts'
import { measureSwarm } from './rows/swarm.ts'
import {
  measureBundle,
  measureColdStart,
  measureWorkerLookups,
  measureWorkerManifest,
  measureWorkerPublish,
  measureWorkerStreams,
} from './rows/worker.ts'

type Group = { name: string; measure(chain: Chain, quick: boolean): Promise<Row[]> }

const groups: readonly Group[] = [
  { name: 'lookups', measure: (chain, quick) => measureLookups(chain, quick ? 1 : 5, quick ? 1 : 3) },
  {
    name: 'publish',
    measure: (chain, quick) => measurePublish(chain, quick ? [100, 1_000] : [100, 10_000, 100_000], quick ? 5 : 41),
  },
  { name: 'callback gas', measure: async () => measureGas() },
  { name: 'registry', measure: measureRegistry },
  { name: 'proxy', measure: measureProxy },
  { name: 'swarm', measure: measureSwarm },
  { name: 'memory', measure: (chain, quick) => measureMemory(chain, quick ? 1_000 : 100_000) },
]

/** What a Worker costs: in workerd, as it is deployed. */
const workerGroups: readonly Group[] = [
  { name: 'bundle', measure: measureBundle },
  { name: 'cold start', measure: (chain, quick) => measureColdStart(chain, quick ? 2 : 15) },
  { name: 'lookups', measure: (chain, quick) => measureWorkerLookups(chain, quick ? 1 : 5) },
  { name: 'manifest', measure: measureWorkerManifest },
  { name: 'publish', measure: (chain, quick) => measureWorkerPublish(chain, quick ? 1_000 : 100_000) },
  { name: 'streams', measure: (chain, quick) => measureWorkerStreams(chain, quick ? 6 : 90, quick ? 7 : 100) },
]

const help = `npm run bench [-- --worker] [--only PATTERN] [--quick] [--json]
  --worker        the gateway on Cloudflare Workers, in workerd
  --only PATTERN  the groups whose name matches: ${namesOf(groups)}; with --worker: ${namesOf(workerGroups)}
  --quick         few runs and small lists: shows that the bench works, not how fast anything is
  --json          one JSON value on stdout`

function namesOf(all: readonly Group[]): string {
  return all.map(({ name }) => name).join(', ')
}

const { values } = parseArgs({
  options: {
    worker: { type: 'boolean', default: false },
    only: { type: 'string', default: '' },
    quick: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
})

async function main(): Promise<void> {
  const all = values.worker ? workerGroups : groups
  const chosen = all.filter(({ name }) => new RegExp(values.only, 'i').test(name))
  if (chosen.length === 0) throw new Error(`--only ${values.only}: there is ${namesOf(all)}`)
  const chain = await startChain(['demo.eth'])
  const rows: Row[] = []
  for (const { name, measure } of chosen) {
    process.stderr.write(`measuring ${name} ...\n`)
    rows.push(...(await measure(chain.ready, values.quick)))
  }
  const machine = describeMachine()
  if (values.json) process.stdout.write(`${JSON.stringify({ machine, rows }, null, 2)}\n`)
  else process.stdout.write(`\n${renderTable(rows)}\n\n${machine}; load by ${loadGenerator}\n`)
}

if (values.help) process.stdout.write(`${help}\n`)
else await main().finally(stopAll)
