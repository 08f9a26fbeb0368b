import type { Fs } from '../../../gateway/store/fs.ts'
import type { Sql, SqlStatement } from '../../../gateway/store/sql.ts'

/** Called before each operation of a driver, with its name; whatever it does (end the process, throw) happens there. */
export type Step = (name: string) => void

const isWrite = (text: string) => !/^\s*(SELECT|WITH)\b/i.test(text)

/** A file system that stops before every operation that changes or syncs something, and in the middle of every write. */
export function fsWithSteps(fs: Fs, step: Step): Fs {
  return {
    async create(path) {
      step(`create ${path}`)
      const file = await fs.create(path)
      return {
        async write(bytes) {
          const half = bytes.byteLength >> 1
          step(`write ${path}`)
          await file.write(bytes.subarray(0, half))
          step(`write the other half of ${path}`)
          await file.write(bytes.subarray(half))
        },
        sync: async () => {
          step(`sync ${path}`)
          await file.sync()
        },
        close: () => file.close(),
      }
    },
    openRead: fs.openRead,
    size: fs.size,
    changedAt: fs.changedAt,
    rename: async (from, to) => {
      step(`rename ${from} to ${to}`)
      await fs.rename(from, to)
    },
    unlink: async (path) => {
      step(`unlink ${path}`)
      return fs.unlink(path)
    },
    createFolder: async (path) => {
      step(`create folder ${path}`)
      await fs.createFolder(path)
    },
    list: fs.list,
    syncFolder: async (folder) => {
      step(`sync folder ${folder}`)
      await fs.syncFolder(folder)
    },
  }
}

/** A database that stops before and after every call that writes. */
export function sqlWithSteps<S extends Sql>(sql: S, step: Step): S {
  const around = async <T>(texts: readonly string[], call: () => Promise<T>): Promise<T> => {
    if (!texts.some(isWrite)) return call()
    const name = texts.map((text) => text.trim().split(/\s+/, 3).join(' ')).join('; ')
    step(`before ${name}`)
    const result = await call()
    step(`after ${name}`)
    return result
  }
  return {
    ...sql,
    all: (text, values) => around([text], () => sql.all(text, values)),
    first: (text, values) => around([text], () => sql.first(text, values)),
    run: (text, values) => around([text], () => sql.run(text, values)),
    batch: (statements: readonly SqlStatement[]) =>
      around(
        statements.map(({ text }) => text),
        () => sql.batch(statements),
      ),
  }
}
