import { createHash, randomBytes } from 'node:crypto'
import { mkdir, open, readdir, readFile, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'

/** A login that is kept for one host: what a client gives where it is asked for a user and a password. */
export type StoredLogin = {
  /** With the port where it has one: `reg.example:8443`. */
  host: string
  username: string
  /** A refresh token, or the password that docker was given. */
  secret: string
  /** Where tokens come from; null for what another program stored: such a login is handed out and not used by this one. */
  realm: string | null
  service: string | null
  /** Unix seconds; null where it is not known. */
  expiresAt: number | null
  /** The key file that can log in again; null: only a person can. */
  keyFile: string | null
}

/** Logins of this user, one small file for each host, mode 0600. */
export type StoredLogins = {
  /** Null for none, and for a file that cannot be read. */
  find(host: string): Promise<StoredLogin | null>
  /** Durable when it resolves; whole or not at all. */
  keep(login: StoredLogin): Promise<void>
  /** False where there was none. */
  forget(host: string): Promise<boolean>
  list(): Promise<StoredLogin[]>
}

/** The logins under a state folder. */
export function openStoredLogins(stateDir: string): StoredLogins {
  const folder = join(stateDir, 'logins')
  const fileOf = (host: string) => join(folder, `${createHash('sha256').update(host).digest('hex').slice(0, 32)}.json`)
  const find = async (host: string) => {
    const login = await readLogin(fileOf(host))
    return login?.host === host ? login : null
  }
  return {
    find,
    async keep(login) {
      await mkdir(folder, { recursive: true, mode: 0o700 })
      await writeSecret(fileOf(login.host), `${JSON.stringify(login)}\n`)
    },
    async forget(host) {
      const isThere = (await find(host)) !== null
      await rm(fileOf(host), { force: true })
      return isThere
    },
    async list() {
      const names = await readdir(folder).catch(() => [])
      const logins = await Promise.all(
        names.filter((name) => name.endsWith('.json')).map((name) => readLogin(join(folder, name))),
      )
      return logins.filter((login) => login !== null).sort((one, other) => (one.host < other.host ? -1 : 1))
    },
  }
}

/**
 * A file in the place of another, readable by its owner alone from its first byte; false, and nothing is changed, where `mayReplace` says so
 * when everything else is done.
 */
export async function writeSecret(
  file: string,
  text: string,
  mayReplace: () => Promise<boolean> = async () => true,
): Promise<boolean> {
  const temporary = `${file}-${process.pid}-${randomBytes(6).toString('hex')}.tmp`
  const handle = await open(temporary, 'wx', 0o600)
  try {
    await handle.writeFile(text)
    await handle.sync()
    const isFree = await mayReplace()
    await (isFree ? rename(temporary, file) : rm(temporary, { force: true }))
    return isFree
  } catch (error) {
    await rm(temporary, { force: true })
    throw error
  } finally {
    await handle.close()
  }
}

async function readLogin(file: string): Promise<StoredLogin | null> {
  try {
    const { host, username, secret, realm, service, expiresAt, keyFile } = JSON.parse(
      await readFile(file, 'utf8'),
    ) as Record<string, unknown>
    if (typeof host !== 'string' || typeof username !== 'string' || typeof secret !== 'string') return null
    const textOrNull = (value: unknown) => (typeof value === 'string' ? value : null)
    return {
      ...{ host, username, secret },
      ...{ realm: textOrNull(realm), service: textOrNull(service), keyFile: textOrNull(keyFile) },
      expiresAt: typeof expiresAt === 'number' ? expiresAt : null,
    }
  } catch {
    return null
  }
}
