import { createHash } from 'node:crypto'

/** What a file turns out to be: `ours` as it was written, `changed` by somebody since, or of somebody else. */
export type SealedFile = { state: 'ours' | 'changed'; body: string } | { state: 'foreign' }

const markerStart = '# written by mooring proxy install'
const marker = `${markerStart}; mooring proxy uninstall removes it, unless somebody changes it`

/** The text of a file of settings that is known again: a marker and the hash of what follows stand above it. */
export function sealText(body: string): string {
  return `${marker}\n# sha256:${hashOf(body)}\n${body}`
}

/** Takes a sealed text apart. */
export function openSeal(text: string): SealedFile {
  const [first, second = '', ...rest] = text.split('\n')
  if (!first?.startsWith(markerStart)) return { state: 'foreign' }
  const body = rest.join('\n')
  return { state: second === `# sha256:${hashOf(body)}` ? 'ours' : 'changed', body }
}

function hashOf(body: string): string {
  return createHash('sha256').update(body).digest('hex')
}

/**
 * The `hosts.toml` of one ENS name (containerd "Registry Configuration"). `server` is asked after the hosts: it is the proxy again, so
 * that what the proxy refuses is asked nowhere else.
 */
export function renderHosts(port: number): string {
  const url = `http://127.0.0.1:${port}`
  return `server = "${url}"\n\n[host."${url}"]\n  capabilities = ["pull", "resolve"]\n`
}

/** Names that are hosts of images, each with the port of its proxy. */
export type ProxiedHosts = ReadonlyMap<string, number>

/** The `registries.conf.d` file of all names (containers-registries.conf(5)): each has one location, and no mirror to go on to. */
export function renderRegistries(hosts: ProxiedHosts): string {
  const proxies = [...new Set(hosts.values())].sort().map((port) => [`location = "localhost:${port}"`])
  const names = [...hosts]
    .sort()
    .map(([host, port]) => [`prefix = "${host}"`, `location = "localhost:${port}/${host}"`])
  return [...proxies, ...names]
    .map((lines) => `${['[[registry]]', ...lines, 'insecure = true'].join('\n')}\n`)
    .join('\n')
}

/** What `renderRegistries` was given. */
export function readRegistries(body: string): ProxiedHosts {
  const found = body.matchAll(/^prefix = "([^"]+)"\nlocation = "localhost:(\d+)\//gm)
  return new Map([...found].map(([, host = '', port = '']) => [host, Number(port)]))
}
