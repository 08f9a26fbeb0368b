import { randomBytes } from 'node:crypto'
import { mkdir, writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { hexToBytes } from 'viem'
import { createAttempts } from './auth/attempts.ts'
import { placeOf } from './auth/challenge.ts'
import { HtpasswdError, openHtpasswd } from './auth/htpasswd.ts'
import { openTokenKey, type TokenKeys } from './auth/keys.ts'
import { createLogins, type Logins, type PasswordFile } from './auth/logins.ts'
import { askAtLatestBlock } from './chain/account-signature.ts'
import { type Config, ConfigError, keyOf } from './config.ts'
import type { Log } from './deps.ts'
import { KeyFileError, readKeyFile } from './signer.ts'
import type { LoginStore } from './store/logins.ts'

/** What a gateway on Node knows its callers by. */
export type Credentials = { keys: TokenKeys; passwords: PasswordFile | null }

/** Made when no other is named. */
const keyFileInDataFolder = 'token.key'

/**
 * The keys of tokens and the password file that a configuration names, the key in the data folder made when it is missing; null where
 * nobody logs in. @throws ConfigError for a file that cannot be used
 */
export async function openCredentials({ logins, dataDir }: Config, log: Log): Promise<Credentials | null> {
  if (!logins) return null
  const files = logins.tokenKeyFiles.length > 0 ? logins.tokenKeyFiles : [await keyFileIn(dataDir)]
  const [current, ...others] = await Promise.all(files.map(readTokenKey))
  if (current === undefined) throw new Error('a list of key files was empty')
  return { keys: [current, ...others], passwords: await openPasswords(logins.htpasswdFile, log) }
}

/** Logs callers in. `url` gives where the gateway listens, for one that has no public URL. */
export function openLogins(
  { chainId, rpcUrls, resolver, publicUrl }: Config,
  credentials: Credentials,
  { url, store, clock, log }: { url: () => string; store: LoginStore; clock: () => bigint; log: Log },
): Logins {
  const askContract = askAtLatestBlock(rpcUrls, resolver)
  const place = () => placeOf(publicUrl ?? url())
  const made = { place, chainId, askContract, attempts: createAttempts(clock), randomBytes }
  return createLogins({ ...credentials, ...made, store, clock, log })
}

async function readTokenKey(file: string) {
  try {
    return await openTokenKey(hexToBytes(await readKeyFile(file)))
  } catch (error) {
    if (!(error instanceof KeyFileError)) throw error
    throw new ConfigError(keyOf('token-key-file'), file, `a usable key file: ${error.message}`)
  }
}

async function keyFileIn(dataDir: string): Promise<string> {
  const folder = resolve(dataDir)
  const file = join(folder, keyFileInDataFolder)
  try {
    await mkdir(folder, { recursive: true, mode: 0o700 })
    await writeFile(file, `0x${randomBytes(32).toString('hex')}\n`, { mode: 0o600, flag: 'wx', flush: true })
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    if (code !== 'EEXIST')
      throw new ConfigError(keyOf('data'), dataDir, `a folder for the key of tokens: ${code ?? message}`)
  }
  return file
}

async function openPasswords(file: string | null, log: Log): Promise<PasswordFile | null> {
  if (file === null) return null
  try {
    return await openHtpasswd(file, ({ message }) => log('password file unusable', { file, error: message }))
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    if (!(error instanceof HtpasswdError) && code === undefined) throw error
    throw new ConfigError(keyOf('htpasswd'), file, `a usable password file: ${code ?? message}`)
  }
}
