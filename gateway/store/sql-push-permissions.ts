import type { Hex } from 'viem'
import type { SignedPermissions } from '../tags/permissions.ts'
import { parsePermissionsUpload, permissionsToJson } from '../tags/permissions-json.ts'
import type { PermissionsKey, PushPermissionStore } from './push-permissions.ts'
import type { Sql } from './sql.ts'

type Row = { body: string; hash: Hex }

/** Permissions that were read lately: reading the longest ones takes a tenth of a second, and each push asks for them. */
const maxRemembered = 16

const ofKey = 'chain_id = ?1 AND resolver = ?2 AND ens_name = ?3 AND owner = ?4'
const newestFirst = `SELECT body, hash FROM push_permissions WHERE ${ofKey} ORDER BY version DESC`

/** Permissions in the table `push_permissions` of migrations/. */
export function createSqlPushPermissions(sql: Sql): PushPermissionStore {
  const read = new Map<Hex, SignedPermissions>()
  return {
    async find(key) {
      const known = new Map(read)
      const values = [...valuesOf(key), JSON.stringify([...known.keys()])]
      const row = await sql.first<Row>(newestUnread, values)
      if (!row) return undefined
      const signed = known.get(row.hash) ?? signedOf(row)
      read.delete(row.hash)
      read.set(row.hash, signed)
      for (const oldest of read.keys()) if (read.size > maxRemembered) read.delete(oldest)
      return signed
    },
    async put(key, signed) {
      const { permissions, hash, signature } = signed
      const body = JSON.stringify({ permissions: permissionsToJson(permissions), signature })
      return (await sql.run(insertText, [...valuesOf(key), Number(permissions.version), hash, body])) === 1
    },
    async history(key, limit) {
      return (await sql.all<Row>(`${newestFirst} LIMIT ?5`, [...valuesOf(key), limit])).map(signedOf)
    },
  }
}

/** The body is left out where its hash is known: that of a name, an owner and a domain, so of one row alone. */
const newestUnread = `SELECT hash, CASE WHEN hash IN (SELECT value FROM json_each(?5)) THEN '' ELSE body END AS body
  FROM push_permissions WHERE ${ofKey} ORDER BY version DESC LIMIT 1`

/** Nothing is inserted unless the version is above the highest one. */
const insertText = `INSERT INTO push_permissions (chain_id, resolver, ens_name, owner, version, hash, body)
  SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7
  WHERE ?5 > (SELECT COALESCE(MAX(version), 0) FROM push_permissions WHERE ${ofKey})`

function valuesOf({ chainId, resolver, ensName, owner }: PermissionsKey) {
  return [chainId, resolver, ensName, owner]
}

function signedOf({ body, hash }: Row): SignedPermissions {
  return { ...parsePermissionsUpload(body), hash }
}
