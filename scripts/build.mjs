// Bundles the command line into dist/: one file, dependencies left to node_modules; and the library into dist/lib. A stale dist is never
// shipped: it is written anew.
import { chmodSync, rmSync } from 'node:fs'
import { build } from 'esbuild'
import { buildLibrary } from './library.mjs'

rmSync('dist', { recursive: true, force: true })
await build({
  entryPoints: { mooring: 'gateway/cli/main.ts' },
  outdir: 'dist',
  bundle: true,
  platform: 'node',
  target: 'node20',
  format: 'esm',
  packages: 'external',
  banner: { js: '#!/usr/bin/env node' },
  sourcemap: true,
  logLevel: 'warning',
})
chmodSync('dist/mooring.js', 0o755)
buildLibrary('dist/lib')
