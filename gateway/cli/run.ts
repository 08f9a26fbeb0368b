import packageJson from '../../package.json' with { type: 'json' }
import { ConfigError } from '../config.ts'
import { anchor } from './anchor.ts'
import { audit } from './audit.ts'
import { checkpoint } from './checkpoint.ts'
import { dev } from './dev.ts'
import { doctor } from './doctor.ts'
import { type CommandWorld, runToEnd } from './ending.ts'
import { exportLayout } from './export.ts'
import { parseCommandLine } from './flags.ts'
import { fsck } from './fsck.ts'
import { gc } from './gc.ts'
import { renderTopHelp, renderVerbHelp } from './help.ts'
import { history } from './history.ts'
import { inspect } from './inspect.ts'
import { login, logout } from './login.ts'
import { permissions } from './permissions.ts'
import { policy } from './policy.ts'
import { proxy } from './proxy.ts'
import { publish } from './publish.ts'
import { push } from './push.ts'
import { recover } from './recover.ts'
import { reset } from './reset.ts'
import { resolve } from './resolve.ts'
import { retention } from './retention.ts'
import { revoke } from './revoke.ts'
import { serve } from './serve.ts'
import { setup } from './setup.ts'
import { status } from './status.ts'
import { storage } from './storage.ts'
import { tag } from './tag.ts'
import { tags } from './tags.ts'
import { timestamp } from './timestamp.ts'
import { trust } from './trust.ts'
import { exitCodes, type Verb } from './verb.ts'
import { verify } from './verify.ts'

/** Every verb, in the order of the help page. */
export const verbs: readonly Verb[] = [
  dev,
  serve,
  resolve,
  tags,
  verify,
  history,
  audit,
  trust,
  proxy,
  push,
  publish,
  timestamp,
  tag,
  login,
  logout,
  setup,
  inspect,
  policy,
  permissions,
  revoke,
  reset,
  anchor,
  checkpoint,
  exportLayout,
  recover,
  status,
  doctor,
  storage,
  gc,
  fsck,
  retention,
]

/** Runs one command line to its end and resolves to the exit code; never rejects. */
export function runCommandLine(args: readonly string[], world: CommandWorld): Promise<number> {
  return runToEnd('mooring', args, world, (printing) => dispatch(args, printing))
}

async function dispatch(args: readonly string[], world: CommandWorld): Promise<number> {
  const [first, ...rest] = args
  if (first === '--help' || first === '-h') return printed(world, renderTopHelp(verbs))
  if (first === '--version') return printed(world, packageJson.version)
  const verb = verbs.find((candidate) => candidate.name === first)
  if (verb === undefined) {
    const known = verbs.map((candidate) => candidate.name).join(' ')
    throw new ConfigError('VERB', first ?? null, `one of ${known}, --help or --version`)
  }
  const { positionals, settings, help } = parseCommandLine(verb.flags, rest, world.environment)
  if (help) return printed(world, renderVerbHelp(verb))
  return verb.run({ ...world, positionals, settings })
}

function printed(world: CommandWorld, text: string): number {
  world.print(text)
  return exitCodes.done
}
