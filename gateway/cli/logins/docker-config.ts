import { mkdir, readFile, realpath } from 'node:fs/promises'
import { homedir } from 'node:os'
import { dirname, join } from 'node:path'
import { ConfigError } from '../../config.ts'
import { LockNotHad, type LockTimes, withFileLock } from './file-lock.ts'
import { writeSecret } from './stored-logins.ts'

/** What docker calls `docker-credential-mooring`. */
const HELPER = 'mooring'

type Environment = Readonly<Record<string, string | undefined>>
/** docker's `config.json`. */
export type DockerConfig = Record<string, unknown> & { credHelpers?: Record<string, unknown> }

/** Where docker keeps its configuration. */
export function dockerConfigFile(environment: Environment): string {
  return join(environment.DOCKER_CONFIG || join(environment.HOME || homedir(), '.docker'), 'config.json')
}

/** Has docker ask `docker-credential-mooring` for this host; false where it does already. @throws ConfigError for a file that is no JSON */
export function addCredentialHelper(environment: Environment, host: string): Promise<boolean> {
  return change(environment, (config) => {
    if (config.credHelpers?.[host] === HELPER) return null
    return { ...config, credHelpers: { ...config.credHelpers, [host]: HELPER } }
  })
}

/** Takes that back; false where docker asks somebody else, or nobody. @throws ConfigError for a file that is no JSON */
export function removeCredentialHelper(environment: Environment, host: string): Promise<boolean> {
  return change(environment, (config) => {
    if (config.credHelpers?.[host] !== HELPER) return null
    const { [host]: _removed, ...credHelpers } = config.credHelpers
    const { credHelpers: _all, ...rest } = config
    return Object.keys(credHelpers).length === 0 ? rest : { ...rest, credHelpers }
  })
}

async function change(environment: Environment, next: (config: DockerConfig) => DockerConfig | null): Promise<boolean> {
  const named = dockerConfigFile(environment)
  // Where it is a link, as among settings that are kept elsewhere, it stays one.
  const file = await realpath(named).catch(() => named)
  return changeConfig(file, next)
}

/** docker takes no lock, so what it writes meanwhile is looked for again before the file is replaced. */
const maxTries = 20

/**
 * Replaces a configuration by what `next` makes of it (null: nothing to do, and false). Whoever does so by this function at the same time
 * waits, so that nothing is lost. @throws ConfigError for a file that is no JSON, that cannot be read, or that is not left alone
 */
export async function changeConfig(
  file: string,
  next: (config: DockerConfig) => DockerConfig | null,
  times?: LockTimes,
): Promise<boolean> {
  const isAsWanted = async () => next(parseConfig(file, (await readConfig(file)) ?? '{}')) === null
  // It may be where nobody may write.
  if (await isAsWanted()) return false
  await mkdir(dirname(file), { recursive: true, mode: 0o700 })
  const changeInTurn = async () => {
    for (let tries = 0; tries < maxTries; tries++) {
      const text = await readConfig(file)
      const after = next(parseConfig(file, text ?? '{}'))
      if (after === null) return false
      if (
        await writeSecret(file, `${JSON.stringify(after, null, '\t')}\n`, async () => text === (await readConfig(file)))
      )
        return true
    }
    throw new ConfigError(
      file,
      'a file that changes all the time',
      'no other program that writes it, or --no-docker-config',
    )
  }
  return withFileLock(`${file}.mooring-lock`, changeInTurn, times).catch((error: unknown) => {
    if (!(error instanceof LockNotHad)) throw error
    throw new ConfigError(file, error.message, 'a file that is free, or --no-docker-config')
  })
}

/** Null where there is none. */
function readConfig(file: string): Promise<string | null> {
  return readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return null
    throw new ConfigError(file, error.code ?? error.message, 'a file that can be read, or --no-docker-config')
  })
}

/** What it says is never shown: it may hold passwords. */
function parseConfig(file: string, text: string): DockerConfig {
  try {
    const config: unknown = JSON.parse(text.trim() === '' ? '{}' : text)
    const isObject = (value: unknown) => typeof value === 'object' && value !== null && !Array.isArray(value)
    const { credHelpers } = config as DockerConfig
    if (isObject(config) && (credHelpers === undefined || isObject(credHelpers))) return config as DockerConfig
  } catch {
    // Said below, as of a file that is JSON and no configuration.
  }
  throw new ConfigError(file, 'no JSON object', "docker's configuration, or --no-docker-config")
}
