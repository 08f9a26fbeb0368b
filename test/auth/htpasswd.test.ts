import { mkdtemp, rm, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { openHtpasswd, parseHtpasswd } from '../../gateway/auth/htpasswd.ts'

/** `U*U`, from the test vectors of crypt_blowfish, under the letter that htpasswd writes. */
const hash = '$2y$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW'
/** `U*U*`, from the same. */
const otherHash = '$2y$05$CCCCCCCCCCCCCCCCCCCCC.VGOzA784oUp/Z0DY336zx7pLYAy0lwK'

let folder = ''
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'mooring-htpasswd-'))
})
afterEach(() => rm(folder, { recursive: true }))

const fileOf = (text: string, name = 'htpasswd') => writeFile(join(folder, name), text).then(() => join(folder, name))
const unasked = () => {
  throw new Error('a hash was computed')
}
const noFault = (error: Error) => {
  throw error
}

test('the right password of a user, and nobody else’s', async () => {
  const file = await openHtpasswd(await fileOf(`# people\n\nann:${hash}\r\nbob:${otherHash}\n`), noFault)
  const right = await file.check({ user: 'ann', password: 'U*U' }, () => undefined)
  expect(right).toBe(await file.fingerprintOf('ann'))
  expect(right).toMatch(/^[0-9a-f]{64}$/)
  for (const [user, password] of [
    ['ann', 'U*U*'],
    ['bob', 'U*U'],
    ['eve', 'U*U'],
    ['Ann', 'U*U'],
    ['ann', ''],
  ]) {
    expect(await file.check({ user: user ?? '', password: password ?? '' }, () => undefined)).toBeUndefined()
  }
  expect(await file.fingerprintOf('eve')).toBeUndefined()
})

test('what was right is known for a while and computed once for all who ask; what was wrong is asked for each time', async () => {
  const file = await openHtpasswd(await fileOf(`ann:${hash}\n`), noFault)
  let asked = 0
  const admit = () => void asked++
  const credentials = { user: 'ann', password: 'U*U' }
  const answers = await Promise.all([1, 2, 3].map(() => file.check(credentials, admit)))
  expect([new Set(answers).size, asked]).toEqual([1, 1])
  expect(await file.check(credentials, unasked)).toBe(answers[0])
  for (let times = 0; times < 2; times++) await file.check({ user: 'ann', password: 'x' }, admit)
  expect(asked).toBe(3)
  await expect(file.check({ user: 'eve', password: 'x' }, unasked)).rejects.toThrow('a hash was computed')
})

test('an unknown user is asked for each time, also with another user’s password: nobody guesses that under many names', async () => {
  const file = await openHtpasswd(await fileOf(`ann:${hash}\n`), noFault)
  let asked = 0
  const tries = async (user: string) => {
    for (let times = 0; times < 2; times++) await file.check({ user, password: 'U*U' }, () => void asked++)
    return asked
  }
  expect(await tries('ann')).toBe(1)
  expect(await tries('eve')).toBe(3)
})

test('a file that changes counts at once; while it cannot be used, what stood there last does', async () => {
  const path = await fileOf(`ann:${hash}\n`)
  const faults: string[] = []
  const file = await openHtpasswd(path, ({ message }) => void faults.push(message))
  const before = await file.fingerprintOf('ann')
  await fileOf(`ann:${otherHash}\n`)
  await utimes(path, 1, 1)
  expect(await file.fingerprintOf('ann')).not.toBe(before)
  expect(await file.check({ user: 'ann', password: 'U*U' }, () => undefined)).toBeUndefined()
  expect(await file.check({ user: 'ann', password: 'U*U*' }, () => undefined)).toBeDefined()
  await fileOf('ann:plain\n')
  expect(await file.check({ user: 'ann', password: 'U*U*' }, unasked)).toBeDefined()
  expect(faults).toEqual(['line 1 is not user:$2y$..., as htpasswd -B writes it'])
})

const bad: readonly [what: string, text: string, words: string][] = [
  ['a plain password', 'ann:secret-4711', 'line 1'],
  ['MD5', `ann:${hash}\nbob:$apr1$x$y`, 'line 2'],
  ['SHA-1', 'ann:{SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g=', 'line 1'],
  ['rounds that bcrypt has not', `ann:${hash}\nbob:${hash.replace('$05$', '$32$')}`, 'line 2'],
  ['a user twice', `ann:${hash}\nann:${hash}`, 'line 2'],
  ['a user who looks like an account', `0x${'1'.repeat(40)}:${hash}`, 'stands for others'],
  ['the user anonymous', `anonymous:${hash}`, 'stands for others'],
  ['nobody', '# empty\n', 'names no user'],
]

test.each(bad)('a password file with %s is refused, and what stands there is not told', (_what, text, words) => {
  expect(parseHtpasswd(`ann:${hash}`).size).toBe(1)
  expect(() => parseHtpasswd(text)).toThrow(words)
  expect(() => parseHtpasswd(text)).not.toThrow(/4711|CCCC/)
})
