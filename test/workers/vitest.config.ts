import { fileURLToPath } from 'node:url'
import { cloudflareTest, readD1Migrations } from '@cloudflare/vitest-pool-workers'
import type { ProvidedContext } from 'vitest'
import { defineConfig, type Plugin } from 'vitest/config'
import { migrationsFolder } from '../../gateway/package-root.ts'
import { createReporter } from '../reporter.ts'

// `npm run test:workers`: in workerd, over the bindings of wrangler.toml in Miniflare. Loopback only.

Object.assign(process.env, {
  CI: '1',
  CLOUDFLARE_CF_FETCH_ENABLED: 'false',
  WRANGLER_HIDE_BANNER: 'true',
  WRANGLER_SEND_ERROR_REPORTS: 'false',
  WRANGLER_SEND_METRICS: 'false',
})

/** The vars of a Worker for the chain that the global setup started. */
function varsOf({ rpc, chainId, addresses }: ProvidedContext['chain']): Record<string, string> {
  return {
    MOORING_RPC: rpc,
    MOORING_CHAIN_ID: String(chainId),
    MOORING_ENS_REGISTRY: addresses.ensRegistry,
    MOORING_RESOLVER: addresses.resolver,
  }
}

/**
 * viem imports the curve each time it recovers a signer. In the bundle that is there already; here each import asks the test runner, and
 * one that an evicted object began never ends: whoever imports it afterwards would wait for it.
 */
const importCurveFirst: Plugin = {
  name: 'import the curve first',
  transform(code, id) {
    if (!id.endsWith('/recoverPublicKey.js')) return null
    const later = "const { secp256k1 } = await import('@noble/curves/secp256k1')"
    if (!code.includes(later)) throw new Error(`${id} no longer says ${later}`)
    return `import { secp256k1 } from '@noble/curves/secp256k1'\n${code.replace(later, '')}`
  },
}

export default defineConfig({
  root: fileURLToPath(new URL('../..', import.meta.url)),
  plugins: [
    importCurveFirst,
    cloudflareTest(async ({ inject }) => ({
      wrangler: { configPath: './wrangler.toml' },
      miniflare: {
        cf: false,
        bindings: { ...varsOf(inject('chain')), TEST_MIGRATIONS: await readD1Migrations(migrationsFolder()) },
      },
    })),
  ],
  test: {
    include: ['test/workers/**/*.test.ts'],
    globalSetup: ['test/workers/global-setup.ts'],
    reporters: [createReporter()],
    maxWorkers: 2,
    testTimeout: 120_000,
    hookTimeout: 120_000,
    allowOnly: false,
    passWithNoTests: false,
  },
})
