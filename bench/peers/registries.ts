import { spawnSync } from 'node:child_process'
import { existsSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { cores, makeFolder, startProgram } from '../lab.ts'

/** A registry to compare with, on loopback, its content in a folder of its own. */
export type Registry = { name: string; url: string; pid: number; stop(): Promise<void> }

type Peer = { name: string; program: string; hasReferrers: boolean; args(port: number, folder: string): string[] }

const goTools = fileURLToPath(new URL('../../test/interop/tools/bin/', import.meta.url))

/** Debian's docker-registry (distribution 2.8), distribution 3 as `registry`, olareg: those that are installed. */
const peers: readonly Peer[] = [
  { name: 'docker-registry', program: 'docker-registry', hasReferrers: false, args: serveDistribution },
  { name: 'distribution 3', program: 'registry', hasReferrers: false, args: serveDistribution },
  {
    name: 'olareg',
    program: 'olareg',
    hasReferrers: true,
    args: (port, folder) => [
      ...['serve', '--addr', '127.0.0.1', '--port', `${port}`, '--store-type', 'dir', '--dir', folder],
      ...['--api-delete', '--api-blob-delete'],
    ],
  },
]

function serveDistribution(port: number, folder: string): string[] {
  const file = join(folder, 'config.yml')
  const lines = [
    'version: 0.1',
    'log: {level: error, accesslog: {disabled: true}}',
    `http: {addr: "127.0.0.1:${port}"}`,
  ]
  const storage = `storage: {filesystem: {rootdirectory: "${join(folder, 'content')}"}, delete: {enabled: true}}`
  writeFileSync(file, [...lines, storage, ''].join('\n'))
  return ['serve', file]
}

/** Where a peer's program is, undefined when it is not installed. */
function findPeer({ program }: Peer): string | undefined {
  if (existsSync(join(goTools, program))) return join(goTools, program)
  return spawnSync('which', [program], { encoding: 'utf8' }).stdout?.trim() || undefined
}

/** The names of the peers that this machine does not have, for the line that says what was not compared. */
export function missingPeers(): string[] {
  return peers.filter((peer) => findPeer(peer) === undefined).map(({ name }) => name)
}

/** Starts every peer that is installed on the servers' core. */
export async function startRegistries(): Promise<Registry[]> {
  const started: Registry[] = []
  for (const peer of peers) {
    const file = findPeer(peer)
    if (file === undefined) continue
    const port = await freePort()
    const child = startProgram(file, peer.args(port, makeFolder()), cores?.server)
    const url = `http://127.0.0.1:${port}`
    await untilReady(peer.name, url)
    started.push({ name: peer.name, url, pid: child.pid, stop: child.stop })
  }
  return started
}

/** Whether a peer answers the referrers API; the others know no such endpoint. */
export function hasReferrers(registry: Registry): boolean {
  return peers.find(({ name }) => name === registry.name)?.hasReferrers !== false
}

async function untilReady(name: string, url: string): Promise<void> {
  for (let tries = 0; tries < 200; tries += 1) {
    const status = await fetch(`${url}/v2/`).then(
      (response) => response.status,
      () => 0,
    )
    if (status === 200) return
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
  throw new Error(`${name} does not answer at ${url}`)
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer()
    server.once('error', reject)
    server.listen(0, '127.0.0.1', () => {
      const address = server.address()
      server.close(() => resolve(typeof address === 'object' && address !== null ? address.port : 0))
    })
  })
}
