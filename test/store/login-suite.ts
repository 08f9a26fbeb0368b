import { expect, it } from 'vitest'
import type { LoginSession, LoginStore } from '../../gateway/store/logins.ts'

type OpenLogins = () => Promise<{ logins: LoginStore; close(): Promise<void> }>

const session: LoginSession = {
  tokenHash: 'ab'.repeat(32),
  subject: '0xf39fd6e51aad88f6f4ce6ab8827279cfffb92266',
  messageHash: `0x${'12'.repeat(32)}`,
  proof: `0x${'34'.repeat(65)}`,
  limitedTo: 'repository:acme.eth/web:pull,push',
  clientId: 'docker',
  createdAt: 1_000,
  expiresAt: 2_000,
}

/** What every login store keeps to. */
export function loginSuite(driver: string, open: OpenLogins): void {
  const rule = (name: string, check: (logins: LoginStore) => Promise<void>) =>
    it(`logins in ${driver}: ${name}`, async () => {
      const { logins, close } = await open()
      try {
        await check(logins)
      } finally {
        await close()
      }
    })

  rule('a nonce is used once, by one of all who use it at the same time', async (logins) => {
    const used = await Promise.all(Array.from({ length: 8 }, () => logins.useNonce('n1', 2_000)))
    expect(used.filter((isFirst) => isFirst)).toHaveLength(1)
    expect(await logins.useNonce('n1', 3_000)).toBe(false)
    expect(await logins.useNonce('n2', 2_000)).toBe(true)
  })

  rule('a session comes back as it went in, by its own hash alone, until it is ended', async (logins) => {
    const user = { ...session, tokenHash: 'cd'.repeat(32), subject: 'ann', messageHash: null, limitedTo: null }
    await logins.openSession(session)
    await logins.openSession(user)
    expect(await logins.findSession(session.tokenHash)).toEqual(session)
    expect(await logins.findSession(user.tokenHash)).toEqual(user)
    expect(await logins.findSession('ef'.repeat(32))).toBeUndefined()
    expect(await logins.endSession(session.tokenHash)).toBe(true)
    expect(await logins.endSession(session.tokenHash)).toBe(false)
    expect(await logins.findSession(session.tokenHash)).toBeUndefined()
    expect(await logins.findSession(user.tokenHash)).toEqual(user)
  })

  rule('what expired before a time goes, sessions and nonces, and nothing else', async (logins) => {
    const later = { ...session, tokenHash: 'cd'.repeat(32), expiresAt: 2_001 }
    await logins.openSession(session)
    await logins.openSession(later)
    await logins.useNonce('old', 1_999)
    await logins.useNonce('new', 2_001)
    expect(await logins.removeExpired(2_000)).toBe(1)
    expect(await logins.removeExpired(2_001)).toBe(1)
    expect(await logins.findSession(session.tokenHash)).toBeUndefined()
    expect(await logins.findSession(later.tokenHash)).toEqual(later)
    expect(await logins.useNonce('old', 3_000)).toBe(true)
    expect(await logins.useNonce('new', 3_000)).toBe(false)
  })
}
