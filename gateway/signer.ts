import { open } from 'node:fs/promises'
import type { Address, Hex } from 'viem'
import { privateKeyToAddress, sign, signMessage } from 'viem/accounts'
import { hashList, type ListDomain, type ListHeader } from './tags/list.ts'

/** A key that signs tag lists, and the updates of its own feed. The key itself never leaves it, not even into a log. */
export type Signer = {
  readonly address: Address
  /** 65 bytes r|s|v over the list hash, v 27 or 28, low s. @throws when the signer refuses or cannot be reached */
  signList(domain: ListDomain, list: ListHeader): Promise<Hex>
  /** The same form over 32 bytes as an Ethereum message (ERC-191 version 0x45), which no list hash can be taken for. */
  signMessage(hash: Hex): Promise<Hex>
}

/** A key file that cannot be used; the message names the file and the repair, never the key. */
export class KeyFileError extends Error {
  override readonly name = 'KeyFileError'
}

const privateKeyPattern = /^0x[0-9a-fA-F]{64}$/
const groupOrWorld = 0o077

/** A signer over a secp256k1 private key held in memory. @throws KeyFileError when the number is not a private key */
export function createKeySigner(privateKey: Hex): Signer {
  return {
    address: addressOf(privateKey),
    signList: (domain, list) => sign({ hash: hashList(domain, list), privateKey, to: 'hex' }),
    signMessage: (hash) => signMessage({ message: { raw: hash }, privateKey }),
  }
}

/**
 * Reads a private key from a file that holds `0x` and 64 hex digits, and is readable by its owner alone.
 * @throws KeyFileError naming the file and what to do
 */
export async function readKeyFile(path: string): Promise<Hex> {
  const file = await open(path, 'r').catch((error: NodeJS.ErrnoException) => {
    throw new KeyFileError(`cannot read the key file ${path}: ${error.code ?? error.message}`)
  })
  try {
    const { mode } = await file.stat()
    if (process.platform !== 'win32' && (mode & groupOrWorld) !== 0) throw new KeyFileError(tooOpen(path, mode))
    return parseKey(path, await file.readFile('utf8'))
  } finally {
    await file.close()
  }
}

function tooOpen(path: string, mode: number): string {
  const seen = (mode & 0o777).toString(8).padStart(4, '0')
  return `the key file ${path} has mode ${seen}, so others may read it; wanted 0600 (chmod 600 ${path})`
}

function parseKey(path: string, text: string): Hex {
  const key = text.trim()
  if (privateKeyPattern.test(key)) return key.toLowerCase() as Hex
  throw new KeyFileError(`the key file ${path} does not hold 0x and 64 hex digits (it has ${key.length} characters)`)
}

/** viem's own error would print the key. */
function addressOf(privateKey: Hex): Address {
  try {
    if (!privateKeyPattern.test(privateKey)) throw new Error('form')
    return privateKeyToAddress(privateKey).toLowerCase() as Address
  } catch {
    throw new KeyFileError('the private key is not a number between 1 and the order of secp256k1')
  }
}
