import { spawnSync } from 'node:child_process'
import { createRequire } from 'node:module'
import { fileURLToPath } from 'node:url'

export const packageRoot = fileURLToPath(new URL('../..', import.meta.url))

const require = createRequire(import.meta.url)

/** The forge binary that npm installed for this machine. */
function forgeBinary() {
  const platform = process.platform === 'win32' ? 'win32' : process.platform
  const arch = process.arch === 'x64' ? 'amd64' : process.arch
  const extension = process.platform === 'win32' ? '.exe' : ''
  return require.resolve(`@foundry-rs/forge-${platform}-${arch}/bin/forge${extension}`)
}

/**
 * Runs forge on this package with its own configuration. `stdio` is `inherit` for people, `pipe` for readers.
 * @returns {{ status: number, stdout: string }}
 */
export function forge(args, stdio = 'inherit') {
  const run = spawnSync(forgeBinary(), [...args, '--root', packageRoot], {
    cwd: packageRoot,
    env: { ...process.env, FOUNDRY_CONFIG: 'resolver-contract/foundry.toml' },
    stdio: stdio === 'inherit' ? 'inherit' : ['ignore', 'pipe', 'inherit'],
    encoding: 'utf8',
    maxBuffer: 256 * 1024 * 1024,
  })
  if (run.error) throw run.error
  return { status: run.status ?? 1, stdout: run.stdout ?? '' }
}
