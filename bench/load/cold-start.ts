import { type Bundle, bundleWorker, startBundle } from '../../test/interop/workerd.ts'
import { makeFolder } from '../lab.ts'

// Times from starting workerd to the first answer, of our Worker and of an empty one in turn. Argument: {runs, vars}; prints
// {ours: [...], empty: [...]} in milliseconds.

const { runs, vars }: { runs: number; vars: Record<string, string> } = JSON.parse(process.argv[2] ?? '{}')

/** Both with the same bindings, in a folder that is there already. */
async function start(bundle: Bundle, states: string): Promise<number> {
  const begin = performance.now()
  const worker = await startBundle({ bundle, states, port: 0, vars, said: [] })
  const response = await fetch(`${worker.behind}/v2/`)
  await response.arrayBuffer()
  const elapsedMs = performance.now() - begin
  await worker.stop()
  if (response.status !== 200) throw new Error(`the first answer has status ${response.status}`)
  return elapsedMs
}

const [ourFolder, emptyFolder] = [makeFolder(), makeFolder()]
const [ours, empty] = [await bundleWorker(ourFolder), await bundleWorker(emptyFolder, 'bench/peers/empty-worker.mjs')]
const times = { ours: [] as number[], empty: [] as number[] }
// One of each that does not count: whatever comes first reads files that are in memory from then on.
for (let run = -1; run < runs; run += 1) {
  const [emptyMs, ourMs] = [await start(empty, emptyFolder), await start(ours, ourFolder)]
  if (run < 0) continue
  times.empty.push(emptyMs)
  times.ours.push(ourMs)
}
process.stdout.write(`${JSON.stringify(times)}\n`)
