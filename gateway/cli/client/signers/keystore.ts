import { createDecipheriv, pbkdf2, scrypt } from 'node:crypto'
import { open } from 'node:fs/promises'
import { promisify } from 'node:util'
import { type Hex, keccak256 } from 'viem'
import { privateKeyToAddress } from 'viem/accounts'
import { parseStrictJson } from '../../../oci/strict-json.ts'

/** A keystore that cannot be opened. The message names what is wrong, and never the password, the key or what was read. */
export class KeystoreError extends Error {
  override readonly name = 'KeystoreError'
  constructor(
    message: string,
    /** Whether it is the password that is wrong, as far as one can know. */
    readonly isPassword = false,
  ) {
    super(message)
  }
}

const MAX_FILE_BYTES = 64 * 1024
const MAX_PASSWORD_BYTES = 4096
/** scrypt takes 128 x n x r bytes; what geth writes by default takes 256 MiB. */
const MAX_SCRYPT_BYTES = 1024 ** 3
const MAX_SCRYPT_PARALLEL = 16
const MAX_PBKDF2_ROUNDS = 20_000_000
const KEY_BYTES = 32

type Members = Readonly<Record<string, unknown>>

/**
 * The private key of an encrypted JSON keystore (Web3 Secret Storage, version 3: scrypt or PBKDF2, AES-128-CTR, keccak256 over the second
 * half of the derived key and the ciphertext). Where it says whose key it is, it holds that account's: the MAC says nothing about the address,
 * so somebody else's keystore could be passed off under a known one. @throws KeystoreError
 */
export async function openKeystore(text: string, password: string): Promise<Hex> {
  const keystore = readMembers(text)
  // Older tools spell it with a capital.
  const crypto = objectMember(keystore, keystore.crypto === undefined ? 'Crypto' : 'crypto')
  const ciphertext = bytesMember(crypto, 'ciphertext', 1, 64)
  const iv = bytesMember(objectMember(crypto, 'cipherparams'), 'iv', 16, 16)
  if (crypto.cipher !== 'aes-128-ctr') throw unknownPart('cipher', crypto.cipher, 'aes-128-ctr')
  const derived = await deriveKey(crypto, password)
  const mac = keccak256(Buffer.concat([derived.subarray(16, 32), ciphertext]))
  if (mac !== `0x${bytesMember(crypto, 'mac', 32, 32).toString('hex')}`) {
    throw new KeystoreError('the password is wrong: the MAC of the keystore is another', true)
  }
  const decipher = createDecipheriv('aes-128-ctr', derived.subarray(0, 16), iv)
  const key = Buffer.concat([decipher.update(ciphertext), decipher.final()])
  if (key.length !== KEY_BYTES) throw new KeystoreError(`the keystore holds ${key.length} bytes, a private key has 32`)
  return checkAddress(keystore, `0x${key.toString('hex')}`)
}

/** The key, where the keystore names its address or none: tools leave it out to keep it private. @throws KeystoreError */
function checkAddress({ address }: Members, key: Hex): Hex {
  if (typeof address !== 'string' || address === '') return key
  const [named, held] = [`0x${address.toLowerCase().replace(/^0x/, '')}`, privateKeyToAddress(key).toLowerCase()]
  if (named === held) return key
  throw new KeystoreError(`the keystore says that it is of ${named.slice(0, 60)}, and holds the key of ${held}`)
}

/** A keystore's text. @throws KeystoreError */
export function readKeystoreFile(path: string): Promise<string> {
  return readSmallFile(path, MAX_FILE_BYTES, 'keystore', false)
}

/** The password in a file, without the line break at its end; the file must be readable by its owner alone. @throws KeystoreError */
export async function readPasswordFile(path: string): Promise<string> {
  return (await readSmallFile(path, MAX_PASSWORD_BYTES, 'password file', true)).replace(/\r?\n$/, '')
}

async function readSmallFile(path: string, maxBytes: number, what: string, isSecret: boolean): Promise<string> {
  const file = await open(path, 'r').catch((error: NodeJS.ErrnoException) => {
    throw new KeystoreError(`cannot read the ${what} ${path}: ${error.code ?? error.message}`)
  })
  try {
    const { mode, size } = await file.stat()
    if (isSecret && process.platform !== 'win32' && (mode & 0o077) !== 0) {
      const seen = (mode & 0o777).toString(8).padStart(4, '0')
      throw new KeystoreError(`the ${what} ${path} has mode ${seen}, so others may read it; wanted 0600`)
    }
    if (size > maxBytes) throw new KeystoreError(`the ${what} ${path} has ${size} bytes, over ${maxBytes}`)
    return await file.readFile('utf8')
  } finally {
    await file.close()
  }
}

function readMembers(text: string): Members {
  let keystore: Members
  try {
    keystore = asObject(parseStrictJson(text, { maxDepth: 6 }), 'keystore')
  } catch (error) {
    if (error instanceof KeystoreError) throw error
    throw new KeystoreError('the keystore is no JSON')
  }
  if (keystore.version !== 3) throw unknownPart('version', keystore.version, '3')
  return keystore
}

async function deriveKey(crypto: Members, password: string): Promise<Buffer> {
  const params = objectMember(crypto, 'kdfparams')
  const salt = bytesMember(params, 'salt', 1, 1024)
  integerMember(params, 'dklen', 32, 32)
  if (crypto.kdf === 'scrypt') return deriveByScrypt(params, password, salt)
  if (crypto.kdf !== 'pbkdf2') throw unknownPart('kdf', crypto.kdf, 'scrypt or pbkdf2')
  if (params.prf !== 'hmac-sha256') throw unknownPart('prf', params.prf, 'hmac-sha256')
  const rounds = integerMember(params, 'c', 1, MAX_PBKDF2_ROUNDS)
  return promisify(pbkdf2)(password, salt, rounds, KEY_BYTES, 'sha256')
}

async function deriveByScrypt(params: Members, password: string, salt: Buffer): Promise<Buffer> {
  const cost = integerMember(params, 'n', 2, MAX_SCRYPT_BYTES)
  const blockSize = integerMember(params, 'r', 1, 1024)
  const parallelization = integerMember(params, 'p', 1, MAX_SCRYPT_PARALLEL)
  const bytes = 128 * cost * blockSize
  // RFC 7914 section 2: N is a power of 2 and below 2^(128 r / 8); OpenSSL takes no other.
  const isLegal = Number.isInteger(Math.log2(cost)) && Math.log2(cost) < 16 * blockSize
  if (!isLegal || bytes > MAX_SCRYPT_BYTES) {
    const why = isLegal ? 'over 1 GiB of memory' : 'outside RFC 7914'
    throw new KeystoreError(`the keystore asks for scrypt with n ${cost}, r ${blockSize}: ${why}`)
  }
  const options = { cost, blockSize, parallelization, maxmem: bytes + 64 * 1024 * 1024 }
  return new Promise((resolve, reject) => {
    scrypt(password, salt, KEY_BYTES, options, (error, key) => (error ? reject(error) : resolve(key)))
  })
}

function asObject(value: unknown, what: string): Members {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Members
  throw new KeystoreError(`the keystore has no object ${what}`)
}

function objectMember(members: Members, name: string): Members {
  return asObject(members[name], name)
}

function bytesMember(members: Members, name: string, least: number, most: number): Buffer {
  const value = members[name]
  const hex = typeof value === 'string' ? value.replace(/^0x/, '') : ''
  const isHex = /^(?:[0-9a-fA-F]{2})+$/.test(hex)
  if (isHex && hex.length >= 2 * least && hex.length <= 2 * most) return Buffer.from(hex, 'hex')
  throw new KeystoreError(
    `the keystore's ${name} is not ${least === most ? least : `${least} to ${most}`} bytes of hex`,
  )
}

function integerMember(members: Members, name: string, least: number, most: number): number {
  const value = members[name]
  if (typeof value === 'number' && Number.isSafeInteger(value) && value >= least && value <= most) return value
  throw new KeystoreError(`the keystore's ${name} is not a whole number from ${least} to ${most}`)
}

function unknownPart(name: string, seen: unknown, wanted: string): KeystoreError {
  return new KeystoreError(`the keystore's ${name} is ${JSON.stringify(seen)?.slice(0, 60)}, wanted ${wanted}`)
}
