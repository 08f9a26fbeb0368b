import { spawn } from 'node:child_process'
import { accessSync, constants } from 'node:fs'
import { delimiter, join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** Where `go install tool` puts crane, oras and regctl (see CONTRIBUTING.md). */
export const goToolFolder = fileURLToPath(new URL('./tools/bin', import.meta.url))

/** The path of a program: from the tools' folder, PATH or the system folders; undefined when it is not installed. */
export function findProgram(name: string): string | undefined {
  const folders = [goToolFolder, ...(process.env.PATH ?? '').split(delimiter), '/usr/sbin', '/usr/bin']
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

/** Runs a program to its end without a terminal and returns what it printed. @throws with both outputs when it exits other than `exitCode`. */
export function run(
  program: string,
  args: readonly string[],
  options: { env?: Record<string, string>; cwd?: string; exitCode?: number; timeoutMs?: number } = {},
): Promise<string> {
  const { env = {}, cwd, exitCode = 0, timeoutMs = 120_000 } = options
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, {
      cwd,
      env: { ...process.env, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
      timeout: timeoutMs,
    })
    const out: Buffer[] = []
    const err: Buffer[] = []
    child.stdout.on('data', (bytes: Buffer) => out.push(bytes))
    child.stderr.on('data', (bytes: Buffer) => err.push(bytes))
    child.once('error', reject)
    child.once('close', (code, signal) => {
      const [stdout, stderr] = [out, err].map((chunks) => Buffer.concat(chunks).toString())
      if (code === exitCode) resolve(stdout ?? '')
      else reject(new Error(`${program} ${args.join(' ')}: exit ${code ?? signal}\n${stdout}\n${stderr}`))
    })
  })
}
