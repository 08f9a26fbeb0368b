import { randomUUID } from 'node:crypto'
import { chmod, link, lstat, mkdir, open, readFile, rename, rm, rmdir } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { openSeal, type SealedFile } from './client-files.ts'

/** The text of a file; undefined when there is none. */
export async function readIfThere(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8')
  } catch (error) {
    if (isCode(error, 'ENOENT', 'ENOTDIR')) return undefined
    throw error
  }
}

/** What is under a path: `foreign` too when it is no plain file. Undefined when nothing is. */
export async function readSealed(path: string): Promise<SealedFile | undefined> {
  try {
    if (!(await lstat(path)).isFile()) return { state: 'foreign' }
  } catch (error) {
    if (isCode(error, 'ENOENT', 'ENOTDIR')) return undefined
    throw error
  }
  return openSeal(await readFile(path, 'utf8'))
}

/**
 * Writes a file that everybody may read, whole or not at all. A new one never takes the place of another that came meanwhile.
 * @throws as the file system; EEXIST for that
 */
export async function writeSettings(path: string, text: string, isNew: boolean): Promise<void> {
  await makeFolders(dirname(path))
  const temporary = join(dirname(path), `.${basename(path)}-${randomUUID()}`)
  try {
    const handle = await open(temporary, 'wx', 0o644)
    try {
      await handle.chmod(0o644)
      await handle.writeFile(text)
      await handle.sync()
    } finally {
      await handle.close()
    }
    await (isNew ? link(temporary, path) : rename(temporary, path))
  } finally {
    await rm(temporary, { force: true })
  }
}

/** Removes a file, and the folder of its host when nothing else is in it. */
export async function removeSettings(path: string, hasOwnFolder: boolean): Promise<void> {
  await rm(path)
  if (!hasOwnFolder) return
  await rmdir(dirname(path)).catch((error: unknown) => {
    // ENOTDIR: somebody's link to a folder elsewhere.
    if (!isCode(error, 'ENOTEMPTY', 'EEXIST', 'EBUSY', 'ENOTDIR')) throw error
  })
}

/** Daemons and other users read below them, whatever the umask is. */
async function makeFolders(folder: string): Promise<void> {
  try {
    await mkdir(folder)
  } catch (error) {
    if (isCode(error, 'EEXIST')) return
    if (!isCode(error, 'ENOENT')) throw error
    await makeFolders(dirname(folder))
    return makeFolders(folder)
  }
  await chmod(folder, 0o755)
}

/** Whether a thrown value is an error of the file system with one of these codes. */
export function isCode(error: unknown, ...codes: readonly string[]): boolean {
  return codes.includes((error as NodeJS.ErrnoException)?.code ?? '')
}
