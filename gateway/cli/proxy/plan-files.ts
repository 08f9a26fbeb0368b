import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { readRegistries, renderHosts, renderRegistries, sealText } from './client-files.ts'
import { type ClientName, type FoundClient, foldersOf, type Place } from './clients-here.ts'
import { isCode, readSealed, removeSettings, writeSettings } from './settings-file.ts'

/** What becomes of one file. `keep`: it is not ours to touch, for the reason given. */
export type PlannedFile = {
  path: string
  client: ClientName
  action: 'write' | 'replace' | 'same' | 'remove' | 'keep'
  /** What it will hold; null where nothing is written. */
  text: string | null
  reason: string | null
}

const registriesFile = 'mooring.conf'

/** The files that make these hosts go through the proxy. Nothing is written yet. */
export async function planInstall(clients: readonly FoundClient[], hosts: readonly string[], port: number) {
  const files: PlannedFile[] = []
  for (const { client, folder } of clients) {
    if (client === 'podman') files.push(await planRegistries(join(folder, registriesFile), hosts, port))
    else {
      const paths = hosts.flatMap((host) => hostFolders(client, host).map((name) => join(folder, name, 'hosts.toml')))
      for (const path of paths) files.push(await planText(client, path, renderHosts(port)))
    }
  }
  return files
}

/**
 * The folders of one host. nerdctl asks for a host with the port of https first, and takes `_default` before the folder of the host alone:
 * with that in place it would pass the proxy by.
 */
function hostFolders(client: ClientName, host: string): string[] {
  return client === 'containerd' ? [host, `${host}_443_`] : [host]
}

async function planText(client: ClientName, path: string, body: string): Promise<PlannedFile> {
  const text = sealText(body)
  const present = await readSealed(path)
  if (present === undefined) return { path, client, action: 'write', text, reason: null }
  if (present.state === 'foreign')
    return keep(client, path, 'it was there before: move it away, or put what it says there')
  if (present.state === 'changed') return keep(client, path, changed)
  if (present.body === body) return { path, client, action: 'same', text: null, reason: null }
  return { path, client, action: 'replace', text, reason: null }
}

const changed = 'somebody changed it after mooring proxy install wrote it: remove it yourself, or take the change back'

/** The names that it has already stay in it. */
async function planRegistries(path: string, hosts: readonly string[], port: number): Promise<PlannedFile> {
  const present = await readSealed(path)
  const before = present?.state === 'ours' ? readRegistries(present.body) : []
  return planText('podman', path, renderRegistries(new Map([...before, ...hosts.map((host) => [host, port] as const)])))
}

function keep(client: ClientName, path: string, reason: string): PlannedFile {
  return { path, client, action: 'keep', text: null, reason }
}

/** The files that `mooring proxy install` wrote for these clients; `hosts` null for all names. */
export async function planUninstall(place: Place, clients: readonly ClientName[], hosts: readonly string[] | null) {
  const files: PlannedFile[] = []
  for (const client of clients) {
    for (const folder of await foldersOf(client, place)) {
      if (client === 'podman') files.push(...(await planWithout(join(folder, registriesFile), hosts)))
      else files.push(...(await planRemovals(client, folder, hosts)))
    }
  }
  return files
}

async function planRemovals(client: ClientName, folder: string, hosts: readonly string[] | null) {
  const files: PlannedFile[] = []
  for (const name of hosts?.flatMap((host) => hostFolders(client, host)) ?? (await namesIn(folder))) {
    const path = join(folder, name, 'hosts.toml')
    const present = await readSealed(path)
    if (present?.state === 'ours') files.push({ path, client, action: 'remove', text: null, reason: null })
    if (present?.state === 'changed') files.push(keep(client, path, changed))
  }
  return files
}

async function planWithout(path: string, hosts: readonly string[] | null): Promise<PlannedFile[]> {
  const present = await readSealed(path)
  if (present === undefined || present.state === 'foreign') return []
  if (present.state === 'changed') return [keep('podman', path, changed)]
  const before = readRegistries(present.body)
  const left = new Map([...before].filter(([host]) => hosts !== null && !hosts.includes(host)))
  if (left.size === before.size) return []
  if (left.size === 0) return [{ path, client: 'podman', action: 'remove', text: null, reason: null }]
  return [{ path, client: 'podman', action: 'replace', text: sealText(renderRegistries(left)), reason: null }]
}

async function namesIn(folder: string): Promise<string[]> {
  try {
    return (await readdir(folder)).sort()
  } catch (error) {
    if (isCode(error, 'ENOENT', 'ENOTDIR')) return []
    throw error
  }
}

/** Does what was planned, file by file. @throws as the file system */
export async function carryOut({ action, path, text, client }: PlannedFile): Promise<void> {
  if (action === 'remove') await removeSettings(path, client !== 'podman')
  if (text !== null) await writeSettings(path, text, action === 'write')
}
