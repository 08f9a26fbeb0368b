import { request } from 'node:http'

/** What a Docker Engine says of itself. */
export type Engine = { version: string; hasContainerdStore: boolean; readsHosts: boolean }

const timeoutMs = 2_000
const maxInfoBytes = 1024 * 1024
const firstMajorWithHosts = 28

/** Asks the engine behind a socket (Engine API `GET /info`); null where none answers. */
export async function askEngine(socketPath: string): Promise<Engine | null> {
  const text = await readInfo(socketPath).catch(() => null)
  if (text === null) return null
  try {
    return engineOf(JSON.parse(text))
  } catch {
    return null
  }
}

function engineOf(said: unknown): Engine | null {
  const { ServerVersion, DriverStatus } = (said ?? {}) as { ServerVersion?: unknown; DriverStatus?: unknown }
  if (typeof ServerVersion !== 'string') return null
  // Of the classic store it lists the storage driver's own rows.
  const hasContainerdStore = JSON.stringify(DriverStatus ?? []).includes('"io.containerd.snapshotter.v1"')
  const version = ServerVersion.slice(0, 40).replace(/[^\w.+~-]/g, '?')
  return {
    version,
    hasContainerdStore,
    readsHosts: hasContainerdStore && Number.parseInt(version, 10) >= firstMajorWithHosts,
  }
}

function readInfo(socketPath: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const asked = request({ socketPath, path: '/info', headers: { host: 'docker' }, timeout: timeoutMs }, (answer) => {
      let text = ''
      answer.setEncoding('utf8')
      answer.on('data', (piece: string) => {
        text += piece
        if (text.length > maxInfoBytes) asked.destroy(new Error('too long'))
      })
      answer.on('error', reject)
      answer.on('end', () => (answer.statusCode === 200 ? resolve(text) : reject(new Error('no info'))))
    })
    asked.on('timeout', () => asked.destroy(new Error('no answer')))
    asked.on('error', reject)
    asked.end()
  })
}
