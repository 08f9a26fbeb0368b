import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { accessSync, closeSync, constants, openSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** Where `go install tool` puts crane, oras, regctl and nerdctl (see CONTRIBUTING.md). */
export const goToolFolder = fileURLToPath(new URL('./tools/bin', import.meta.url))

/** How to get what is there; `npm run test:interop -- --all` gets the rest. */
export const goToolHint = 'cd test/interop/tools && GOBIN=$PWD/bin go install tool'

/** How to get nerdctl, whose module is its own: it and the others would settle on versions that neither was made with. */
export const nerdctlHint = 'cd test/interop/tools/nerdctl && GOBIN=$PWD/../bin go install tool'

/** How to get a Debian package. */
export const debianHint = (name: string) => `apt-get install ${name}`

/** The path of a program: from the tools' folder, PATH or the system folders; undefined when it is not installed. */
export function findProgram(name: string): string | undefined {
  const folders = [
    goToolFolder,
    ...(process.env.PATH ?? '').split(delimiter),
    '/usr/sbin',
    '/usr/bin',
    '/usr/local/go/bin',
  ]
  return folders.map((folder) => join(folder, name)).find(isExecutable)
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false
  }
}

/** Why a program is missing, and how to get it; undefined when it is there. */
export function whyMissing(name: string, hint: string): string | undefined {
  return findProgram(name) === undefined ? `${name} is not installed (${hint})` : undefined
}

/** A program bound to settings of its own: `HOME` and the usual places of configuration are in a folder of the caller. */
export function bindProgram(name: string, home: string, env: Record<string, string> = {}): Program {
  const folders = { HOME: home, XDG_CONFIG_HOME: join(home, '.config') }
  return (args, options) =>
    run(findProgram(name) ?? name, args, { ...options, env: { ...folders, ...env, ...options?.env } })
}

/** Starts a program that stays; it ends with this process at the latest. What it says goes to a file. */
export function startDaemon(program: string, args: readonly string[], logFile: string): ChildProcess {
  const log = openSync(logFile, 'a')
  const daemon = spawn(program, args, { stdio: ['ignore', log, log] })
  closeSync(log)
  endWithProcess(daemon)
  return daemon
}

/** Ends a child with this process, if it is still there then. */
export function endWithProcess(child: ChildProcess): void {
  const end = () => child.kill('SIGTERM')
  process.once('exit', end)
  child.once('exit', () => process.removeListener('exit', end))
}

/** Asks a child to end and waits until it has. */
export async function stopChild(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  child.kill('SIGTERM')
  await once(child, 'exit')
}

/** What `bindProgram` gives. */
export type Program = (args: readonly string[], options?: RunOptions) => Promise<string>

export type RunOptions = {
  env?: Record<string, string>
  cwd?: string
  exitCode?: number
  timeoutMs?: number
  /** Ends the program. */
  signal?: AbortSignal
}

/** Runs a program to its end without a terminal and returns what it printed. @throws with both outputs when it exits other than `exitCode`. */
export function run(program: string, args: readonly string[], options: RunOptions = {}): Promise<string> {
  const { env = {}, cwd, exitCode = 0, timeoutMs = 120_000, signal } = options
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, {
      cwd,
      env: { ...process.env, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
      timeout: timeoutMs,
      ...(signal && { signal }),
    })
    const out: Buffer[] = []
    const err: Buffer[] = []
    child.stdout.on('data', (bytes: Buffer) => out.push(bytes))
    child.stderr.on('data', (bytes: Buffer) => err.push(bytes))
    child.once('error', reject)
    child.once('close', (code, endedBy) => {
      const [stdout, stderr] = [out, err].map((chunks) => Buffer.concat(chunks).toString())
      if (code === exitCode) resolve(stdout ?? '')
      else reject(new Error(`${program} ${args.join(' ')}: exit ${code ?? endedBy}\n${stdout}\n${stderr}`))
    })
  })
}

/** Builds a Go program of a module of its own into the tools' folder. @throws with what Go said */
export async function goInstall(packageAtVersion: string): Promise<void> {
  const go = findProgram('go')
  if (go === undefined) throw new Error('Go is not installed (https://go.dev/dl)')
  await run(go, ['install', packageAtVersion], { cwd: tmpdir(), env: { GOBIN: goToolFolder }, timeoutMs: 1_800_000 })
}
