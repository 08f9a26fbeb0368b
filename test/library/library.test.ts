import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import vm from 'node:vm'
import { build } from 'esbuild'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { DemoImage } from '../../gateway/cli/demo/image.ts'
import { buildLibrary } from '../../scripts/library.mjs'
import { pushTags, startWorld, type World } from '../e2e/world.ts'
import { addressOf, testKeys } from '../fixtures.ts'

const root = fileURLToPath(new URL('../../', import.meta.url))
const [, example = ''] = /```ts\n([\s\S]*?)```/.exec(readFileSync(`${root}docs/library.md`, 'utf8')) ?? []

let folder: string
let world: World
let image: DemoImage
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'mooring-library-'))
  buildLibrary(join(folder, 'lib'))
  writeFileSync(join(folder, 'example.ts'), example)
  world = await startWorld()
  image = await pushTags(world, 'latest')
})
afterAll(async () => {
  await world.close()
  rmSync(folder, { recursive: true })
})

/** Bundles for a browser: an import of a built-in of Node would fail here. */
async function bundle(code: string): Promise<string> {
  const { outputFiles } = await build({
    stdin: { contents: code, resolveDir: folder, loader: 'ts' },
    alias: { mooring: join(folder, 'lib/library/index.js') },
    nodePaths: [`${root}node_modules`],
    ...{ bundle: true, write: false, platform: 'browser', format: 'iife', globalName: 'bundled', minify: true },
    logLevel: 'silent',
  })
  return outputFiles[0]?.text ?? ''
}

/** What a page has, as far as the library needs it; and what its server lets it read. */
function createPage() {
  const stored = new Map<string, string>()
  const localStorage = {
    getItem: (key: string) => stored.get(key) ?? null,
    setItem: (key: string, text: string) => void stored.set(key, text),
  }
  const crossOrigin: (string | null)[] = []
  const watched: typeof fetch = async (...args) => {
    const response = await fetch(...args)
    if (`${args[0]}`.startsWith(world.gateway.url))
      crossOrigin.push(response.headers.get('access-control-allow-origin'))
    return response
  }
  const web = { URL, TextEncoder, TextDecoder, AbortController, AbortSignal, Headers, Request, Response, crypto }
  const page = vm.createContext({ ...web, localStorage, fetch: watched, setTimeout, clearTimeout, console })
  return { page, stored, crossOrigin }
}

test('docs/library.md: the example of at most 20 lines runs in a browser bundle against a gateway and a chain', async () => {
  expect(example.trim().split('\n').length).toBeLessThanOrEqual(20)
  const { page, stored, crossOrigin } = createPage()
  vm.runInContext(await bundle(`export * from './example.ts'`), page)
  expect(vm.runInContext('typeof process + typeof Buffer + typeof require', page)).toBe('undefined'.repeat(3))
  const more = { ensRegistry: world.chain.addresses.ensRegistry, gateways: [world.gateway.url] }
  const ask = (name: string, tag: string, change: object = {}) => {
    const args = [world.chain.rpc, name, tag, { ...more, ...change }].map((each) => JSON.stringify(each)).join(', ')
    return vm.runInContext(`bundled.describeTag(${args})`, page) as Promise<string>
  }
  const { digest, mediaType, bytes } = image.imageIndex
  const signer = addressOf(testKeys.owner)
  expect(await ask('acme.eth', 'latest')).toBe(`${digest} (${mediaType}, ${bytes.length} bytes), signed by ${signer}`)
  expect(await ask('acme.eth', 'nope')).toBe('proven absent in version 1')
  expect(await ask('nobody.eth', 'latest')).toMatch(/^refused: UnreachableName: /)
  expect(await ask('ACME.eth', 'latest')).toMatch(/^refused: InvalidName: /)
  expect(await ask('acme.eth', 'la test')).toMatch(/^refused: InvalidTag: /)
  expect(await ask('acme.eth', 'latest', { gateways: ['http://127.0.0.1:1'] })).toMatch(/^nobody answers: /)
  expect([...stored.keys()]).toEqual([expect.stringMatching(/^mooring:31337:0x[0-9a-f]{40}:0x[0-9a-f]{64}$/)])
  expect(new Set(crossOrigin)).toEqual(new Set(['*']))
})

test('a bundle has only what is used: an error class alone brings no verifier and no viem', async () => {
  const whole = await bundle(`export { verifyTag } from 'mooring'`)
  const part = await bundle(`export { Refusal } from 'mooring'`)
  expect(whole).toContain('eth_getBlockByNumber')
  expect(part.length).toBeLessThan(1500)
  const manifest = await bundle(`export { verifyManifest } from 'mooring'`)
  expect(manifest).not.toContain('eth_getBlockByNumber')
})

test('the declarations are whole: the example is checked against them, and a wrong use is found', () => {
  const paths = { mooring: [join(folder, 'lib/library/index.d.ts')], viem: [`${root}node_modules/viem`] }
  const compilerOptions = {
    ...{ strict: true, noEmit: true, target: 'es2022', module: 'esnext', moduleResolution: 'bundler', types: [] },
    ...{ lib: ['es2023', 'dom'], skipLibCheck: true, exactOptionalPropertyTypes: true, paths },
  }
  writeFileSync(join(folder, 'wrong.ts'), `import { verifyTag } from 'mooring'\nverifyTag({ name: 'acme.eth' })\n`)
  const config = join(folder, 'tsconfig.json')
  const files = ['example.ts', 'wrong.ts']
  writeFileSync(config, JSON.stringify({ compilerOptions, files }))
  let said = ''
  try {
    execFileSync(process.execPath, [`${root}node_modules/typescript/bin/tsc`, '-p', config], { encoding: 'utf8' })
  } catch (error) {
    said = (error as { stdout: string }).stdout
  }
  const errors = said.split('\n').filter((line) => line.includes('error TS'))
  expect(errors).toEqual([expect.stringMatching(/wrong\.ts\(2,11\): error TS2345/)])
})

test('package.json leads to what the build writes', () => {
  const { exports, types } = JSON.parse(readFileSync(`${root}package.json`, 'utf8'))
  expect(exports['.']).toEqual({ types, default: './dist/lib/library/index.js' })
  expect(types).toBe('./dist/lib/library/index.d.ts')
  for (const file of ['index.js', 'index.d.ts']) {
    expect(readFileSync(join(folder, 'lib/library', file), 'utf8')).toContain('verifyTag')
  }
})
