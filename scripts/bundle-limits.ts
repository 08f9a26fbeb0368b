import { gzipSync } from 'node:zlib'
import type { Bundle } from '../test/interop/workerd.ts'

/** The most that all modules of the Worker may have together, in bytes. */
const mostBytes = { minified: 400_000, gzipped: 130_000 }

/** How large a bundle is. @throws when that is above the limits */
export function describeSize({ modules }: Pick<Bundle, 'modules'>): string {
  const minified = modules.reduce((sum, { bytes }) => sum + bytes.length, 0)
  const gzipped = modules.reduce((sum, { bytes }) => sum + gzipSync(bytes, { level: 9 }).length, 0)
  const told = [
    `${kB(minified)} minified (at most ${kB(mostBytes.minified)})`,
    `${kB(gzipped)} gzipped (at most ${kB(mostBytes.gzipped)})`,
  ].join(', ')
  if (minified > mostBytes.minified || gzipped > mostBytes.gzipped) throw new Error(`too large: ${told}`)
  return told
}

function kB(bytes: number): string {
  return `${(bytes / 1000).toFixed(1)} kB`
}

/**
 * What a bundle imports from outside. Without `nodejs_compat` workerd has its own modules and none of Node's.
 * @throws when it imports anything else
 */
export function describeImports({ modules, outside }: Pick<Bundle, 'modules' | 'outside'>): string {
  const own = new Set(modules.map(({ name }) => `./${name}`))
  const foreign = outside.filter(({ path }) => !own.has(path))
  const wrong = foreign.filter(({ path }) => !path.startsWith('cloudflare:'))
  if (wrong.length > 0) {
    const told = wrong.map(({ path, from }) => `${path} (from ${from.join(', ')})`)
    throw new Error(`the bundle imports what workerd does not have: ${told.join('; ')}`)
  }
  return `none; it imports ${foreign.map(({ path }) => path).join(', ') || 'nothing'}`
}
