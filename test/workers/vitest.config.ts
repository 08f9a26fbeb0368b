import { fileURLToPath } from 'node:url'
import { cloudflareTest, readD1Migrations } from '@cloudflare/vitest-pool-workers'
import type { ProvidedContext } from 'vitest'
import { defineConfig } from 'vitest/config'
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

export default defineConfig({
  root: fileURLToPath(new URL('../..', import.meta.url)),
  plugins: [
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
