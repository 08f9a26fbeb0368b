import type { FileHandle } from 'node:fs/promises'
import { posix } from 'node:path'

/** Bytes of a file on disk: content inside an archive is read where it lies. */
export type FileSlice = { path: string; offset: number; size: number }

/** What is no archive, or is cut off. */
export class ArchiveError extends Error {
  override readonly name = 'ArchiveError'
}

const BLOCK_BYTES = 512
/** Of regular files: POSIX ustar's, the older one, and contiguous files. */
const REGULAR_TYPES: ReadonlySet<string> = new Set(['0', '\u0000', '7'])
/** Of names in pax and GNU headers; an image has few files and short names. */
const MAX_LONG_NAME_BYTES = 1024 * 1024

/**
 * The files of a tar archive by path, with links followed (POSIX.1-2001 pax interchange format, and GNU long names). Nothing is
 * unpacked: an entry is where its bytes are. @throws ArchiveError
 */
export async function readTarEntries(archive: string, handle: FileHandle): Promise<Map<string, FileSlice>> {
  const { size: archiveBytes } = await handle.stat()
  const files = new Map<string, FileSlice>()
  const links = new Map<string, string>()
  let said: Partial<{ path: string; linkpath: string; size: string }> = {}
  for (let at = 0; at + BLOCK_BYTES <= archiveBytes; ) {
    const header = await readAt(handle, at, BLOCK_BYTES)
    if (header.every((byte) => byte === 0)) break
    checkHeader(archive, header, at)
    const type = String.fromCharCode(header[156] ?? 0)
    const size = said.size === undefined ? numberAt(header, 124, 12) : Number(said.size)
    const offset = at + BLOCK_BYTES
    if (!Number.isSafeInteger(size) || size < 0) throw new ArchiveError(`${archive} is damaged at byte ${at}: a size`)
    if (offset + size > archiveBytes) throw new ArchiveError(`${archive} is cut off: a file in it goes past its end`)
    at = offset + Math.ceil(size / BLOCK_BYTES) * BLOCK_BYTES
    if ('xLK'.includes(type)) {
      said = { ...said, ...(await readLongNames(archive, handle, type, { path: archive, offset, size })) }
      continue
    }
    const path = cleanPath(said.path ?? nameIn(header))
    const target = said.linkpath ?? textAt(header, 157, 100)
    if (REGULAR_TYPES.has(type)) files.set(path, { path: archive, offset, size })
    // A hard link names a path of the archive, a symbolic one a path beside itself.
    if (type === '1') links.set(path, cleanPath(target))
    if (type === '2') links.set(path, cleanPath(posix.join(posix.dirname(path), target)))
    if (type !== 'g') said = {}
  }
  for (const [path, target] of links) {
    const file = files.get(target) ?? files.get(links.get(target) ?? '')
    if (file !== undefined) files.set(path, file)
  }
  return files
}

/** Bytes of a slice that are held in memory. @throws ArchiveError when there are fewer */
export async function readAt(handle: FileHandle, offset: number, size: number): Promise<Uint8Array> {
  const bytes = new Uint8Array(size)
  const { bytesRead } = await handle.read(bytes, 0, size, offset)
  if (bytesRead === size) return bytes
  throw new ArchiveError(`${size} bytes at ${offset} cannot be read: the file ends there`)
}

function checkHeader(archive: string, header: Uint8Array, at: number): void {
  const sum = header.reduce((total, byte, position) => total + (position >= 148 && position < 156 ? 32 : byte), 0)
  if (numberAt(header, 148, 8) === sum) return
  throw new ArchiveError(at === 0 ? `${archive} is no tar archive` : `${archive} is damaged at byte ${at}`)
}

/** Octal digits, or base 256 where the first bit is set. */
function numberAt(header: Uint8Array, offset: number, length: number): number {
  const field = header.subarray(offset, offset + length)
  if (((field[0] ?? 0) & 0x80) !== 0)
    return field.slice(1).reduce((value, byte) => value * 256 + byte, (field[0] ?? 0) & 0x7f)
  return Number.parseInt(textAt(header, offset, length).trim() || '0', 8)
}

function textAt(bytes: Uint8Array, offset: number, length: number): string {
  const field = bytes.subarray(offset, offset + length)
  const end = field.indexOf(0)
  return new TextDecoder().decode(end < 0 ? field : field.subarray(0, end))
}

function nameIn(header: Uint8Array): string {
  const prefix = textAt(header, 257, 5) === 'ustar' ? textAt(header, 345, 155) : ''
  return prefix === '' ? textAt(header, 0, 100) : `${prefix}/${textAt(header, 0, 100)}`
}

function cleanPath(path: string): string {
  return posix.normalize(path).replace(/^(\.?\/)+/, '')
}

async function readLongNames(archive: string, handle: FileHandle, type: string, { offset, size }: FileSlice) {
  if (size > MAX_LONG_NAME_BYTES) throw new ArchiveError(`${archive} has a header of ${size} bytes`)
  const bytes = await readAt(handle, offset, size)
  if (type === 'L') return { path: textAt(bytes, 0, size) }
  if (type === 'K') return { linkpath: textAt(bytes, 0, size) }
  return readPaxRecords(bytes)
}

/** Records `length key=value\n`, their length counting themselves. */
function readPaxRecords(bytes: Uint8Array): Partial<Record<'path' | 'linkpath' | 'size', string>> {
  const records: Record<string, string> = {}
  for (let at = 0; at < bytes.length; ) {
    const blank = bytes.indexOf(32, at)
    const length = Number(textAt(bytes, at, Math.max(0, blank - at)))
    if (blank < 0 || !(length > 0)) break
    const [key = '', ...value] = textAt(bytes, blank + 1, at + length - blank - 2).split('=')
    records[key] = value.join('=')
    at += length
  }
  const { path, linkpath, size } = records
  return { ...(path && { path }), ...(linkpath && { linkpath }), ...(size && { size }) }
}
