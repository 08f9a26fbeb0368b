import { createHash, randomBytes } from 'node:crypto'
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { readText } from '../../config.ts'
import type { Digest } from '../../oci/digest.ts'
import { defaultStateDir } from '../client/memory.ts'
import type { VerbContext } from '../verb.ts'

/** Where uploads were when a push was cut off: the location of each, by repository and digest. */
export type UploadMemory = {
  recall(repositoryUrl: string, digest: Digest): Promise<string | undefined>
  remember(repositoryUrl: string, digest: Digest, location: string): Promise<void>
  forget(repositoryUrl: string, digest: Digest): Promise<void>
}

/** The memory of whoever runs a command: under `--state`. */
export function openUploadMemory({ settings, environment }: VerbContext): UploadMemory {
  return createUploadMemory(readText(settings, 'state') ?? defaultStateDir(environment))
}

/** One small file for each upload under the client's state; a file that cannot be read counts for nothing. */
export function createUploadMemory(stateDir: string): UploadMemory {
  const folder = join(stateDir, 'uploads')
  const fileOf = (repositoryUrl: string, digest: Digest) => {
    return join(folder, createHash('sha256').update(`${repositoryUrl} ${digest}`).digest('hex').slice(0, 32))
  }
  return {
    async recall(repositoryUrl, digest) {
      const text = await readFile(fileOf(repositoryUrl, digest), 'utf8').catch(() => '')
      return text.startsWith(`${repositoryUrl}/`) ? text.trim() : undefined
    },
    async remember(repositoryUrl, digest, location) {
      await mkdir(folder, { recursive: true, mode: 0o700 })
      const file = fileOf(repositoryUrl, digest)
      // Another push of the same blob writes at the same time.
      const part = `${file}-${randomBytes(6).toString('hex')}.part`
      await writeFile(part, `${location}\n`, { mode: 0o600 })
      await rename(part, file)
    },
    forget: (repositoryUrl, digest) => rm(fileOf(repositoryUrl, digest), { force: true }),
  }
}
