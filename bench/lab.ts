import { type ChildProcess, type StdioOptions, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { availableParallelism, cpus, tmpdir, totalmem } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import type { Address, Hex } from 'viem'

const program = fileURLToPath(new URL('../dist/mooring.js', import.meta.url))
const tsx = import.meta.resolve('tsx')

/** The core that servers run on, and the other one; undefined where processes cannot be pinned. */
export const cores =
  availableParallelism() > 1 && spawnSync('taskset', ['--version']).status === 0 ? { server: 0, client: 1 } : undefined

/** Megabytes of a process that are in memory now, and at the highest. Linux only. */
export function residentMegabytes(pid: number): { now: number; peak: number } {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8')
  const megabytes = (key: string) => (Number(new RegExp(`${key}:\\s+(\\d+) kB`).exec(status)?.[1]) * 1024) / 1e6
  return { now: megabytes('VmRSS'), peak: megabytes('VmHWM') }
}

/** From now on the highest counts anew. Linux only. */
export function resetPeak(pid: number): void {
  writeFileSync(`/proc/${pid}/clear_refs`, '5')
}

const idleWindowMs = 200
/** Of one window: less is a server's timers. */
const idleCpuMs = 10
const idlePatienceMs = 120_000

/** Resolves when a process does nothing any more: what one server does after its answers must not slow the next one. Linux only. */
export async function untilIdle(pid: number): Promise<void> {
  const until = Date.now() + idlePatienceMs
  for (let before = cpuMilliseconds(pid); Date.now() < until; ) {
    await new Promise((resolve) => setTimeout(resolve, idleWindowMs))
    const now = cpuMilliseconds(pid)
    if (now - before <= idleCpuMs) return
    before = now
  }
  throw new Error(`process ${pid} was not idle within ${idlePatienceMs / 1000} s`)
}

/** User and system time of a process, which the kernel counts in ticks of 10 ms (proc(5)). Linux only. */
export function cpuMilliseconds(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1)?.split(' ') ?? []
  return (Number(fields[11]) + Number(fields[12])) * 10
}

/** One line about the machine that was measured. */
export function describeMachine(): string {
  const memoryGiB = Math.round(totalmem() / 2 ** 30)
  const pinned = cores ? 'server and client pinned to a core each' : 'not pinned'
  return `${availableParallelism()} x ${cpus()[0]?.model ?? 'unknown processor'}, ${memoryGiB} GiB, Node.js ${process.version}, ${pinned}`
}

/** A child that said it is ready: the JSON it printed, its process id, and a way to end it. */
export type Running<T> = { ready: T; pid: number; stop(): Promise<void> }

/** A chain with ENS and the resolver contract, and a name whose owner is the publisher. */
export type Chain = {
  rpc: string
  chainId: number
  ensRegistry: Address
  universalResolver: Address
  resolver: Address
  publisher: Address
  publisherKey: Hex
  publisherKeyFile: string
}

/** Starts the chain of `mooring dev` with these names registered to the publisher; its own gateway stays idle. */
export async function startChain(names: readonly string[]): Promise<Running<Chain>> {
  const flags = ['--json', '--port', '0', '--rpc-port', '0', ...names.flatMap((name) => ['--name', name])]
  const child = await startNode<Omit<Chain, 'publisherKey'>>([program, 'dev', ...flags])
  const publisherKey = readFileSync(child.ready.publisherKeyFile, 'utf8').trim() as Hex
  return { ...child, ready: { ...child.ready, publisherKey } }
}

/** Starts `mooring serve` with the real stores in `dataDir`, pinned to the servers' core; `more` are flags. */
export function startGateway(
  chain: Chain,
  dataDir: string,
  more: readonly string[] = [],
): Promise<Running<{ gateway: string }>> {
  const where = ['--rpc', chain.rpc, '--chain-id', String(chain.chainId), '--ens-registry', chain.ensRegistry]
  const what = ['--resolver', chain.resolver, '--publisher-key-file', chain.publisherKeyFile]
  return startNode(
    [program, 'serve', '--json', '--port', '0', '--data', dataDir, ...where, ...what, ...more],
    cores?.server,
  )
}

/** Starts `mooring proxy` over one gateway; what it remembers is in `stateDir`. It is pinned to no core: it is the client's neighbour. */
export function startProxy(chain: Chain, gatewayUrl: string, stateDir: string): Promise<Running<{ proxy: string }>> {
  const where = ['--rpc', chain.rpc, '--ens-registry', chain.ensRegistry]
  const whom = ['--universal-resolver', chain.universalResolver, '--gateway', gatewayUrl]
  return startNode([program, 'proxy', '--json', '--port', '0', '--state', stateDir, ...where, ...whom])
}

/** Starts one of our TypeScript files with a JSON argument; it prints one JSON line when it is ready. */
export function startScript<T>(path: string, argument: object, core?: number): Promise<Running<T>> {
  const file = fileURLToPath(new URL(path, import.meta.url))
  return startNode(['--import', tsx, file, JSON.stringify(argument)], core)
}

/** Starts another program that says nothing when it is ready. */
export function startProgram(file: string, args: readonly string[], core?: number): Omit<Running<never>, 'ready'> {
  const child = spawnPinned([file, ...args], core, ['ignore', 'ignore', 'ignore'])
  return { pid: child.pid ?? 0, stop: () => stop(child) }
}

async function startNode<T>(args: readonly string[], core?: number): Promise<Running<T>> {
  const child = spawnPinned([process.execPath, ...args], core, ['ignore', 'pipe', 'pipe'])
  return { ready: await readLine<T>(child, args), pid: child.pid ?? 0, stop: () => stop(child) }
}

/** `taskset` becomes the program it starts, so the process id is the program's. */
function spawnPinned(command: readonly string[], core: number | undefined, stdio: StdioOptions): ChildProcess {
  const pinned = core === undefined ? command : ['taskset', '--cpu-list', String(core), ...command]
  const child = spawn(pinned[0] ?? '', pinned.slice(1), { stdio })
  running.add(child)
  child.once('exit', () => running.delete(child))
  return child
}

/** The first line as JSON. What a child says on stderr until then is shown only if it fails, and afterwards as it comes. */
async function readLine<T>(child: ChildProcess, args: readonly string[]): Promise<T> {
  const notes: Buffer[] = []
  child.stderr?.on('data', (bytes: Buffer) => notes.push(bytes))
  const lines = createInterface({ input: child.stdout as NodeJS.ReadableStream })
  const ended = once(child, 'close').then(() => undefined)
  const line = await Promise.race([once(lines, 'line').then(([text]) => String(text)), ended])
  const failed = line === undefined || (JSON.parse(line) as { ok?: boolean }).ok === false
  if (failed) throw new Error(`node ${args.join(' ')}: ${line ?? 'ended'}\n${Buffer.concat(notes)}`)
  child.stderr?.removeAllListeners('data').pipe(process.stderr)
  lines.on('line', () => {})
  return JSON.parse(line)
}

/** How long a child may take to end by itself. */
const stopPatienceMs = 10_000
const running = new Set<ChildProcess>()

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const exited = once(child, 'exit')
  child.kill('SIGTERM')
  const patience = setTimeout(() => child.kill('SIGKILL'), stopPatienceMs)
  await exited
  clearTimeout(patience)
}

/** Ends every process that is still there; for the end of a bench that broke. */
export async function stopAll(): Promise<void> {
  await Promise.all([...running].map(stop))
}

const folders: string[] = []
process.once('exit', () => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true })
})

/** A fresh folder that goes away when the bench ends. */
export function makeFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'mooring-bench-'))
  folders.push(folder)
  return folder
}
