// Bundles the command line and docker's credential helper into dist/: one file each, dependencies left to node_modules; and the library into
// dist/lib. A stale dist is never
// shipped: it is written anew.
import { chmodSync, rmSync } from 'node:fs'
import { build } from 'esbuild'
import { buildLibrary } from './library.mjs'

rmSync('dist', { recursive: true, force: true })
await build({
  entryPoints: {
    mooring: 'gateway/cli/main.ts',
    'docker-credential-mooring': 'gateway/cli/docker-credential-mooring.ts',
  },
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
for (const program of ['mooring', 'docker-credential-mooring']) chmodSync(`dist/${program}.js`, 0o755)
buildLibrary('dist/lib')
