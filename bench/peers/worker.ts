import { bundleWorker, migrateDatabase, startBundle } from '../../test/interop/workerd.ts'
import { makeFolder } from '../lab.ts'
import { workerdPid } from '../load/workerd-process.ts'

// A Worker in workerd, minified as it is deployed, over simulators of its bindings. Argument: {entry, vars}; prints
// {url, workerdPid} and stays.

type Order = { entry: string; vars: Record<string, string> }

const { entry, vars }: Order = JSON.parse(process.argv[2] ?? '{}')
const folder = makeFolder()
const bundle = await bundleWorker(folder, entry)
await migrateDatabase(folder)
const worker = await startBundle({ bundle, states: folder, port: 0, vars, said: [] })
process.stdout.write(`${JSON.stringify({ url: worker.behind, workerdPid: workerdPid() })}\n`)
process.once('SIGTERM', () => worker.stop().then(() => process.exit()))
