import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import type { Address, Hex } from 'viem'
import { privateKeyToAddress, signMessage } from 'viem/accounts'
import { encodeBase64url } from '../../gateway/auth/base64url.ts'
import { encodeLoginMessage } from '../../gateway/auth/siwe.ts'
import { makeFolder } from './image.ts'
import { endWithProcess, stopChild } from './run.ts'

const program = fileURLToPath(new URL('../../dist/mooring.js', import.meta.url))

/** A user, or an account, and a password that a client takes. */
export type Credentials = { user: string; password: string }

/** `mooring serve --auth token` over the chain of a `mooring dev`, and who may come in. */
export type LoginGateway = {
  /** `http://127.0.0.1:PORT`, which is also its public URL. */
  gateway: string
  host: string
  /** A user of the password file. */
  user: Credentials
  /** The publisher's account with a login message, good once. */
  newMessage(): Promise<Credentials>
  /** The publisher's account with a refresh token, as `mooring login` gets one. */
  newRefreshToken(): Promise<Credentials>
  /** With the publisher's key, for `mooring login`. */
  keyFile: string
  /** All that the gateway has said so far. */
  log(): string
  stop(): Promise<void>
}

type Ready = { rpc: string; chainId: number; ensRegistry: string; resolver: string; publisherKeyFile: string }

/** `U*U`, from the test vectors of crypt_blowfish. */
const user: Credentials = { user: 'ann', password: 'U*U' }
const htpasswd = 'ann:$2y$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW\n'

const folders: string[] = []

/** A fresh folder; it goes away with the gateway. */
export function newFolder(): string {
  const folder = makeFolder()
  folders.push(folder)
  return folder
}

/** Starts both as a user would, with names. */
export async function startLoginGateway(names: readonly string[]): Promise<LoginGateway> {
  const folder = newFolder()
  const [dev, ready] = await start<Ready>(
    'dev',
    '--port',
    '0',
    '--rpc-port',
    '0',
    ...names.flatMap((name) => ['--name', name]),
  )
  const passwordFile = join(folder, 'htpasswd')
  writeFileSync(passwordFile, htpasswd)
  const chain = ['--rpc', ready.rpc, '--chain-id', `${ready.chainId}`, '--ens-registry', ready.ensRegistry]
  const files = ['--publisher-key-file', ready.publisherKeyFile, '--data', join(folder, 'data')]
  const logins = ['--auth', 'token', '--htpasswd', passwordFile, '--resolver', ready.resolver]
  const [serve, { gateway }, log] = await start<{ gateway: string }>(
    'serve',
    '--port',
    '0',
    ...chain,
    ...files,
    ...logins,
  )
  const key = readFileSync(ready.publisherKeyFile, 'utf8').trim() as Hex
  return {
    ...{ gateway, host: new URL(gateway).host, user, keyFile: ready.publisherKeyFile, log },
    newMessage: () => newMessage(gateway, key),
    newRefreshToken: async () => refreshTokenOf(gateway, await newMessage(gateway, key)),
    async stop() {
      await stopChild(serve)
      await stopChild(dev)
      for (const each of folders.splice(0)) rmSync(each, { recursive: true, force: true })
    },
  }
}

async function start<Line>(...args: string[]): Promise<[ChildProcess, Line, () => string]> {
  const child = spawn(process.execPath, [program, ...args, '--json'], { stdio: ['ignore', 'pipe', 'pipe'] })
  endWithProcess(child)
  const said: Buffer[] = []
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (bytes: Buffer) => said.push(bytes))
  child.stderr.pipe(process.stderr)
  const [line] = await once(createInterface({ input: child.stdout }), 'line')
  return [child, JSON.parse(String(line)) as Line, () => Buffer.concat(said).toString()]
}

async function newMessage(gateway: string, key: Hex): Promise<Credentials> {
  const answer = await fetch(`${gateway}/token/nonce`)
  const fields = (await answer.json()) as { nonce: string; domain: string; uri: string; chainId: number }
  const address: Address = privateKeyToAddress(key)
  const issuedAt = Math.floor(Date.now() / 1000)
  const times = { issuedAt, expiresAt: issuedAt + 3600, notBefore: null }
  const message = encodeLoginMessage({ ...fields, ...times, address, scheme: null, resources: [] })
  const signature = await signMessage({ message, privateKey: key })
  return { user: address, password: encodeBase64url(Buffer.from(JSON.stringify({ message, signature }))) }
}

async function refreshTokenOf(gateway: string, { user: username, password }: Credentials): Promise<Credentials> {
  const body = new URLSearchParams({ grant_type: 'password', username, password, access_type: 'offline' })
  const answer = await fetch(`${gateway}/token`, { method: 'POST', body })
  const { refresh_token } = (await answer.json()) as { refresh_token: string }
  return { user: username, password: refresh_token }
}
