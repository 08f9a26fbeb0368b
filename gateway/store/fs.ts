import { constants } from 'node:fs'
import { mkdir, open, readdir, rename, stat, unlink } from 'node:fs/promises'

/** A new file being written; nothing is durable before `sync` resolves. */
export type FileWriter = {
  write(bytes: Uint8Array): Promise<void>
  sync(): Promise<void>
  close(): Promise<void>
}

/** An open file. */
export type FileReader = {
  readonly size: number
  /** Fills `target` from `position` on; returns how many bytes there were. */
  read(target: Uint8Array, position: number): Promise<number>
  close(): Promise<void>
}

/**
 * What the files driver does to a file system, operation by operation, so that tests can end the process, or forget what was not
 * synced, at each of them. A new, renamed or removed name is durable once its folder was synced.
 */
export type Fs = {
  /** Creates a file that must not exist. */
  create(path: string): Promise<FileWriter>
  /** Undefined when there is none. */
  openRead(path: string): Promise<FileReader | undefined>
  /** Bytes of a file, undefined when there is none. */
  size(path: string): Promise<number | undefined>
  /** Unix seconds since when a file has its bytes and its name, undefined when there is none. */
  changedAt(path: string): Promise<number | undefined>
  /** Replaces what was at `to`. */
  rename(from: string, to: string): Promise<void>
  /** True when it was there. */
  unlink(path: string): Promise<boolean>
  /** One folder, mode 0700; no error when it is there. */
  createFolder(path: string): Promise<void>
  /** Names in a folder. */
  list(folder: string): Promise<string[]>
  syncFolder(folder: string): Promise<void>
}

/** The file system of Node. */
export const nodeFs: Fs = {
  async create(path) {
    const handle = await open(path, constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL, 0o600)
    return {
      async write(bytes) {
        for (let done = 0; done < bytes.byteLength; ) {
          done += (await handle.write(bytes, done, bytes.byteLength - done)).bytesWritten
        }
      },
      sync: () => handle.sync(),
      close: () => handle.close(),
    }
  },
  async openRead(path) {
    const handle = await absentAsUndefined(open(path, constants.O_RDONLY))
    if (!handle) return undefined
    const { size } = await handle.stat()
    return {
      size,
      read: async (target, position) => (await handle.read(target, 0, target.byteLength, position)).bytesRead,
      close: () => handle.close(),
    }
  },
  async size(path) {
    return (await absentAsUndefined(stat(path)))?.size
  },
  async changedAt(path) {
    const found = await absentAsUndefined(stat(path))
    return found && Math.floor(found.ctimeMs / 1000)
  },
  rename,
  async unlink(path) {
    return (await absentAsUndefined(unlink(path).then(() => true))) ?? false
  },
  async createFolder(path) {
    try {
      await mkdir(path, { mode: 0o700 })
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
    }
  },
  list: (folder) => readdir(folder),
  async syncFolder(folder) {
    const handle = await open(folder, constants.O_RDONLY)
    try {
      await handle.sync()
    } finally {
      await handle.close()
    }
  },
}

async function absentAsUndefined<T>(result: Promise<T>): Promise<T | undefined> {
  try {
    return await result
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
}
