import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import type { World } from './world.ts'

const root = fileURLToPath(new URL('../../', import.meta.url))

/** `mooring serve` as a process of its own. */
export type GatewayProcess = {
  url: string
  /** Bytes of memory that it has now; what is measured as its highest begins anew. */
  residentBytes(): number
  /** The most that it had since then. */
  mostResidentBytes(): number
  /** kill -9; resolves when it is gone. */
  kill(): Promise<void>
}

/** A gateway that did not start. */
export class NotStarted extends Error {
  constructor(
    readonly code: number | null,
    readonly said: string,
  ) {
    super(`the gateway ended with ${code}: ${said}`)
  }
}

/** Starts what `npm run build` made on a port that the system gives, over a world's chain and with its key. @throws NotStarted */
export async function startServing(
  { config }: World,
  dataDir: string,
  ...more: readonly string[]
): Promise<GatewayProcess> {
  const flags = [
    ...['serve', '--json', '--port', '0', '--data', dataDir, '--rpc', config.rpcUrls[0] as string],
    ...['--chain-id', `${config.chainId}`, '--ens-registry', config.ensRegistry, '--resolver', config.resolver],
    ...['--publisher-key-file', config.publisherKeyFile as string, ...more],
  ]
  const child = spawn(process.execPath, ['dist/mooring.js', ...flags], { cwd: root, stdio: ['ignore', 'pipe', 'pipe'] })
  let said = ''
  const keep = (text: Buffer) => {
    said = (said + text).slice(-4096)
  }
  child.stderr.on('data', keep)
  const ended = once(child, 'close').then(([code]) => {
    throw new NotStarted(code as number | null, said)
  })
  ended.catch(() => undefined)
  const [line] = await Promise.race([once(child.stdout, 'data'), ended])
  const { gateway: url } = JSON.parse(String(line)) as { gateway?: string }
  if (url === undefined) keep(line)
  if (url === undefined) return ended
  return { url, ...memoryOf(child), kill: () => kill(child) }
}

/** As Linux counts it (proc(5), `clear_refs` and `status`). */
function memoryOf({ pid }: ChildProcess): Pick<GatewayProcess, 'residentBytes' | 'mostResidentBytes'> {
  const read = (member: string) => {
    const found = new RegExp(`^${member}:\\s+(\\d+) kB$`, 'm').exec(readFileSync(`/proc/${pid}/status`, 'utf8'))
    if (!found) throw new Error(`/proc/${pid}/status has no ${member}`)
    return Number(found[1]) * 1024
  }
  return {
    residentBytes() {
      writeFileSync(`/proc/${pid}/clear_refs`, '5')
      return read('VmRSS')
    },
    mostResidentBytes: () => read('VmHWM'),
  }
}

async function kill(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  child.kill('SIGKILL')
  await once(child, 'exit')
}
