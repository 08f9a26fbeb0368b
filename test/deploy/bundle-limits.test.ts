import { randomBytes } from 'node:crypto'
import { expect, test } from 'vitest'
import { describeImports, describeSize } from '../../scripts/bundle-limits.ts'

const moduleOf = (bytes: Buffer, name = 'index.js') => ({ name, bytes })

test('a Worker has at most 400 kB and 130 kB gzipped, all modules together', () => {
  const text = Buffer.alloc(399_000, 'a')
  expect(describeSize({ modules: [moduleOf(text), moduleOf(Buffer.alloc(1_000), 'hash.wasm')] })).toMatch(
    /^400\.0 kB minified \(at most 400\.0 kB\), 0\.\d kB gzipped \(at most 130\.0 kB\)$/,
  )
  const oneMore = [moduleOf(text), moduleOf(Buffer.alloc(1_001), 'hash.wasm')]
  expect(() => describeSize({ modules: oneMore })).toThrow('too large: 400.0 kB minified')
  const noise = randomBytes(129_000)
  expect(describeSize({ modules: [moduleOf(noise)] })).toContain('129.0 kB minified')
  expect(() => describeSize({ modules: [moduleOf(noise), moduleOf(randomBytes(2_000))] })).toThrow(
    'too large: 131.0 kB',
  )
})

test('a Worker imports modules of its own and of workerd, and no built-in of Node', () => {
  const modules = [moduleOf(Buffer.alloc(1)), moduleOf(Buffer.alloc(1), '08-hash.wasm')]
  const outside = [
    { path: './08-hash.wasm', from: ['worker/hash.ts'] },
    { path: 'cloudflare:workers', from: ['worker/index.ts'] },
  ]
  expect(describeImports({ modules, outside })).toBe('none; it imports cloudflare:workers')
  for (const path of ['node:crypto', 'fs', './another.wasm', 'better-sqlite3']) {
    const more = [...outside, { path, from: ['gateway/queue.ts', 'gateway/files.ts'] }]
    expect(() => describeImports({ modules, outside: more })).toThrow(
      `${path} (from gateway/queue.ts, gateway/files.ts)`,
    )
  }
})
