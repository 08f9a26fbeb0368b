import { type Bundle, bundleWorker, startBundle } from '../../test/interop/workerd.ts'
import { makeFolder } from '../lab.ts'
import { threadMilliseconds, workerdPid } from './workerd-process.ts'

// Times from starting workerd to the first answer, of our Worker and of an empty one in turn. Argument: {runs, vars}; prints
// {ours: {ms: [...], cpuMs: [...]}, empty: {...}}.

const { runs, vars }: { runs: number; vars: Record<string, string> } = JSON.parse(process.argv[2] ?? '{}')

type Starts = Record<'ms' | 'cpuMs', number[]>

/** Both with the same bindings, in a folder that is there already. */
async function start(bundle: Bundle, states: string, times: Starts): Promise<void> {
  const begin = performance.now()
  const worker = await startBundle({ bundle, states, port: 0, vars, said: [] })
  const response = await fetch(`${worker.behind}/v2/`)
  await response.arrayBuffer()
  times.ms.push(performance.now() - begin)
  times.cpuMs.push(threadMilliseconds(workerdPid()))
  await worker.stop()
  if (response.status !== 200) throw new Error(`the first answer has status ${response.status}`)
}

const [ourFolder, emptyFolder] = [makeFolder(), makeFolder()]
const [ours, empty] = [await bundleWorker(ourFolder), await bundleWorker(emptyFolder, 'bench/peers/empty-worker.mjs')]
const noTimes = (): Starts => ({ ms: [], cpuMs: [] })
const times = { ours: noTimes(), empty: noTimes() }
// One of each that does not count: whatever comes first reads files that are in memory from then on.
for (let run = -1; run < runs; run += 1) {
  await start(empty, emptyFolder, run < 0 ? noTimes() : times.empty)
  await start(ours, ourFolder, run < 0 ? noTimes() : times.ours)
}
process.stdout.write(`${JSON.stringify(times)}\n`)
