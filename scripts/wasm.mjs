// Compiles gateway/swarm/bmt.as into gateway/swarm/bmt.wasm; with --check only says whether the kept bytes are what it gives.
import { readFileSync, writeFileSync } from 'node:fs'
import asc from 'assemblyscript/asc'

const source = 'gateway/swarm/bmt.as'
const kept = new URL('../gateway/swarm/bmt.wasm', import.meta.url)
const memoryPages = '18'
const memory = ['--initialMemory', memoryPages, '--maximumMemory', memoryPages]
const options = ['-O3', '--runtime', 'stub', '--noAssert', ...memory, '--outFile', 'bmt.wasm']

let built
// The compiler only knows files that end in .ts, where AssemblyScript would be taken for TypeScript.
const { error, stderr } = await asc.main(['bmt.ts', ...options], {
  readFile: (name) => (name === 'bmt.ts' ? readFileSync(new URL(`../${source}`, import.meta.url), 'utf8') : null),
  writeFile(name, contents) {
    if (name === 'bmt.wasm') built = Buffer.from(contents)
  },
  listFiles: () => [],
})
if (error || !built) throw new Error(`${source} does not compile: ${error?.message ?? ''}\n${stderr}`)
if (!process.argv.includes('--check')) writeFileSync(kept, built)
else if (!readFileSync(kept).equals(built)) throw new Error(`bmt.wasm is not what ${source} gives: npm run build:wasm`)
console.log(`gateway/swarm/bmt.wasm: ${built.length} bytes`)
