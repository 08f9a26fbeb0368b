import { ConfigError, type Flag, readAddress, readSwitch, readText, type Settings } from '../../../config.ts'
import { KeyFileError } from '../../../signer.ts'
import { openBrowserSigner } from './browser.ts'
import type { ClientSigner } from './client-signer.ts'
import { createLocalSigner, readKey } from './key-file.ts'
import { KeystoreError, openKeystore, readKeystoreFile, readPasswordFile } from './keystore.ts'
import { chooseAccount } from './rpc-account.ts'
import { openRpcSigner } from './rpc-signer.ts'

/** Who signs for a person: one of these. */
export const signerFlags: readonly Flag[] = [
  { name: 'key-file', value: 'F', help: 'sign with the private key in F: 0x and 64 hex digits, mode 0600' },
  { name: 'keystore', value: 'F', help: 'sign with the encrypted JSON keystore F (Web3 Secret Storage, version 3)' },
  { name: 'password-file', value: 'F', help: 'the password of --keystore, mode 0600' },
  {
    name: 'rpc-signer',
    value: 'URL',
    help: 'sign with a JSON-RPC signer (hardware wallets through Frame, Clef and the like)',
  },
  { name: 'browser', value: null, help: 'sign with a wallet extension, on a page that is served on this machine' },
  { name: 'from', value: 'ADDRESS', help: 'which account signs, where the signer has several' },
]

const kinds = ['key-file', 'keystore', 'rpc-signer', 'browser'] as const

/** What a signer is opened for. */
export type SignerUse = {
  settings: Settings
  /** The chain that a wallet must be on; null: any. */
  chainId: number | null
  note(line: string): void
}

/** Which signer the flags name, null for none. @throws ConfigError for two of them, or half of one */
export function signerKind(settings: Settings): (typeof kinds)[number] | null {
  const given = kinds.filter((kind) => (kind === 'browser' ? readSwitch(settings, kind) : settings.has(kind)))
  const [kind, ...more] = given
  const wanted = 'one of --key-file F, --keystore F, --rpc-signer URL and --browser'
  if (more.length > 0) throw new ConfigError('signer', given.map((each) => `--${each}`).join(' and '), wanted)
  if (kind === 'keystore' && !settings.has('password-file')) {
    throw new ConfigError('--password-file', null, 'a file with the password of --keystore')
  }
  if (kind !== 'keystore' && settings.has('password-file')) {
    throw new ConfigError('--password-file', 'it without --keystore', 'both or neither')
  }
  return kind ?? null
}

/** The signer that the flags name; null where they name none. A page or a wallet may ask the person first. @throws ConfigError, SignerRefused */
export async function openSigner({ settings, chainId, note }: SignerUse): Promise<ClientSigner | null> {
  const kind = signerKind(settings)
  if (kind === null) return null
  if (kind === 'rpc-signer') return openRpcSigner(settings, chainId)
  if (kind === 'browser') return openBrowserSigner({ chainId, address: readAddress(settings, 'from') ?? null, note })
  const signer = createLocalSigner(kind === 'key-file' ? await readKey(settings) : await readKeystoreKey(settings))
  chooseAccount(settings, [signer.address], `the address of the ${kind === 'keystore' ? 'keystore' : 'key file'}`)
  return signer
}

async function readKeystoreKey(settings: Settings) {
  const file = readText(settings, 'keystore') ?? ''
  const passwordFile = readText(settings, 'password-file') ?? ''
  const password = await readPasswordFile(passwordFile).catch(asUsage('--password-file', passwordFile))
  const text = await readKeystoreFile(file).catch(asUsage('--keystore', file))
  const key = await openKeystore(text, password).catch((error: unknown) => {
    const isPassword = error instanceof KeystoreError && error.isPassword
    const [flag, path] = isPassword ? ['--password-file', passwordFile] : ['--keystore', file]
    return asUsage(flag, path)(error)
  })
  return key
}

function asUsage(flag: string, path: string): (error: unknown) => never {
  const wanted = flag === '--keystore' ? 'an encrypted JSON keystore' : 'the password of the keystore'
  return (error) => {
    if (!(error instanceof KeystoreError) && !(error instanceof KeyFileError)) throw error
    throw new ConfigError(flag, path, `${wanted} (${error.message})`)
  }
}
