import { mkdir, open, readFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { type Hex, isHex } from 'viem'
import { isDigest } from '../oci/digest.ts'
import type { SeedRecord } from '../reseed.ts'

/**
 * What a batch has stamped, as lines `digest reference` in a file that only grows: each is durable before the next content is sent. A
 * line that a crash cut short counts for nothing. @throws Error when the file cannot be read or written
 */
export async function openJournal(file: string): Promise<SeedRecord & { close(): Promise<void> }> {
  await mkdir(dirname(file), { recursive: true, mode: 0o700 })
  const text = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return ''
    throw error
  })
  const known = new Map<string, Hex>()
  for (const line of text.split('\n').slice(0, -1)) {
    const [digest = '', reference = ''] = line.split(' ')
    if (isDigest(digest) && isHex(reference) && reference.length === 66) known.set(digest, reference)
  }
  const handle = await open(file, 'a', 0o600)
  if (text !== '' && !text.endsWith('\n')) await handle.appendFile('\n')
  return {
    find: async (digest) => known.get(digest),
    async note({ digest }, swarmReference) {
      await handle.appendFile(`${digest} ${swarmReference}\n`)
      await handle.sync()
      known.set(digest, swarmReference)
    },
    close: () => handle.close(),
  }
}
