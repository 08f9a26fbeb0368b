import { readdirSync, readFileSync } from 'node:fs'
import { bundleWorker, migrateDatabase, startBundle } from '../../test/interop/workerd.ts'
import { makeFolder } from '../lab.ts'

// A Worker in workerd, minified as it is deployed, over simulators of its bindings. Argument: {entry, vars, states}; where there is a
// folder of states it goes on with it. Prints {url, workerdPid} and stays.

type Order = { entry: string; vars: Record<string, string>; states?: string }

const { entry, vars, states }: Order = JSON.parse(process.argv[2] ?? '{}')
const folder = makeFolder()
const bundle = await bundleWorker(folder, entry)
if (states === undefined) await migrateDatabase(folder)
const worker = await startBundle({ bundle, states: states ?? folder, port: 0, vars, said: [] })
process.stdout.write(`${JSON.stringify({ url: worker.behind, workerdPid: workerdPid(), states: states ?? folder })}\n`)
process.once('SIGTERM', () => worker.stop().then(() => process.exit()))

/** The process that this one started and that is still there. */
function workerdPid(): number {
  const children = readdirSync('/proc/self/task').flatMap((task) =>
    readFileSync(`/proc/self/task/${task}/children`, 'utf8').trim().split(' '),
  )
  const isWorkerd = (pid: string) => pid !== '' && /workerd/.test(readFileSync(`/proc/${pid}/cmdline`, 'utf8'))
  return Number(children.find(isWorkerd))
}
