import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'
import { Miniflare } from 'miniflare'

// Swarm hashes in workerd, both by one Worker. Argument: an order; prints {ours: [...], beeJs: [...]}, MB per second on the clock outside.

type Order = { megabytes: number; beeJsMegabytes: number; runs: number }

const order: Order = JSON.parse(process.argv[2] ?? '{}')
const fileOf = (path: string) => fileURLToPath(new URL(path, import.meta.url))
const { outputFiles } = await build({
  entryPoints: [fileOf('./workerd-hash.mjs')],
  bundle: true,
  write: false,
  format: 'esm',
  conditions: ['workerd', 'browser'],
  external: ['node:*'],
  plugins: [
    {
      name: 'wasm',
      setup: ({ onResolve }) => onResolve({ filter: /\.wasm$/ }, () => ({ path: './bmt.wasm', external: true })),
    },
  ],
})
const worker = new Miniflare({
  compatibilityDate: '2026-04-01',
  compatibilityFlags: ['nodejs_compat'],
  modules: [
    { type: 'ESModule', path: 'index.mjs', contents: outputFiles[0]?.text ?? '' },
    { type: 'CompiledWasm', path: 'bmt.wasm', contents: readFileSync(fileOf('../../gateway/swarm/bmt.wasm')) },
  ],
})

async function ask(who: 'ours' | 'beeJs', pieces: number): Promise<string> {
  const response = await worker.dispatchFetch(`http://worker/${who}/${pieces}`)
  if (response.status === 200) return response.text()
  throw new Error(`workerd: ${response.status} ${(await response.text()).slice(0, 500)}`)
}

async function rate(who: 'ours' | 'beeJs', megabytes: number): Promise<number> {
  const pieces = Math.max(1, Math.round((megabytes * 1e6) / 2 ** 20))
  const begin = performance.now()
  await ask(who, pieces)
  return (pieces * 2 ** 20) / 1e3 / (performance.now() - begin)
}

const [ours, beeJs]: number[][] = [[], []]
try {
  if ((await ask('ours', 1)) !== (await ask('beeJs', 1))) throw new Error('bee-js has another reference')
  for (let run = 0; run < order.runs; run += 1) {
    ours?.push(await rate('ours', order.megabytes))
    beeJs?.push(await rate('beeJs', order.beeJsMegabytes))
  }
} finally {
  await worker.dispose()
}
process.stdout.write(`${JSON.stringify({ ours, beeJs })}\n`)
