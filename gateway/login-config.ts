import { ConfigError, environmentKey, isLoopbackHost, readText, type Settings } from './config.ts'

/** How callers log in, where they do. */
export type LoginConfig = {
  /** Users and bcrypt hashes; null: accounts alone log in. */
  htpasswdFile: string | null
  /** Keys of tokens, the one that signs first; empty: the one in the data folder. */
  tokenKeyFiles: readonly string[]
}

/** `--auth token` and what belongs to it; null without. @throws ConfigError, also for what only belongs to it */
export function readLoginConfig(settings: Settings): LoginConfig | null {
  const auth = settings.get('auth')?.at(-1)
  if (auth !== undefined && !/^(none|token)$/.test(auth.text)) {
    throw new ConfigError(auth.from, auth.text, 'none or token')
  }
  if (auth?.text === 'token') {
    const tokenKeyFiles = (settings.get('token-key-file') ?? []).map(({ text }) => text)
    return { htpasswdFile: readText(settings, 'htpasswd') ?? null, tokenKeyFiles }
  }
  for (const name of ['htpasswd', 'token-key-file']) {
    const [setting] = settings.get(name) ?? []
    if (setting) throw new ConfigError(setting.from, setting.text, `--auth token (${environmentKey('auth')}) beside it`)
  }
  return null
}

/**
 * Where clients reach the gateway: scheme, host and port, in lower case and without trailing slash; null when not given. Passwords go
 * there: anything but loopback is https. @throws ConfigError
 */
export function readPublicUrl(settings: Settings): string | null {
  const setting = settings.get('public-url')?.at(-1)
  if (setting === undefined) return null
  const url = URL.canParse(setting.text) ? new URL(setting.text) : undefined
  const isBare = url !== undefined && `${url.origin}/` === url.href && !/[?#]/.test(setting.text)
  if (isBare && (url.protocol === 'https:' || (url.protocol === 'http:' && isLoopbackHost(url.hostname))))
    return url.origin
  const wanted = 'https:// and a host, no path: passwords go there (http:// for loopback alone)'
  throw new ConfigError(setting.from, setting.text, wanted)
}
