import type { Hex } from 'viem'
import type { LoginSession, LoginStore } from './logins.ts'
import type { Sql } from './sql.ts'

type SessionRow = {
  token_hash: string
  subject: string
  message_hash: Hex | null
  proof: string
  limited_to: string | null
  client_id: string
  created_at: number
  expires_at: number
}

const columns = 'token_hash, subject, message_hash, proof, limited_to, client_id, created_at, expires_at'

/** A login store in SQL. */
export function createSqlLogins(sql: Sql): LoginStore {
  return {
    async useNonce(nonce, expiresAt) {
      const text = 'INSERT INTO used_nonce (nonce, expires_at) VALUES (?1, ?2) ON CONFLICT DO NOTHING'
      return (await sql.run(text, [nonce, expiresAt])) > 0
    },
    async openSession({ tokenHash, subject, messageHash, proof, limitedTo, clientId, createdAt, expiresAt }) {
      const values = [tokenHash, subject, messageHash, proof, limitedTo, clientId, createdAt, expiresAt]
      await sql.run(`INSERT INTO login_session (${columns}) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)`, values)
    },
    async findSession(tokenHash) {
      const text = `SELECT ${columns} FROM login_session WHERE token_hash = ?1`
      const row = await sql.first<SessionRow>(text, [tokenHash])
      return row && sessionOf(row)
    },
    async endSession(tokenHash) {
      return (await sql.run('DELETE FROM login_session WHERE token_hash = ?1', [tokenHash])) > 0
    },
    async removeExpired(now) {
      const sessions = await sql.run('DELETE FROM login_session WHERE expires_at < ?1', [now])
      return sessions + (await sql.run('DELETE FROM used_nonce WHERE expires_at < ?1', [now]))
    },
  }
}

function sessionOf(row: SessionRow): LoginSession {
  return {
    tokenHash: row.token_hash,
    subject: row.subject,
    messageHash: row.message_hash,
    proof: row.proof,
    limitedTo: row.limited_to,
    clientId: row.client_id,
    createdAt: row.created_at,
    expiresAt: row.expires_at,
  }
}
