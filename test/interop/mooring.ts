import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { endWithProcess, run, stopChild } from './run.ts'

const program = fileURLToPath(new URL('../../dist/mooring.js', import.meta.url))

/** A gateway that clients are tried against, and the chain that names it, all on loopback: `mooring dev`, or a Worker. */
export type Mooring = {
  /** `http://localhost:PORT`. */
  gateway: string
  /** `localhost:PORT`: the first part of an image reference. */
  host: string
  port: number
  /** What `mooring resolve` finds through ENS; exit code 0 is required. */
  resolve(nameAndTag: string): Promise<{ status: string; digest: string; viaEns: string; mediaType: string }>
  /** `mooring resolve` proves that there is no such tag; exit code 3 is required. */
  resolveAbsent(nameAndTag: string): Promise<void>
  /** Where the contracts of its chain are, as flags. */
  chainFlags: readonly string[]
  /** Pushes an image layout and signs its tag beside a gateway that holds no key and stages tags; absent at one that does. */
  publish?(layout: { folder: string }, nameAndTag: string): Promise<Published>
  stop(): Promise<void>
}

/** Of the contents of an image, how many were sent and how many were there. */
export type Published = { sent: number; there: number }

type Ready = { ok: boolean; gateway: string; rpc: string; ensRegistry: string; universalResolver: string }

/** Starts the built command line as a user would, with `demo.eth` or the given names, and waits until it says that it is ready. */
export async function startMooring(names: readonly string[] = []): Promise<Mooring> {
  const args = ['dev', '--json', '--port', '0', '--rpc-port', '0', ...names.flatMap((name) => ['--name', name])]
  const child = spawn(process.execPath, [program, ...args], { stdio: ['ignore', 'pipe', 'pipe'] })
  endWithProcess(child)
  const ready: Ready = await readReady(child, 'mooring dev')
  if (!ready.ok) throw new Error(`mooring dev is not ok: ${JSON.stringify(ready)}`)
  const port = Number(new URL(ready.gateway).port)
  return {
    gateway: `http://localhost:${port}`,
    host: `localhost:${port}`,
    port,
    ...resolvingOn(ready),
    stop: () => stopChild(child),
  }
}

/** Runs a command of the built command line and returns what it printed. @throws when it exits other than `exitCode` */
export function runMooring(args: readonly string[], exitCode = 0, env: Record<string, string> = {}): Promise<string> {
  return run(process.execPath, [program, ...args], { exitCode, env })
}

/** Where the contracts of a chain are, as flags. */
export function chainFlags({ rpc, ensRegistry, universalResolver }: ChainFlags): string[] {
  return ['--rpc', rpc, '--ens-registry', ensRegistry, '--universal-resolver', universalResolver]
}

type ChainFlags = { rpc: string; ensRegistry: string; universalResolver: string }

/** `mooring proxy` of the built command line, on a free port of loopback. */
export async function startProxy(flags: readonly string[]): Promise<{ port: number; stop(): Promise<void> }> {
  const args = ['proxy', '--json', '--port', '0', ...flags]
  const child = spawn(process.execPath, [program, ...args], { stdio: ['ignore', 'pipe', 'pipe'] })
  endWithProcess(child)
  const { proxy }: { proxy: string } = await readReady(child, 'mooring proxy')
  return { port: Number(new URL(proxy).port), stop: () => stopChild(child) }
}

/** `mooring resolve` on a chain. */
export function resolvingOn(chain: ChainFlags): Pick<Mooring, 'chainFlags' | 'resolve' | 'resolveAbsent'> {
  return {
    chainFlags: chainFlags(chain),
    async resolve(nameAndTag) {
      return JSON.parse(await runMooring(['resolve', nameAndTag, '--json', ...chainFlags(chain)]))
    },
    async resolveAbsent(nameAndTag) {
      await runMooring(['resolve', nameAndTag, ...chainFlags(chain)], 3)
    },
  }
}

/** The first line that a command prints, which is JSON. */
async function readReady<Ready>(child: ChildProcess, command: string): Promise<Ready> {
  const notes: string[] = []
  child.stderr?.on('data', (bytes: Buffer) => notes.push(bytes.toString()))
  const lines = createInterface({ input: child.stdout as NodeJS.ReadableStream })
  const ended = once(child, 'exit').then(() => undefined)
  const line = await Promise.race([once(lines, 'line').then(([text]) => String(text)), ended])
  if (line === undefined) throw new Error(`${command} ended before it was ready:\n${notes.join('')}`)
  return JSON.parse(line)
}
