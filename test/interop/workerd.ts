import { readdirSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import { fileURLToPath } from 'node:url'
import { Log, LogLevel, Miniflare } from 'miniflare'
import { unstable_getMiniflareWorkerOptions } from 'wrangler'
import { openPlainPort } from './plain-port.ts'
import { run } from './run.ts'

// What this repository knows of wrangler's command line and of Miniflare: bundles as they are deployed, databases as they are migrated,
// and both of them running.

const root = fileURLToPath(new URL('../..', import.meta.url))
const configFile = join(root, 'wrangler.toml')
const wranglerFile = createRequire(import.meta.url).resolve('wrangler/bin/wrangler.js')

/** With these in its environment wrangler asks nothing and tells nobody: what it does stays on this machine. */
const quiet = {
  CI: '1',
  CLOUDFLARE_CF_FETCH_ENABLED: 'false',
  NO_COLOR: '1',
  WRANGLER_HIDE_BANNER: 'true',
  WRANGLER_LOG_SANITIZE: 'true',
  WRANGLER_SEND_ERROR_REPORTS: 'false',
  WRANGLER_SEND_METRICS: 'false',
}

/** Runs wrangler for this repository's `wrangler.toml` and returns what it printed. @throws with that when it fails */
export function wrangler(...args: string[]): Promise<string> {
  return run(process.execPath, [wranglerFile, ...args, '--config', configFile], { cwd: root, env: quiet })
}

/** A module of a Worker as it is sent. */
export type BundledModule = { name: string; bytes: Buffer }

/** What a bundle leaves outside: a specifier, and the files that import it. */
export type OutsideImport = { path: string; from: readonly string[] }

/** A Worker as `wrangler deploy` would send it: its entry first. */
export type Bundle = { modules: readonly BundledModule[]; outside: readonly OutsideImport[] }

/** Bundles a Worker into a folder, minified, by wrangler. */
export async function bundleWorker(folder: string, entry = 'worker/index.ts'): Promise<Bundle> {
  const [outdir, metafile] = [join(folder, 'bundle'), join(folder, 'bundle.json')]
  const flags = ['--dry-run', '--minify', '--outdir', outdir, '--metafile', metafile]
  await wrangler('deploy', entry, ...flags)
  const names = readdirSync(outdir).filter((name) => /\.(js|wasm)$/.test(name))
  const modules = names
    .sort((a, b) => Number(b.endsWith('.js')) - Number(a.endsWith('.js')))
    .map((name) => ({ name, bytes: readFileSync(join(outdir, name)) }))
  return { modules, outside: outsideOf(JSON.parse(readFileSync(metafile, 'utf8'))) }
}

/** What esbuild says of its input and output files. */
type Metafile = Record<'inputs' | 'outputs', Record<string, { imports: { path: string; external?: boolean }[] }>>

function outsideOf({ inputs, outputs }: Metafile): OutsideImport[] {
  const imports = Object.values(outputs).flatMap(({ imports }) => imports)
  const paths = new Set(imports.filter(({ external }) => external).map(({ path }) => path))
  const importersOf = (wanted: string) =>
    Object.keys(inputs).filter((file) => inputs[file]?.imports.some(({ path }) => path === wanted))
  return [...paths].map((path) => ({ path, from: importersOf(path) }))
}

/** Brings the database of a folder of states up to date, with the migrations that a real one gets, by wrangler. */
export function migrateDatabase(states: string): Promise<string> {
  return wrangler('d1', 'migrations', 'apply', 'mooring', '--local', '--persist-to', states)
}

/** A Worker that answers in workerd. */
export type RunningWorker = {
  /** Where workerd itself listens. */
  behind: string
  stop(): Promise<void>
}

export type WorkerOptions = {
  bundle: Bundle
  /** The folder that `migrateDatabase` brought up to date. What is in the Worker's database stays there. */
  states: string
  /** On 127.0.0.1. */
  port: number
  /** Beside those of `wrangler.toml`. */
  vars: Readonly<Record<string, string>>
  /** What the Worker and workerd say is added here. */
  said: string[]
}

/** Starts a Worker with the bindings of `wrangler.toml`: simulators of D1, R2 and Durable Objects. */
export async function startBundle({ bundle, states, port, vars, said }: WorkerOptions): Promise<RunningWorker> {
  const { workerOptions } = unstable_getMiniflareWorkerOptions(configFile)
  const modules = bundle.modules.map(({ name, bytes }) =>
    name.endsWith('.wasm')
      ? { type: 'CompiledWasm' as const, path: join(states, name), contents: bytes }
      : { type: 'ESModule' as const, path: join(states, name), contents: bytes.toString() },
  )
  const miniflare = new Miniflare({
    ...workerOptions,
    bindings: { ...workerOptions.bindings, ...vars },
    modules,
    modulesRoot: states,
    defaultPersistRoot: join(states, 'v3'),
    cf: false,
    unsafeTriggerHandlers: true,
    host: '127.0.0.1',
    port: 0,
    log: new Log(LogLevel.ERROR),
    handleRuntimeStdio: (stdout: Readable, stderr: Readable) => {
      for (const stream of [stdout, stderr]) stream.on('data', (text: Buffer) => said.push(text.toString()))
    },
  })
  try {
    const behind = await miniflare.ready
    const front = await openPlainPort(port, Number(behind.port))
    return {
      behind: behind.origin,
      async stop() {
        await front.close()
        await miniflare.dispose()
      },
    }
  } catch (error) {
    await miniflare.dispose().catch(() => undefined)
    throw new Error(`the Worker does not start: ${said.join('')}`, { cause: error })
  }
}
