import { readFileSync } from 'node:fs'
import { expect, onTestFinished, test, vi } from 'vitest'
import { swarmHashFile } from '../../gateway/package-root.ts'
import { createSwarmHash } from '../../gateway/swarm/hash.ts'
import { goldenReferences } from '../bee/golden.ts'
import { patternBytes } from './naive.ts'

const bytes = readFileSync(swarmHashFile())
const module = new WebAssembly.Module(bytes)

/** From now on no bytes become a module, as in workerd; what is compiled already may be instantiated. */
function forbidCompiling(): void {
  const { instantiate } = WebAssembly
  const forbidden = () => {
    throw new WebAssembly.CompileError('Wasm code generation disallowed by embedder')
  }
  vi.spyOn(WebAssembly, 'compile').mockImplementation(forbidden)
  vi.spyOn(WebAssembly, 'Module').mockImplementation(forbidden)
  vi.spyOn(WebAssembly, 'instantiate').mockImplementation((async (
    source: WebAssembly.Module,
    imports?: WebAssembly.Imports,
  ) => {
    return source === module ? instantiate(source, imports) : forbidden()
  }) as typeof instantiate)
  onTestFinished(() => void vi.restoreAllMocks())
}

test('the hash needs no run-time compiling: it works over the module that it is given', async () => {
  forbidCompiling()
  await expect(WebAssembly.instantiate(bytes)).rejects.toThrow('disallowed')
  const hash = await createSwarmHash(module)
  for (const [size, reference] of goldenReferences) {
    const hasher = hash.createHasher()
    hasher.update(patternBytes(size))
    expect(hasher.digest()).toBe(reference)
  }
})
