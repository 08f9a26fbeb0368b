import type { Address, Hex } from 'viem'
import { signMessage } from 'viem/accounts'
import { expect } from 'vitest'
import { type App, createApp } from '../../gateway/app.ts'
import { createTokenAccess } from '../../gateway/auth/access.ts'
import { createAttempts } from '../../gateway/auth/attempts.ts'
import { encodeBase64url } from '../../gateway/auth/base64url.ts'
import { placeOf } from '../../gateway/auth/challenge.ts'
import { openTokenKey, type TokenKeys } from '../../gateway/auth/keys.ts'
import { createLogins, type Logins, type PasswordFile } from '../../gateway/auth/logins.ts'
import { encodeLoginMessage, type LoginMessage } from '../../gateway/auth/siwe.ts'
import type { Deps } from '../../gateway/deps.ts'
import type { Features } from '../../gateway/features.ts'
import type { LoginStore } from '../../gateway/store/logins.ts'
import { addressOf, createTestDeps, type TestDeps, type TestName, testDomain } from '../fixtures.ts'
import { testKeys } from '../keys.ts'

/** The stores of a gateway that people log in to. */
export type LoginStores = Parameters<typeof createTestDeps>[0] & { logins: LoginStore; close(): Promise<void> }

export const publicUrl = 'https://reg.test:8443'
export const realm = `${publicUrl}/token`
export const service = 'reg.test:8443'
/** Worthless, and the same in every test. */
export const keySecrets = { first: new Uint8Array(32).fill(7), second: new Uint8Array(32).fill(8) }
export const password = 'correct horse'
export const owner = addressOf(testKeys.owner)
/** A contract account that owns `safe.eth`. */
export const safe: Address = `0x${'5a'.repeat(20)}`

export type Said = { status: number; headers: Headers; text: string }

/** A gateway with logins, and what a test may turn. */
export type LoginWorld = App & {
  deps: TestDeps
  logins: Logins
  /** What the contract account says of any signature. */
  approval: { word: Hex | undefined }
  /** Passwords by user; changing one is what changing its line is. */
  users: Map<string, string>
  ask(method: string, path: string, sent?: Sent): Promise<Said>
}

type Sent = { headers?: Record<string, string>; body?: BodyInit; client?: string }

export type WorldOptions = {
  keys?: TokenKeys
  features?: Partial<Features>
  names?: Readonly<Record<string, TestName>>
}

const names: Readonly<Record<string, TestName>> = {
  'acme.eth': { owner },
  'other.eth': { owner },
  'stranger.eth': { owner: addressOf(testKeys.other) },
  'safe.eth': { owner: safe, policy: { publishers: [safe, owner] } },
}

/** Opens a gateway over stores, whose publisher is the owner of acme.eth. */
export async function openWorld(stores: LoginStores, options: WorldOptions = {}): Promise<LoginWorld> {
  const base = createTestDeps(stores, { names: options.names ?? names, features: options.features ?? {} })
  const keys = options.keys ?? [await openTokenKey(keySecrets.first)]
  const approval: LoginWorld['approval'] = { word: undefined }
  const users = new Map([['ann', password]])
  let seed = 0
  const logins = createLogins({
    place: () => placeOf(publicUrl),
    chainId: testDomain.chainId,
    keys,
    store: stores.logins,
    passwords: passwordsOf(users),
    askContract: async (signer) => (signer === safe ? approval.word : undefined),
    attempts: createAttempts(base.clock),
    clock: base.clock,
    randomBytes: (length) => new Uint8Array(length).fill(++seed),
    log: base.log,
  })
  const deps: TestDeps & Deps = Object.assign(base, { logins, access: createTokenAccess(logins) })
  const app = createApp(deps)
  return {
    ...app,
    ...{ deps, logins, approval, users },
    async ask(method, path, { client = '192.0.2.1', ...sent } = {}) {
      const init = { method, ...sent, duplex: 'half' } as RequestInit
      const response = await app.fetch(new Request(`http://forged.test${path}`, init), { client })
      return { status: response.status, headers: response.headers, text: await response.text() }
    },
  }
}

function passwordsOf(users: ReadonlyMap<string, string>): PasswordFile {
  const lineOf = (user: string) => (users.has(user) ? `line of ${user}: ${users.get(user)}` : undefined)
  return {
    async check({ user, password: given }, admit) {
      admit()
      return users.get(user) === given ? lineOf(user) : undefined
    },
    fingerprintOf: async (user) => lineOf(user),
  }
}

export const basic = (user: string, secret: string) => ({ authorization: `Basic ${btoa(`${user}:${secret}`)}` })
export const bearer = (token: string) => ({ authorization: `Bearer ${token}` })

/** `POST /token` with a form. */
export function postForm(world: LoginWorld, form: Record<string, string>, path = '/token', client?: string) {
  return world.ask('POST', path, { body: new URLSearchParams(form), ...(client !== undefined && { client }) })
}

export type Tokens = { token: string; access_token: string; expires_in: number; scope: string; refresh_token?: string }

/** The tokens of an answer that gave some. */
export function tokensOf({ status, text }: Said): Tokens {
  expect([status, text]).toEqual([200, expect.stringContaining('"token"')])
  return JSON.parse(text) as Tokens
}

/** The message of an error answer with this status and code. */
export function refusalOf({ status, text }: Said, wantedStatus: number, code: string): string {
  expect([status, text]).toEqual([wantedStatus, expect.stringContaining(`"${code}"`)])
  const { errors } = JSON.parse(text) as { errors: { code: string; message: string }[] }
  expect(errors).toHaveLength(1)
  expect(errors[0]?.message).toMatch(/^[^\n]+$/)
  return errors[0]?.message ?? ''
}

export const asAnn = basic('ann', password)

/** A token for a scope, as the user of the password file unless said otherwise. */
export async function tokenFor(world: LoginWorld, scope: string, headers: Record<string, string> = asAnn) {
  return tokensOf(await world.ask('GET', `/token?service=${service}&scope=${scope}`, { headers })).token
}

/** A login message that is right here and now, but for `changes`. */
export async function messageFor(world: LoginWorld, changes: Partial<LoginMessage> = {}): Promise<string> {
  const { nonce, domain, uri, chainId } = await world.logins.nonce()
  const issuedAt = Number(world.deps.clock())
  const times = { issuedAt, expiresAt: issuedAt + 3600, notBefore: null }
  return encodeLoginMessage({
    address: owner,
    scheme: null,
    domain,
    uri,
    chainId,
    nonce,
    ...times,
    resources: [],
    ...changes,
  })
}

/** A message and a signature as a password. */
export function asPassword(message: string, signature: Hex): string {
  return encodeBase64url(new TextEncoder().encode(JSON.stringify({ message, signature })))
}

/** A message signed by a key, as a password. */
export async function signed(message: string, privateKey: Hex = testKeys.owner): Promise<string> {
  return asPassword(message, await signMessage({ message, privateKey }))
}

/** Logs an account in by form and returns what came. */
export async function logIn(
  world: LoginWorld,
  secret: string,
  more: Record<string, string> = {},
  user: string = owner,
) {
  return postForm(world, { grant_type: 'password', username: user, password: secret, service, ...more })
}
