import { stat } from 'node:fs/promises'
import { homedir } from 'node:os'
import { join, resolve } from 'node:path'
import { askEngine, type Engine } from './docker-engine.ts'
import { readIfThere } from './settings-file.ts'

/** The clients that take an ENS name as an image's host: Docker Engine; containerd with `ctr`, nerdctl and Kubernetes; podman and skopeo. */
export const clientNames = ['docker', 'containerd', 'podman'] as const

/** One of them. */
export type ClientName = (typeof clientNames)[number]

/** Where settings are: below `root`, of the whole system or, with a home, of one user. */
export type Place = { root: string; configFolder: string; runtimeFolder: string; isOneUser: boolean }

/** A client and where it looks for settings. */
export type FoundClient = {
  client: ClientName
  /** Why it is taken to be here. */
  why: string
  /** The folder with one folder for each host, or with the one file. */
  folder: string
  /** What a person should know or do besides. */
  notes: string[]
}

/** A client that is here and does not read the settings. */
export type UselessClient = { client: ClientName; why: string }

/** The system's settings, or those of whoever runs the command: rootless clients look there. */
export function openPlace(
  root: string | undefined,
  isOneUser: boolean,
  environment: Readonly<Record<string, string | undefined>>,
): Place {
  if (!isOneUser) {
    const base = resolve(root ?? '/')
    return { root: base, configFolder: join(base, 'etc'), runtimeFolder: join(base, 'run'), isOneUser }
  }
  const configFolder = environment.XDG_CONFIG_HOME || join(environment.HOME || homedir(), '.config')
  const runtimeFolder = environment.XDG_RUNTIME_DIR || join('/run/user', `${process.getuid?.() ?? 0}`)
  return { root: '/', configFolder, runtimeFolder, isOneUser }
}

const programs: Readonly<Record<ClientName, readonly string[]>> = {
  docker: ['dockerd'],
  containerd: ['containerd'],
  podman: ['podman', 'skopeo', 'buildah', 'crio'],
}

/** What speaks for a client that runs for one user; podman and skopeo need no daemon. */
const userTraces: Readonly<Record<ClientName, string>> = {
  docker: 'docker.sock',
  containerd: 'containerd-rootless',
  podman: '',
}

/** What of a client is on this machine; undefined when nothing is. */
async function traceOf(client: ClientName, { root, runtimeFolder, isOneUser }: Place): Promise<string | undefined> {
  if (isOneUser && client !== 'podman') return firstThere([join(runtimeFolder, userTraces[client])])
  const folders = ['usr/local/sbin', 'usr/local/bin', 'usr/sbin', 'usr/bin']
  return firstThere(programs[client].flatMap((name) => folders.map((folder) => join(root, folder, name))))
}

async function firstThere(paths: readonly string[]): Promise<string | undefined> {
  for (const path of paths) {
    if (await stat(path).catch(() => undefined)) return path
  }
  return undefined
}

/** Opens the clients that were asked for, here or not; where none was asked for, those that are here and read what would be written. */
export async function findClients(
  place: Place,
  chosen: readonly ClientName[],
): Promise<{ found: FoundClient[]; useless: UselessClient[] }> {
  const found: FoundClient[] = []
  const useless: UselessClient[] = []
  for (const client of clientNames) {
    const isChosen = chosen.includes(client)
    const trace = isChosen || chosen.length > 0 ? undefined : await traceOf(client, place)
    if (!isChosen && trace === undefined) continue
    const why = isChosen ? `--${client}` : `${trace} is here`
    const engine = client === 'docker' ? await askEngine(join(place.runtimeFolder, 'docker.sock')) : null
    if (engine && !engine.readsHosts && !isChosen) useless.push({ client, why: `${why}, but ${engineSays(engine)}` })
    else found.push({ client, why, ...(await openClient[client](place, engine)) })
  }
  return { found, useless }
}

type Opened = Pick<FoundClient, 'folder' | 'notes'>

const openClient: Readonly<Record<ClientName, (place: Place, engine: Engine | null) => Opened | Promise<Opened>>> = {
  docker: ({ configFolder }, engine) => ({
    folder: join(configFolder, 'docker/certs.d'),
    notes: notesOnEngine(engine),
  }),
  containerd: openContainerd,
  podman: ({ configFolder }) => ({ folder: join(configFolder, 'containers/registries.conf.d'), notes: [] }),
}

/** The folders in which a client's files may be, for who looks for them. */
export async function foldersOf(client: ClientName, place: Place): Promise<string[]> {
  const { folder } = await openClient[client](place, null)
  const usual = client === 'containerd' ? join(place.root, usualHosts(place.configFolder, place.isOneUser)) : folder
  return [...new Set([folder, usual])]
}

function notesOnEngine(engine: Engine | null): string[] {
  if (engine?.readsHosts) return []
  if (engine !== null) return [`docker: ${engineSays(engine)}`]
  return ['docker: read by Docker Engine 28 and later with the containerd image store (docker info: driver-type)']
}

function engineSays({ version, hasContainerdStore }: Engine): string {
  const store = hasContainerdStore ? '' : ' with its classic image store'
  const cure = '28 or later with {"features": {"containerd-snapshotter": true}} in daemon.json does'
  return `Docker Engine ${version}${store} reads no hosts.toml; ${cure}`
}

/** The first folder of `config_path`, where containerd's settings have one (Kubernetes reads only there); the usual one elsewhere. */
async function openContainerd({ root, configFolder, isOneUser }: Place): Promise<Opened> {
  const usual = usualHosts(configFolder, isOneUser)
  const config = join(configFolder, 'containerd/config.toml')
  const configured = configPathsIn((await readIfThere(config)) ?? '')
  const there = configured.includes(usual) ? usual : (configured[0] ?? usual)
  const missing =
    `containerd: Kubernetes reads it once ${config} has config_path = "${there}" under ` +
    '[plugins."io.containerd.grpc.v1.cri".registry], with version = 3 under ' +
    '[plugins."io.containerd.cri.v1.images".registry], and containerd was restarted'
  const notes = [`containerd: nerdctl reads it as it is; ctr wants --hosts-dir ${there}`]
  return { folder: join(root, there), notes: configured.length > 0 ? notes : [...notes, missing] }
}

/** As containerd sees it. */
function usualHosts(configFolder: string, isOneUser: boolean): string {
  return join(isOneUser ? configFolder : '/etc', 'containerd/certs.d')
}

/** Absolute folders that `config_path` names, in whichever table: they are all about hosts.toml. */
function configPathsIn(config: string): string[] {
  const values = [...config.matchAll(/^[ \t]*config_path[ \t]*=[ \t]*(?:"([^"\n]*)"|'([^'\n]*)')/gm)]
  return values.flatMap(([, one, other]) => (one ?? other ?? '').split(':')).filter((path) => path.startsWith('/'))
}
