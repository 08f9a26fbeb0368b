import { type ChildProcess, spawn } from 'node:child_process'
import { createRequire } from 'node:module'
import { dirname } from 'node:path'

/** The development chain could not be started; the message says what to do. */
export class AnvilError extends Error {
  override readonly name = 'AnvilError'
}

/** A running anvil. */
export type Anvil = { rpc: string; port: number; pid: number; close(): Promise<void> }

/** How anvil is started. */
export type AnvilOptions = {
  /** 0 takes a free one. */
  port: number
  chainId: number
  /** A block at least this often, so that block time stays near the wall clock. */
  blockTimeSeconds: number
  /** Name of an EVM version; anvil's latest when absent. */
  hardfork?: string
}

const startTimeoutMs = 10_000
/** States kept for calls at earlier blocks; older ones go, instead of onto the disk. */
const keptStates = 500

/**
 * Starts anvil, the npm package's own binary, on 127.0.0.1. It ends with `close`, with this process, and also when this process is
 * killed. @throws AnvilError when the package is missing, the port is taken, or it does not start
 */
export async function startAnvil(options: AnvilOptions): Promise<Anvil> {
  const child = spawn(findBinary(), argumentsOf(options), { stdio: ['ignore', 'pipe', 'pipe'], detached: true })
  const stopWatching = endWithParent(child)
  try {
    const port = await readPort(child, options.port)
    const pid = child.pid ?? 0
    return { rpc: `http://127.0.0.1:${port}`, port, pid, close: () => end(child, stopWatching) }
  } catch (error) {
    await end(child, stopWatching)
    throw error
  }
}

function argumentsOf({ port, chainId, blockTimeSeconds, hardfork }: AnvilOptions): string[] {
  const values = {
    host: '127.0.0.1',
    port,
    'chain-id': chainId,
    'block-time': blockTimeSeconds,
    'prune-history': keptStates,
    ...(hardfork === undefined ? {} : { hardfork }),
  }
  return ['--mixed-mining', ...Object.entries(values).flatMap(([flag, value]) => [`--${flag}`, String(value)])]
}

function findBinary(): string {
  const { platform, arch } = process
  const machine = `${platform}-${arch === 'x64' ? 'amd64' : arch}`
  const binary = platform === 'win32' ? 'anvil.exe' : 'anvil'
  const require = createRequire(import.meta.url)
  try {
    return require.resolve(`@foundry-rs/anvil-${machine}/bin/${binary}`, {
      paths: [dirname(require.resolve('@foundry-rs/anvil/package.json'))],
    })
  } catch {
    throw new AnvilError(
      `the development chain needs the npm package @foundry-rs/anvil, with its binary for ${machine}`,
    )
  }
}

/** Waits for anvil's line "Listening on 127.0.0.1:8545". */
function readPort(child: ChildProcess, wantedPort: number): Promise<number> {
  return new Promise((resolve, reject) => {
    let output = ''
    const fail = (why: string) => reject(new AnvilError(`the development chain did not start: ${why}`))
    const timer = setTimeout(() => fail(`no answer within ${startTimeoutMs} ms`), startTimeoutMs)
    const read = (text: Buffer) => {
      output += text
      const listening = /Listening on \S+:(\d+)/.exec(output)
      if (!listening) return
      clearTimeout(timer)
      forgetOutput(child)
      resolve(Number(listening[1]))
    }
    child.stdout?.on('data', read)
    child.stderr?.on('data', read)
    child.once('error', (error) => fail(error.message))
    child.once('exit', () => {
      clearTimeout(timer)
      fail(/address already in use/i.test(output) ? `port ${wantedPort} is taken` : lastLine(output))
    })
  })
}

/** Reads on, so that anvil never waits for us, and keeps nothing. */
function forgetOutput(child: ChildProcess): void {
  for (const stream of [child.stdout, child.stderr]) {
    stream?.removeAllListeners('data')
    stream?.resume()
  }
}

function lastLine(output: string): string {
  return output.trim().split('\n').at(-1) || 'it ended without a word'
}

/**
 * A shell that waits for the end of a pipe which only this process holds open, and then ends anvil: a process that is killed cannot
 * do it itself. Where there is no such shell, the exit handler has to do.
 */
function endWithParent(child: ChildProcess): () => void {
  const kill = () => void child.kill('SIGKILL')
  process.once('exit', kill)
  if (process.platform === 'win32' || child.pid === undefined) return () => process.off('exit', kill)
  const script = 'read -r _; kill -9 "$0" 2>/dev/null'
  const stdio: ['pipe', 'ignore', 'ignore'] = ['pipe', 'ignore', 'ignore']
  const watcher = spawn('/bin/sh', ['-c', script, String(child.pid)], { stdio, detached: true })
  watcher.on('error', () => {})
  watcher.unref()
  return () => {
    process.off('exit', kill)
    watcher.kill('SIGKILL')
  }
}

async function end(child: ChildProcess, stopWatching: () => void): Promise<void> {
  stopWatching()
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return
  const exited = new Promise((resolve) => child.once('exit', resolve))
  child.kill('SIGKILL')
  await exited
}
