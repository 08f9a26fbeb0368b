import { randomBytes } from 'node:crypto'
import { type FileHandle, link, mkdir, open, readdir, readFile, rm, stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'

/** The newest text of a folder of generations. Generation 0 with null: nothing was ever written. */
export type Newest = { generation: number; file: string; text: string | null }

/** Generations that stay beside the newest one, so that nobody who is reading finds the newest of a moment ago gone. */
const keptGenerations = 4
const maxTries = 50
/** What a process left that was killed while it wrote. */
const abandonedAfterMs = 10 * 60 * 1000

/**
 * A text that several processes replace, without a lock that one of them could die with: each version is a file of its own, `1.json`,
 * `2.json`, ..., which is linked into its place whole and on disk, or not at all, and only where nothing stands. The highest number counts.
 * @throws the file system's errors, but for a folder that is not there
 */
export async function readNewest(folder: string): Promise<Newest> {
  for (let tries = 1; ; tries++) {
    const [generation = 0] = await listGenerations(folder)
    if (generation === 0) return { generation, file: folder, text: null }
    const file = fileOf(folder, generation)
    const text = await readFile(file, 'utf8').catch(noneWhere('ENOENT'))
    if (text !== null) return { generation, file, text }
    if (tries === maxTries) throw new Error(`${folder} changes all the time: ${maxTries} tries to read it were lost`)
  }
}

/**
 * Replaces what was read as `newest` by another text: false when somebody else was first, and then nothing is changed by this call. True
 * means that it is durable and was the newest. Compare-and-swap holds as long as fewer than `keptGenerations` others commit while this
 * process lists the folder once.
 */
export async function writeNext(folder: string, { generation }: Newest, text: string): Promise<boolean> {
  if (!(await writeOnce(fileOf(folder, generation + 1), text))) return false
  const [newest] = await listGenerations(folder)
  // A number that is free again, because it was removed long ago, leads nowhere: the newest one does not follow from it.
  if (newest !== generation + 1) return false
  await removeOld(folder, generation + 1)
  return true
}

/** Highest first. */
async function listGenerations(folder: string): Promise<number[]> {
  const names = (await readdir(folder).catch(noneWhere('ENOENT'))) ?? []
  const numbers = names.flatMap((name) => /^([1-9]\d{0,14})\.json$/.exec(name)?.[1] ?? [])
  return numbers.map(Number).sort((one, other) => other - one)
}

function fileOf(folder: string, generation: number): string {
  return join(folder, `${generation}.json`)
}

async function removeOld(folder: string, newest: number): Promise<void> {
  const old = (await listGenerations(folder)).filter((generation) => generation < newest - keptGenerations)
  for (const generation of old) await rm(fileOf(folder, generation), { force: true })
  for (const name of await readdir(folder)) {
    if (!name.endsWith('.tmp')) continue
    const left = await stat(join(folder, name)).catch(noneWhere('ENOENT'))
    if (left !== null && Date.now() - left.mtimeMs > abandonedAfterMs) await rm(join(folder, name), { force: true })
  }
}

async function makeFolder(folder: string): Promise<void> {
  const first = await mkdir(folder, { recursive: true, mode: 0o700 })
  if (first === undefined) return
  for (let made = folder; made.length >= first.length; made = dirname(made)) await syncFolder(dirname(made))
}

/** A name in a folder is on disk only when the folder is. */
async function syncFolder(folder: string): Promise<void> {
  await withHandle(folder, 'r', (handle) => handle.sync())
}

async function withHandle(path: string, flags: string, use: (handle: FileHandle) => Promise<void>): Promise<void> {
  const handle = await open(path, flags, 0o600)
  try {
    await use(handle)
  } finally {
    await handle.close()
  }
}

/** Null in place of one error of the file system. */
function noneWhere(code: string): (error: NodeJS.ErrnoException) => null {
  return (error) => {
    if (error.code === code) return null
    throw error
  }
}

/** Writes a new file whole and durable; false where there is one of that name. */
export async function writeOnce(file: string, text: string): Promise<boolean> {
  await makeFolder(dirname(file))
  const temporary = join(dirname(file), `${process.pid}-${randomBytes(6).toString('hex')}.tmp`)
  try {
    await withHandle(temporary, 'wx', async (handle) => {
      await handle.writeFile(text)
      await handle.sync()
    })
    const linked = await link(temporary, file).then(() => true, noneWhere('EEXIST'))
    if (linked !== null) await syncFolder(dirname(file))
    return linked !== null
  } finally {
    await rm(temporary, { force: true })
  }
}
