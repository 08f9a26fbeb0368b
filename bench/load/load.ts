import { spawnSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { cores, makeFolder, startScript } from '../lab.ts'

const connections = 16
const hasWrk = spawnSync('wrk', ['--version']).error === undefined

/** What makes the load of the timed runs. */
export const loadGenerator = hasWrk ? 'wrk' : 'a Node.js client'

/** Requests to send: URL paths, one file of them, written once. */
export type Paths = { file: string; count: number }

/** Keeps paths in a file for the load generators. */
export function writePaths(paths: readonly string[]): Paths {
  const file = join(makeFolder(), 'paths')
  writeFileSync(file, `${paths.join('\n')}\n`)
  return { file, count: paths.length }
}

/** How a request is sent besides its path. */
export type Asking = { method: 'GET' | 'HEAD'; accept: string }

const plainGet: Asking = { method: 'GET', accept: '*/*' }

/** Sends random paths over 16 kept connections for some seconds; every answer must be 200. Returns requests per second. */
export async function measureRandom(url: string, paths: Paths, seconds: number, asking = plainGet): Promise<number> {
  // wrk waits for the body that an answer to HEAD does not have.
  if (hasWrk && asking.method === 'GET') return runWrk(url, paths, seconds, asking)
  return runClient({ url, pathsFile: paths.file, connections, seconds, ...asking })
}

/** Sends each path exactly once, in random order. Returns requests per second. */
export function measureOnce(url: string, paths: Paths): Promise<number> {
  return runClient({ url, pathsFile: paths.file, connections })
}

async function runClient(order: object): Promise<number> {
  const client = await startScript<{ requestsPerSecond: number }>('./load/client.ts', order, cores?.client)
  await client.stop()
  return client.ready.requestsPerSecond
}

function runWrk(url: string, paths: Paths, seconds: number, { method, accept }: Asking): number {
  const script = fileURLToPath(new URL('./random-path.lua', import.meta.url))
  const wrk = [
    'wrk',
    '--threads',
    '1',
    '--connections',
    String(connections),
    '--duration',
    `${seconds}s`,
    '--script',
    script,
    url,
  ]
  const [file = '', ...args] = cores ? ['taskset', '--cpu-list', String(cores.client), ...wrk] : wrk
  const env = {
    ...process.env,
    MOORING_BENCH_PATHS: paths.file,
    MOORING_BENCH_METHOD: method,
    MOORING_BENCH_ACCEPT: accept,
  }
  const { stdout, stderr } = spawnSync(file, args, { env, encoding: 'utf8' })
  const rate = /Requests\/sec:\s+([\d.]+)/.exec(stdout)?.[1]
  if (rate === undefined || /Non-2xx|Socket errors/.test(stdout))
    throw new Error(`wrk against ${url}: ${stdout}${stderr}`)
  return Number(rate)
}
