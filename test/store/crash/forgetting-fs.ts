import { dirname } from 'node:path'
import type { Fs } from '../../../gateway/store/fs.ts'

/** A file system in memory that forgets, at a power cut, what was not synced. */
export type ForgettingFs = Fs & {
  /**
   * The power goes and comes back. Without `keeps`, all that was not synced is gone: bytes written to a file, names created, renamed
   * or removed in a folder. With it, each such thing is asked about by itself, as real file systems persist some and not others.
   */
  cutPower(keeps?: () => boolean): void
}

/** File systems journal a rename whole: the old name may stay beside the new one, but never go without it. */
type File = { kind: 'file'; bytes: Uint8Array[]; synced: Uint8Array; movedTo?: { folder: Folder; name: string } }
type Folder = { kind: 'folder'; names: Map<string, Entry>; synced: Map<string, Entry> }
type Entry = File | Folder

const missing = (path: string) => Object.assign(new Error(`ENOENT: ${path}`), { code: 'ENOENT' })
const taken = (path: string) => Object.assign(new Error(`EEXIST: ${path}`), { code: 'EEXIST' })
const newFolder = (): Folder => ({ kind: 'folder', names: new Map(), synced: new Map() })

/** Begins with the durable, empty folders of the path `root`. */
export function createForgettingFs(root: string): ForgettingFs {
  const top = newFolder()
  const walk = (path: string): Entry | undefined => {
    let at: Entry | undefined = top
    for (const name of path.split('/').filter(Boolean)) at = at?.kind === 'folder' ? at.names.get(name) : undefined
    return at
  }
  const folderAt = (path: string): Folder => {
    const found = walk(path)
    if (found?.kind !== 'folder') throw missing(path)
    return found
  }
  const nameOf = (path: string) => path.slice(path.lastIndexOf('/') + 1)
  for (const name of root.split('/').filter(Boolean)) {
    const above = deepest(top)
    const made = newFolder()
    above.names.set(name, made)
    above.synced.set(name, made)
  }
  return {
    async create(path) {
      const folder = folderAt(dirname(path))
      if (folder.names.has(nameOf(path))) throw taken(path)
      const file: File = { kind: 'file', bytes: [], synced: new Uint8Array() }
      folder.names.set(nameOf(path), file)
      return {
        write: async (bytes) => void file.bytes.push(bytes.slice()),
        sync: async () => {
          file.synced = contents(file)
        },
        close: async () => {},
      }
    },
    async openRead(path) {
      const file = walk(path)
      if (file?.kind !== 'file') return undefined
      const bytes = contents(file)
      return {
        size: bytes.byteLength,
        async read(target, position) {
          const read = bytes.subarray(position, position + target.byteLength)
          target.set(read)
          return read.byteLength
        },
        close: async () => {},
      }
    },
    async size(path) {
      const file = walk(path)
      return file?.kind === 'file' ? contents(file).byteLength : undefined
    },
    changedAt: async (path) => (walk(path)?.kind === 'file' ? 0 : undefined),
    async rename(from, to) {
      const moved = folderAt(dirname(from)).names.get(nameOf(from))
      if (!moved) throw missing(from)
      const target = folderAt(dirname(to))
      folderAt(dirname(from)).names.delete(nameOf(from))
      target.names.set(nameOf(to), moved)
      if (moved.kind === 'file') moved.movedTo = { folder: target, name: nameOf(to) }
    },
    async unlink(path) {
      const above = walk(dirname(path))
      return above?.kind === 'folder' && above.names.delete(nameOf(path))
    },
    async createFolder(path) {
      const above = folderAt(dirname(path))
      if (!above.names.has(nameOf(path))) above.names.set(nameOf(path), newFolder())
    },
    list: async (folder) => [...folderAt(folder).names.keys()],
    async syncFolder(folder) {
      const found = folderAt(folder)
      found.synced = new Map(found.names)
    },
    cutPower: (keeps = () => false) => forget(top, keeps),
  }
}

function contents(file: File): Uint8Array {
  return new Uint8Array(Buffer.concat(file.bytes))
}

function deepest(folder: Folder): Folder {
  for (const entry of folder.names.values()) if (entry.kind === 'folder') return deepest(entry)
  return folder
}

/** Whether a file was moved to a name that is not durable yet. */
function isNowhere(entry: Entry | undefined): boolean {
  if (entry?.kind !== 'file' || !entry.movedTo) return false
  return entry.movedTo.folder.synced.get(entry.movedTo.name) !== entry
}

/** Makes what survives a power cut the only truth, from this folder downwards. */
function forget(folder: Folder, keeps: () => boolean): void {
  const after = new Map(folder.synced)
  for (const name of new Set([...folder.names.keys(), ...folder.synced.keys()])) {
    const now = folder.names.get(name)
    if (now === folder.synced.get(name) || !keeps()) continue
    if (!now && isNowhere(folder.synced.get(name))) continue
    if (now) after.set(name, now)
    else after.delete(name)
  }
  folder.names = after
  folder.synced = new Map(after)
  for (const entry of after.values()) {
    if (entry.kind === 'folder') forget(entry, keeps)
    else {
      entry.synced = keeps() ? contents(entry) : entry.synced
      entry.bytes = [entry.synced]
    }
  }
}
