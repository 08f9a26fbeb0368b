import { existsSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

/**
 * The folder of this package at run time, where migrations and contracts are found: the nearest one upwards whose package.json
 * names it. Works from source, from dist/ and as an installed dependency. @throws Error when there is none
 */
export function packageRoot(from: string = dirname(fileURLToPath(import.meta.url))): string {
  const manifest = join(from, 'package.json')
  if (existsSync(manifest) && JSON.parse(readFileSync(manifest, 'utf8')).name === 'mooring') return from
  const parent = dirname(from)
  if (parent === from)
    throw new Error('the package.json of mooring is not above its code: the installation is incomplete')
  return packageRoot(parent)
}

/** The folder of the SQL migrations, for SQLite here and for `wrangler d1 migrations` alike. */
export function migrationsFolder(): string {
  return join(packageRoot(), 'gateway', 'store', 'migrations')
}

/** The compiled module that hashes Swarm's chunks. */
export function swarmHashFile(): string {
  return join(packageRoot(), 'gateway', 'swarm', 'bmt.wasm')
}

/** The program of a thread that hashes Swarm's chunks. */
export function hashThreadFile(): string {
  return join(packageRoot(), 'gateway', 'swarm', 'hash-thread.mjs')
}

/** The files of the page on which a wallet signs. */
export function signingPageFolder(): string {
  return join(packageRoot(), 'gateway', 'web', 'signing')
}
