import { createHash, createHmac, randomBytes } from 'node:crypto'
import { readFile, stat } from 'node:fs/promises'
import { compare } from 'bcryptjs'
import { accountOf, type Credentials } from './credentials.ts'
import type { PasswordFile } from './logins.ts'

/** A password file that cannot be used; the message names the line and what was wanted, never what stands there. */
export class HtpasswdError extends Error {
  override readonly name = 'HtpasswdError'
}

/** Between 4 and 31 rounds (as powers of two): others have no hash, and a login would fail here instead of at the start. */
const lineForm = /^([^:\p{Cc}]{1,255}):(\$2[aby]\$(?:0[4-9]|[12]\d|3[01])\$[./A-Za-z0-9]{53})$/u
/** What callers are called who are nobody's users. */
const reserved: ReadonlySet<string> = new Set(['anonymous', 'operator'])
/** A pair that was right needs no hash again for so long. */
const memoryMs = 5 * 60 * 1000
const maxRemembered = 1000

/** Reads what `htpasswd -B` writes: `user:$2y$...` in each line, bcrypt alone. @throws HtpasswdError */
export function parseHtpasswd(text: string): Map<string, string> {
  const hashes = new Map<string, string>()
  for (const [at, line] of text.split('\n').entries()) {
    const entry = line.trim()
    if (entry === '' || entry.startsWith('#')) continue
    const [, user = '', hash] = lineForm.exec(entry) ?? []
    if (hash === undefined) throw new HtpasswdError(`line ${at + 1} is not user:$2y$..., as htpasswd -B writes it`)
    if (reserved.has(user) || accountOf(user))
      throw new HtpasswdError(`line ${at + 1} has a user that stands for others`)
    if (hashes.has(user)) throw new HtpasswdError(`line ${at + 1} has a user that stands above already`)
    hashes.set(user, hash)
  }
  if (hashes.size === 0) throw new HtpasswdError('it names no user')
  return hashes
}

/**
 * The users of a file, which is read again when it changes; while it cannot be used, what stood there last counts. `onFault` is told.
 * @throws HtpasswdError, and whatever reading the file gave
 */
export async function openHtpasswd(path: string, onFault: (error: Error) => void): Promise<PasswordFile> {
  let read = await readUsers(path)
  const users = async () => {
    try {
      if ((await versionOf(path)) !== read.version) read = await readUsers(path)
    } catch (error) {
      onFault(error instanceof Error ? error : new Error(String(error)))
    }
    return read.hashes
  }
  const isRight = rememberRight()
  const nobodys = randomBytes(32).toString('hex')
  return {
    async check(credentials, admit) {
      const hashes = await users()
      const hash = hashes.get(credentials.user)
      if (hash !== undefined) {
        return (await isRight(credentials, hash, admit)) ? fingerprint(credentials.user, hash) : undefined
      }
      // Of an unknown user some hash is computed as well, of what is nobody's password: how long an answer takes, and whether the next one
      // is counted, says neither who is known nor that the password is another user's.
      const password = nobodys + credentials.password
      await isRight({ ...credentials, password }, [...hashes.values()][0] ?? '', admit)
      return undefined
    },
    async fingerprintOf(user) {
      const hash = (await users()).get(user)
      return hash === undefined ? undefined : fingerprint(user, hash)
    },
  }
}

type Users = { version: string; hashes: ReadonlyMap<string, string> }

async function readUsers(path: string): Promise<Users> {
  const version = await versionOf(path)
  return { version, hashes: parseHtpasswd(await readFile(path, 'utf8')) }
}

async function versionOf(path: string): Promise<string> {
  const { mtimeMs, size, ino } = await stat(path)
  return `${mtimeMs} ${size} ${ino}`
}

function fingerprint(user: string, hash: string): string {
  return createHash('sha256').update(`${user}:${hash}`).digest('hex')
}

/** Compares a password with its hash, once for all who ask at the same time, and remembers what was right under a key of this process. */
function rememberRight(): (credentials: Credentials, hash: string, admit: () => void) => Promise<boolean> {
  const secret = randomBytes(32)
  const known = new Map<string, { right: Promise<boolean>; until: number }>()
  return ({ user, password }, hash, admit) => {
    const key = createHmac('sha256', secret)
      .update(JSON.stringify([user, password, hash]))
      .digest('hex')
    const found = known.get(key)
    if (found !== undefined && performance.now() < found.until) return found.right
    admit()
    const right = compare(password, hash)
    known.delete(key)
    known.set(key, { right, until: performance.now() + memoryMs })
    if (known.size > maxRemembered) known.delete([...known.keys()][0] ?? '')
    const forget = (isKept: boolean) => isKept || known.delete(key)
    right.then(forget, () => forget(false))
    return right
  }
}
