// Bundles the command line into dist/: one file, dependencies left to node_modules. A stale dist is never shipped: it is written anew.
import { chmodSync, existsSync, readFileSync, rmSync } from 'node:fs'
import { build } from 'esbuild'

const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'))
rmSync('dist', { recursive: true, force: true })
if (!existsSync('gateway/cli/main.ts')) process.exit(0)
await build({
  entryPoints: { mooring: 'gateway/cli/main.ts' },
  outdir: 'dist',
  bundle: true,
  platform: 'node',
  target: 'node20',
  format: 'esm',
  packages: 'external',
  banner: { js: '#!/usr/bin/env node' },
  define: { __MOORING_VERSION__: JSON.stringify(version) },
  sourcemap: true,
  logLevel: 'warning',
})
chmodSync('dist/mooring.js', 0o755)
