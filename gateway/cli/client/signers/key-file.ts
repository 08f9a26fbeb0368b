import type { Hex } from 'viem'
import { sign, signMessage } from 'viem/accounts'
import { ConfigError, readText, type Settings } from '../../../config.ts'
import { createKeySigner, KeyFileError, readKeyFile } from '../../../signer.ts'
import type { ClientSigner } from './client-signer.ts'

/** The private key in the file of `--key-file`. @throws ConfigError */
export async function readKey(settings: Settings): Promise<Hex> {
  const file = readText(settings, 'key-file') ?? ''
  try {
    const key = await readKeyFile(file)
    createKeySigner(key)
    return key
  } catch (error) {
    if (!(error instanceof KeyFileError)) throw error
    throw new ConfigError('--key-file', file, `a private key (${error.message})`)
  }
}

/** A signer over a private key held in memory. @throws KeyFileError when the number is none */
export function createLocalSigner(privateKey: Hex): ClientSigner {
  return {
    address: createKeySigner(privateKey).address,
    signTyped: ({ hash }) => sign({ hash, privateKey, to: 'hex' }),
    signText: (message) => signMessage({ message, privateKey }),
    close: async () => {},
  }
}
