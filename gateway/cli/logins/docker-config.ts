import { mkdir, readFile } from 'node:fs/promises'
import { homedir } from 'node:os'
import { dirname, join } from 'node:path'
import { ConfigError } from '../../config.ts'
import { writeSecret } from './stored-logins.ts'

/** What docker calls `docker-credential-mooring`. */
const HELPER = 'mooring'

type Environment = Readonly<Record<string, string | undefined>>
type DockerConfig = Record<string, unknown> & { credHelpers?: Record<string, unknown> }

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
  const file = dockerConfigFile(environment)
  const text = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return '{}'
    throw new ConfigError(file, error.code ?? error.message, 'a file that can be read, or --no-docker-config')
  })
  const after = next(parseConfig(file, text))
  if (after === null) return false
  await mkdir(dirname(file), { recursive: true, mode: 0o700 })
  await writeSecret(file, `${JSON.stringify(after, null, '\t')}\n`)
  return true
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
