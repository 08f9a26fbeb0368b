import type { Address } from 'viem'
import type { CollectionConfig } from './collection-config.ts'
import type { Features } from './features.ts'
import { type LoginConfig, readLoginConfig, readPublicUrl } from './login-config.ts'
import type { SwarmConfig } from './swarm-config.ts'

/** One thing that can be set: `--publisher-key-file F`, or `MOORING_PUBLISHER_KEY_FILE` in the environment. */
export type Flag = {
  name: string
  /** What stands for the value in help; null for a switch. */
  value: string | null
  /** May be given several times; separated by commas in the environment. */
  repeatable?: boolean
  help: string
}

/** A value as it was given: `from` is the flag or the environment key, for the error line. */
export type Setting = { from: string; text: string }

/** Values by flag name; a flag that was not given has no entry. */
export type Settings = ReadonlyMap<string, readonly Setting[]>

/** Everything a gateway is told when it starts, on Node and on Workers alike. */
export type Config = {
  port: number
  host: string
  dataDir: string
  /** One or more JSON-RPC endpoints of the chain. */
  rpcUrls: readonly string[]
  chainId: number
  ensRegistry: Address
  resolver: Address
  /** File with the publisher's key; null makes this a relay gateway. */
  publisherKeyFile: string | null
  insecureNoAuth: boolean
  /** Where clients reach this gateway, without trailing slash; null or nothing: where it listens. */
  publicUrl?: string | null
  /** Who may come in; null or nothing: nobody has to log in. */
  logins?: LoginConfig | null
  /** What is on; what is left out is off. */
  features?: Partial<Features>
  /** Requests per minute that one client may send; 0 or nothing: as many as it likes. */
  requestsPerMinute?: number
  /** The header in which a proxy in front says who asks; null or nothing: whoever opened the connection. */
  clientAddressHeader?: string | null
  /** Bytes that one request may bring, where the host in front has such a limit; null or nothing: as many as come. */
  maxBodyBytes?: number | null
  /** How garbage is collected; nothing: not by itself. */
  collection?: CollectionConfig
  /** How content goes to Swarm; nothing: not at all. */
  swarm?: SwarmConfig
}

/** Something was given that cannot be used: one line that names the flag or key, what was seen and what was wanted. Exit code 2. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError'
  constructor(key: string, seen: string | null, wanted: string) {
    super(`${key}: saw ${seen === null ? 'nothing' : JSON.stringify(seen.slice(0, 200))}, wanted ${wanted}`)
  }
}

/** The ENS registry has this address on mainnet and on Sepolia; viem's chain definitions no longer carry it. */
const PUBLIC_ENS_REGISTRY: Address = '0x00000000000c2e074ec69a0dfb2997ba6c7d2e1e'
const publicChainIds: readonly number[] = [1, 11155111]

/** Beyond loopback: a pull of an image of 100 layers every few seconds. */
const DEFAULT_REQUESTS_PER_MINUTE = 3000
const MAX_REQUESTS_PER_MINUTE = 1_000_000
/** Manifests come in one body (protocol 2.1). */
const LEAST_BODY_BYTES = 4 * 1024 * 1024
const MOST_BODY_BYTES = 1024 ** 4

/** The keys of a gateway. */
export const gatewayFlags: readonly Flag[] = [
  { name: 'port', value: 'N', help: 'port to listen on; 0 takes a free one (default 5050)' },
  { name: 'host', value: 'H', help: 'address to listen on (default 127.0.0.1)' },
  { name: 'data', value: 'DIR', help: 'where content, lists and uploads are kept (default ./mooring-data)' },
  { name: 'rpc', value: 'URL', repeatable: true, help: 'JSON-RPC endpoint of the chain; repeatable' },
  { name: 'chain-id', value: 'N', help: 'chain that holds the ENS registry and the resolver' },
  { name: 'ens-registry', value: 'ADDRESS', help: 'ENS registry (default: the one of mainnet and Sepolia)' },
  { name: 'resolver', value: 'ADDRESS', help: 'the Mooring resolver contract' },
  {
    name: 'publisher-key-file',
    value: 'F',
    help: '0x and 64 hex digits, mode 0600; without it the gateway only relays',
  },
  { name: 'catalog', value: null, help: 'answer GET /v2/_catalog with the names whose content is here' },
  { name: 'sparse-indexes', value: null, help: 'take image indexes that list manifests which are not here' },
  { name: 'cross-origin-reads', value: null, help: 'let web pages of any origin read the registry API' },
  {
    name: 'rate-limit',
    value: 'N',
    help: `requests per minute of one client, 0 for any number (default 0 on loopback, else ${DEFAULT_REQUESTS_PER_MINUTE})`,
  },
  {
    name: 'client-address-header',
    value: 'NAME',
    help: 'header in which the proxy in front says who asks (default: who opened the connection)',
  },
  {
    name: 'max-body-bytes',
    value: 'N',
    help: 'the longest body that the host in front lets through; a longer one is 413 (default: no limit)',
  },
  { name: 'public-url', value: 'URL', help: 'where clients reach this gateway, such as https://reg.example' },
  { name: 'auth', value: 'none|token', help: 'token: whoever pushes logs in, by a user or an account (default none)' },
  { name: 'htpasswd', value: 'FILE', help: 'users and bcrypt hashes, as htpasswd -B writes them; with --auth token' },
  {
    name: 'token-key-file',
    value: 'F',
    repeatable: true,
    help: '0x and 64 hex digits, mode 0600: signs tokens; others behind it are believed (default: made in the data folder)',
  },
  { name: 'insecure-no-auth', value: null, help: 'listen beyond loopback although anybody there may push' },
]

/** The environment key of a flag: `chain-id` is `MOORING_CHAIN_ID`. */
export function environmentKey(flagName: string): string {
  return `MOORING_${flagName.toUpperCase().replaceAll('-', '_')}`
}

/** A setting under both its names, for errors that do not know where it came from. */
export function keyOf(flagName: string): string {
  return `--${flagName} (${environmentKey(flagName)})`
}

/** Reads the settings for `flags` from environment strings; empty ones count as not given. */
export function settingsFromEnvironment(
  flags: readonly Flag[],
  environment: Readonly<Record<string, string | undefined>>,
): Map<string, readonly Setting[]> {
  const settings = new Map<string, readonly Setting[]>()
  for (const flag of flags) {
    const from = environmentKey(flag.name)
    const text = environment[from]?.trim()
    if (!text) continue
    const texts = flag.repeatable ? text.split(',').map((part) => part.trim()) : [text]
    settings.set(
      flag.name,
      texts.filter((part) => part !== '').map((part) => ({ from, text: part })),
    )
  }
  return settings
}

/** @throws ConfigError naming the first key that cannot be used */
export function readConfig(settings: Settings): Config {
  const chainId = readInteger(settings, 'chain-id', 1, Number.MAX_SAFE_INTEGER)
  const host = readText(settings, 'host') ?? '127.0.0.1'
  const insecureNoAuth = readSwitch(settings, 'insecure-no-auth')
  const publicUrl = readPublicUrl(settings)
  const logins = readLoginConfig(settings)
  refuseOpenHost(settings, { host, publicUrl, logins }, insecureNoAuth)
  const rpcUrls = readUrls(settings, 'rpc')
  if (rpcUrls.length === 0) throw missing('rpc', 'the URL of a JSON-RPC endpoint')
  return {
    port: readInteger(settings, 'port', 0, 65535, 5050),
    host,
    dataDir: readText(settings, 'data') ?? './mooring-data',
    rpcUrls,
    chainId,
    ensRegistry: readAddress(settings, 'ens-registry') ?? defaultEnsRegistry(chainId),
    resolver: readAddress(settings, 'resolver') ?? required('resolver', 'the address of the Mooring resolver contract'),
    publisherKeyFile: readText(settings, 'publisher-key-file') ?? null,
    insecureNoAuth,
    publicUrl,
    logins,
    features: {
      catalog: readSwitch(settings, 'catalog'),
      sparseIndexes: readSwitch(settings, 'sparse-indexes'),
      crossOriginReads: readSwitch(settings, 'cross-origin-reads'),
    },
    requestsPerMinute: readInteger(settings, 'rate-limit', 0, MAX_REQUESTS_PER_MINUTE, defaultRequestsPerMinute(host)),
    clientAddressHeader: readHeaderName(settings, 'client-address-header'),
    maxBodyBytes: settings.has('max-body-bytes')
      ? readInteger(settings, 'max-body-bytes', LEAST_BODY_BYTES, MOST_BODY_BYTES)
      : null,
  }
}

function defaultRequestsPerMinute(host: string): number {
  return isLoopbackHost(host) ? 0 : DEFAULT_REQUESTS_PER_MINUTE
}

/** RFC 9110 section 5.6.2 "token", in lower case. */
function readHeaderName(settings: Settings, name: string): string | null {
  const setting = settings.get(name)?.at(-1)
  if (setting === undefined) return null
  if (/^[a-zA-Z0-9-]{1,64}$/.test(setting.text)) return setting.text.toLowerCase()
  throw new ConfigError(setting.from, setting.text, 'the name of a header, such as X-Forwarded-For')
}

/** The chain's own ENS registry. @throws ConfigError where none is known */
export function defaultEnsRegistry(chainId: number): Address {
  if (publicChainIds.includes(chainId)) return PUBLIC_ENS_REGISTRY
  return required('ens-registry', `an address, because chain ${chainId} has no known ENS registry`)
}

/** A whole number inside a range. @throws ConfigError */
export function readInteger(settings: Settings, name: string, least: number, most: number, fallback?: number): number {
  const setting = settings.get(name)?.at(-1)
  const wanted = `a whole number from ${least} to ${most}`
  if (setting === undefined) return fallback ?? required(name, wanted)
  const value = /^\d{1,16}$/.test(setting.text) ? Number(setting.text) : Number.NaN
  if (value >= least && value <= most) return value
  throw new ConfigError(setting.from, setting.text, wanted)
}

/** A 20-byte address in lower case, undefined when not given. @throws ConfigError */
export function readAddress(settings: Settings, name: string): Address | undefined {
  const setting = settings.get(name)?.at(-1)
  if (setting === undefined) return undefined
  if (/^0x[0-9a-fA-F]{40}$/.test(setting.text)) return setting.text.toLowerCase() as Address
  throw new ConfigError(setting.from, setting.text, 'an address: 0x and 40 hex digits')
}

/** http and https URLs without trailing slash, in the order given. @throws ConfigError */
export function readUrls(settings: Settings, name: string): string[] {
  return (settings.get(name) ?? []).map((setting) => {
    const url = URL.canParse(setting.text) ? new URL(setting.text) : undefined
    if (url !== undefined && /^https?:$/.test(url.protocol)) return setting.text.replace(/\/+$/, '')
    throw new ConfigError(setting.from, setting.text, 'an http:// or https:// URL')
  })
}

/** The text as given, undefined when not. */
export function readText(settings: Settings, name: string): string | undefined {
  return settings.get(name)?.at(-1)?.text
}

/** True when a switch is on. @throws ConfigError for an environment value that is no yes or no */
export function readSwitch(settings: Settings, name: string): boolean {
  const setting = settings.get(name)?.at(-1)
  if (setting === undefined) return false
  if (/^(1|true|yes|on)$/i.test(setting.text)) return true
  if (/^(0|false|no|off)$/i.test(setting.text)) return false
  throw new ConfigError(setting.from, setting.text, 'true or false')
}

/** Whether only this machine can reach a host name. */
export function isLoopbackHost(host: string): boolean {
  const bare = host.replace(/^\[|\]$/g, '').toLowerCase()
  return bare === 'localhost' || bare === '::1' || /^127(\.\d{1,3}){3}$/.test(bare)
}

type Openness = Required<Pick<Config, 'host' | 'publicUrl' | 'logins'>>

function refuseOpenHost(settings: Settings, { host, publicUrl, logins }: Openness, insecureNoAuth: boolean): void {
  if (isLoopbackHost(host)) return
  if (logins !== null && publicUrl === null) {
    throw missing('public-url', `where clients reach this gateway, because tokens name it and ${host} does not say it`)
  }
  if (logins !== null || insecureNoAuth) return
  const from = settings.get('host')?.at(-1)?.from ?? '--host'
  const wanted = 'a loopback address, --auth token, or --insecure-no-auth: anybody who reaches it could push'
  throw new ConfigError(from, host, wanted)
}

function missing(name: string, wanted: string): ConfigError {
  return new ConfigError(keyOf(name), null, wanted)
}

function required(name: string, wanted: string): never {
  throw missing(name, wanted)
}
