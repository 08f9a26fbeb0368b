import { mkdir, open } from 'node:fs/promises'
import { createServer } from 'node:net'
import { join } from 'node:path'
import type { Address } from 'viem'
import { generatePrivateKey, privateKeyToAddress } from 'viem/accounts'
import { ConfigError, readInteger, type Settings } from '../../config.ts'
import { readKeyFile } from '../../signer.ts'

/** The publisher's key of a data folder: made at random the first time, mode 0600. */
export async function openPublisherKey(dataDir: string): Promise<{ file: string; address: Address }> {
  await mkdir(dataDir, { recursive: true, mode: 0o700 })
  const file = join(dataDir, 'publisher.key')
  await createKeyFile(file)
  const address = privateKeyToAddress(await readKeyFile(file)).toLowerCase() as Address
  return { file, address }
}

async function createKeyFile(file: string): Promise<void> {
  try {
    const handle = await open(file, 'wx', 0o600)
    try {
      await handle.writeFile(`${generatePrivateKey()}\n`)
      await handle.sync()
    } finally {
      await handle.close()
    }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
  }
}

/**
 * The port that a flag asks for, or the usual one, or any other when the usual one is taken.
 * @throws ConfigError when the port was asked for by number and is taken
 */
export async function choosePort(settings: Settings, flagName: string, usual: number): Promise<number> {
  const asked = settings.get(flagName)?.at(-1)
  const port = readInteger(settings, flagName, 0, 65535, usual)
  const free = await freePort(port)
  if (free !== null) return free
  if (asked !== undefined) throw new ConfigError(asked.from, asked.text, `a free port: ${port} is taken on 127.0.0.1`)
  return (await freePort(0)) ?? 0
}

/** The port itself when it can be opened on loopback, a free one for 0, null when it is taken. */
function freePort(port: number): Promise<number | null> {
  return new Promise((resolve) => {
    const probe = createServer()
    probe.once('error', () => resolve(null))
    probe.listen(port, '127.0.0.1', () => {
      const address = probe.address()
      probe.close(() => resolve(typeof address === 'object' ? (address?.port ?? null) : null))
    })
  })
}
