import { fileURLToPath } from 'node:url'
import { defineConfig, type TestUserConfig, type ViteUserConfig } from 'vitest/config'
import { createReporter } from './reporter.ts'

/** How a suite beside `npm test` differs from the others of its kind. */
type SuiteOptions = Pick<TestUserConfig, 'env' | 'maxWorkers'> & {
  /** For a test or a hook; slow is not wrong on a busy machine. */
  timeoutMs: number
  /** What it ran on, said with its count. */
  where?: string
}

/** The configuration of a suite of its own: files in processes, two at once, with the house's reporter. */
export function suiteConfig(include: readonly string[], options: SuiteOptions): ViteUserConfig {
  const { timeoutMs, where, ...others } = options
  return defineConfig({
    root: fileURLToPath(new URL('..', import.meta.url)),
    test: {
      include: [...include],
      reporters: [createReporter(where)],
      pool: 'forks',
      maxWorkers: 2,
      testTimeout: timeoutMs,
      hookTimeout: timeoutMs,
      allowOnly: false,
      passWithNoTests: false,
      ...others,
    },
  })
}
