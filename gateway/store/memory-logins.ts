import type { LoginSession, LoginStore } from './logins.ts'

/** A login store that forgets. */
export function createMemoryLogins(): LoginStore {
  const sessions = new Map<string, LoginSession>()
  const nonces = new Map<string, number>()
  return {
    async useNonce(nonce, expiresAt) {
      if (nonces.has(nonce)) return false
      nonces.set(nonce, expiresAt)
      return true
    },
    async openSession(session) {
      sessions.set(session.tokenHash, { ...session })
    },
    async findSession(tokenHash) {
      const session = sessions.get(tokenHash)
      return session && { ...session }
    },
    endSession: async (tokenHash) => sessions.delete(tokenHash),
    async removeExpired(now) {
      const oldSessions = [...sessions.values()].filter(({ expiresAt }) => expiresAt < now)
      const oldNonces = [...nonces].filter(([, expiresAt]) => expiresAt < now)
      for (const { tokenHash } of oldSessions) sessions.delete(tokenHash)
      for (const [nonce] of oldNonces) nonces.delete(nonce)
      return oldSessions.length + oldNonces.length
    },
  }
}
