import { ConfigError, type Flag, readInteger, readSwitch, readText, type Setting } from '../config.ts'
import { parseRepository } from '../ens/name.ts'
import { wantsJson } from './client/session.ts'
import {
  type ClientName,
  clientNames,
  type FoundClient,
  findClients,
  openPlace,
  type Place,
} from './proxy/clients-here.ts'
import { carryOut, type PlannedFile, planInstall, planUninstall } from './proxy/plan-files.ts'
import { isCode } from './proxy/settings-file.ts'
import { exitCodes, type VerbContext } from './verb.ts'

/** What `mooring proxy install` and `uninstall` take besides `--port`. */
export const settingsFlags: readonly Flag[] = [
  {
    name: 'docker',
    value: null,
    help: 'install, uninstall: for Docker Engine 28 and later with the containerd image store',
  },
  { name: 'containerd', value: null, help: 'install, uninstall: for containerd: ctr, nerdctl, Kubernetes' },
  { name: 'podman', value: null, help: 'install, uninstall: for podman, skopeo, buildah and CRI-O' },
  {
    name: 'name',
    value: 'NAME',
    repeatable: true,
    help: 'install, uninstall: the ENS name that images begin with, such as acme.eth',
  },
  { name: 'root', value: 'DIR', help: 'install, uninstall: the folder below which etc is (default: /)' },
  { name: 'user', value: null, help: 'install, uninstall: for the rootless clients of this user, below ~/.config' },
  { name: 'dry-run', value: null, help: 'install, uninstall: print what would be done, and the text of every file' },
]

/** A flag that another part of `mooring proxy` takes is not passed over: what it asks for would not happen. @throws ConfigError */
export function refuseOtherFlags(
  { settings }: VerbContext,
  isOurs: (flag: { name: string }) => boolean,
  where: string,
) {
  for (const [name, [setting]] of settings) {
    const isTyped = setting?.from.startsWith('-') === true
    if (isTyped && !isOurs({ name })) throw new ConfigError(setting.from, setting.text, `it with ${where} only`)
  }
}

function isOfSettings({ name }: { name: string }): boolean {
  return name === 'json' || settingsFlags.some((flag) => flag.name === name)
}

/** `mooring proxy install`: an ENS name as an image's host leads to the proxy. */
export async function installSettings(context: VerbContext): Promise<number> {
  refuseOtherFlags(context, (flag) => flag.name === 'port' || isOfSettings(flag), 'mooring proxy itself')
  const hosts = readHosts(context)
  if (hosts.length === 0) {
    throw new ConfigError('--name', null, 'the ENS names that images begin with: --name acme.eth for acme.eth/web:1.2')
  }
  const port = readInteger(context.settings, 'port', 1, 65535, 5055)
  const { place, chosen } = readPlace(context)
  const { found, useless } = await findClients(place, chosen)
  for (const { client, why } of useless) context.note(`${client}: left out: ${why}`)
  if (found.length === 0) {
    const wanted = chosenFlags.join(' or ')
    throw new ConfigError(wanted, null, `one of them: nothing was found below ${place.root} that reads such files`)
  }
  const files = await planInstall(found, hosts, port)
  const ends = hosts.map(
    (host) => `${host}/... is pulled through http://127.0.0.1:${port}, while mooring proxy runs there`,
  )
  const notes = [...found.flatMap((each) => each.notes), ...ends]
  // All or nothing: a name that one client takes from the proxy and another from elsewhere is no name.
  const isRefused = files.some(({ action }) => action === 'keep')
  const clients = found.map(({ client, why, folder }) => ({ client, why, folder }))
  const report = { files, isRefused, before: found.map(lineOf), after: isRefused ? [] : notes }
  return finish(context, report, { names: hosts, port, clients, leftOut: useless, notes })
}

/** `mooring proxy uninstall`: removes what `install` wrote, as far as nobody changed it. */
export async function uninstallSettings(context: VerbContext): Promise<number> {
  refuseOtherFlags(context, isOfSettings, 'mooring proxy itself, or install')
  const hosts = readHosts(context)
  const { place, chosen } = readPlace(context)
  const clients = chosen.length > 0 ? chosen : clientNames
  const files = await planUninstall(place, clients, hosts.length > 0 ? hosts : null)
  const notes = files.length === 0 ? [`nothing that mooring proxy install wrote is below ${place.configFolder}`] : []
  return finish(context, { files, isRefused: false, before: [], after: notes }, { names: hosts, clients })
}

const chosenFlags = clientNames.map((name) => `--${name}`)

function readPlace(context: VerbContext): { place: Place; chosen: ClientName[] } {
  const { settings, environment } = context
  const root = readText(settings, 'root')
  const isOneUser = readSwitch(settings, 'user')
  if (isOneUser && root !== undefined)
    throw new ConfigError('--root', root, 'it without --user, which has a place of its own')
  const chosen = clientNames.filter((name) => readSwitch(settings, name))
  return { place: openPlace(root, isOneUser, environment), chosen }
}

/** The first components of what `--name` gives, each once. @throws ConfigError */
function readHosts({ settings, positionals }: VerbContext): string[] {
  const [word = '', ...more] = positionals
  if (more.length > 0) throw new ConfigError(`proxy ${word}`, more.join(' '), 'flags only, such as --name acme.eth')
  return [...new Set((settings.get('name') ?? []).map(hostOf))].sort()
}

function hostOf({ from, text }: Setting): string {
  try {
    const { repository } = parseRepository(text)
    return repository.split('/', 1)[0] ?? repository
  } catch (error) {
    throw new ConfigError(from, text, `what an image begins with, such as acme.eth (${(error as Error).message})`)
  }
}

function lineOf({ client, why, folder }: FoundClient): string {
  return `${client.padEnd(10)}  ${folder} (${why})`
}

/** `before` and `after`: lines around those of the files. */
type Report = {
  files: readonly PlannedFile[]
  isRefused: boolean
  before: readonly string[]
  after: readonly string[]
}

async function finish(context: VerbContext, report: Report, more: object): Promise<number> {
  const { files, isRefused, before, after } = report
  const dryRun = readSwitch(context.settings, 'dry-run')
  const ok = files.every(({ action }) => action !== 'keep')
  const done = !dryRun && !isRefused
  if (done) await carryOutAll(context, files)
  for (const { path, reason } of files.filter(({ action }) => action === 'keep')) {
    context.note(`mooring: ${path} stays as it is: ${reason}`)
  }
  if (isRefused) context.note('mooring: nothing was written')
  const lines = [...before, ...(done || dryRun ? files.flatMap((file) => describe(file, dryRun)) : []), ...after]
  if (wantsJson(context)) context.print(JSON.stringify({ ok, done, ...more, files: files.map(jsonOf) }))
  else for (const line of lines) context.print(line)
  return ok ? exitCodes.done : exitCodes.failed
}

async function carryOutAll(context: VerbContext, files: readonly PlannedFile[]): Promise<void> {
  for (const file of files) {
    try {
      await carryOut(file)
    } catch (error) {
      throw new Error(
        `${file.path} cannot be ${file.action === 'remove' ? 'removed' : 'written'}: ${cureOf(error, context)}`,
      )
    }
  }
}

function cureOf(error: unknown, context: VerbContext): string {
  if (isCode(error, 'EEXIST')) return 'somebody else wrote it meanwhile'
  const isOneUser = readSwitch(context.settings, 'user')
  if (!isCode(error, 'EACCES', 'EPERM') || isOneUser) return (error as Error).message
  return `no permission; run: sudo ${commandLine(context)}, or add --user for the rootless clients of this user`
}

/** The command as it was given, the environment's part of it included: sudo drops that. */
function commandLine({ settings, positionals }: VerbContext): string {
  const words = [...settings].flatMap(([name, values]) =>
    values.flatMap(({ text }) => (text === 'true' ? [`--${name}`] : [`--${name}`, quoted(text)])),
  )
  return ['mooring proxy', ...positionals, ...words].join(' ')
}

function quoted(text: string): string {
  return /^[\w./:,@-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`
}

function jsonOf({ client, path, action, text, reason }: PlannedFile) {
  return { client, path, action, ...(text !== null && { text }), ...(reason !== null && { reason }) }
}

function describe({ path, action, text }: PlannedFile, dryRun: boolean): string[] {
  const line = `${action.padEnd(10)}  ${path}`
  return dryRun && text !== null
    ? [
        line,
        ...text
          .trimEnd()
          .split('\n')
          .map((each) => `    ${each}`.trimEnd()),
      ]
    : [line]
}
