import { mkdtemp, open, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { buildTar } from '../../gateway/cli/demo/tar.ts'
import { ArchiveError, readAt, readTarEntries } from '../../gateway/cli/push/tar-entries.ts'

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'mooring-tar-'))
})
afterAll(() => rm(folder, { recursive: true }))

const blockBytes = 512
const bytesOf = (text: string) => new TextEncoder().encode(text)

/** One entry without the archive's end; `change` may write over its header, whose checksum is then set. */
function entry(path: string, content: string, change: (header: Uint8Array) => void = () => {}): Uint8Array {
  const bytes = buildTar([{ path, mode: 0o644, bytes: bytesOf(content) }]).slice(0, -2 * blockBytes)
  const header = bytes.subarray(0, blockBytes)
  change(header)
  header.fill(32, 148, 156)
  const sum = header.reduce((total, byte) => total + byte, 0)
  header.set(bytesOf(`${sum.toString(8).padStart(6, '0')}\u0000 `), 148)
  return bytes
}

const typed =
  (type: string, target = '') =>
  (header: Uint8Array) => {
    header.set(bytesOf(type), 156)
    header.set(bytesOf(target), 157)
  }

/** A pax record, whose length counts itself. */
function record(key: string, value: string): string {
  const rest = ` ${key}=${value}\n`
  const length = [2, 3].map((digits) => rest.length + digits).find((total) => `${total}`.length === total - rest.length)
  return `${length}${rest}`
}

/** Files by path with their content, as an archive of these parts has them. */
async function read(...parts: Uint8Array[]): Promise<Record<string, string>> {
  const path = join(folder, 'a.tar')
  await writeFile(path, Buffer.concat([...parts, new Uint8Array(2 * blockBytes)]))
  const handle = await open(path)
  try {
    const files = [...(await readTarEntries(path, handle))]
    const contents = files.map(async ([name, { offset, size }]) => {
      return [name, new TextDecoder().decode(await readAt(handle, offset, size))] as const
    })
    return Object.fromEntries(await Promise.all(contents))
  } finally {
    await handle.close()
  }
}

describe('POSIX.1-2001 ustar and pax, GNU tar', () => {
  test('regular files by their path; folders and global headers are none', async () => {
    const global = entry('pax_global_header', record('comment', 'x'), typed('g'))
    const found = await read(global, entry('./a', 'one'), entry('dir/', ''), entry('dir/b', ''))
    expect(found).toEqual({ a: 'one', 'dir/b': '' })
  })

  test('a name split in two, and one that only fits into a header of its own', async () => {
    const prefixed = entry('b', 'two', (header) => header.set(bytesOf('long/prefix'), 345))
    const long = `${'d'.repeat(60)}/${'f'.repeat(90)}`
    const pax = [entry('x', record('mtime', '1') + record('path', long), typed('x')), entry('short', 'three')]
    const gnu = [entry('y', `${long}2\u0000`, typed('L')), entry('short', 'four')]
    expect(await read(prefixed, ...pax, ...gnu, entry('short', 'five'))).toEqual({
      ...{ 'long/prefix/b': 'two', [long]: 'three', [`${long}2`]: 'four', short: 'five' },
    })
  })

  test('a size in base 256, and one that a pax header says', async () => {
    const binary = entry('a', 'one', (header) => header.set([0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 3], 124))
    const said = [
      entry('x', record('size', '3'), typed('x')),
      entry('b', 'two', (header) => header.set(bytesOf('00000000000'), 124)),
    ]
    expect(await read(binary, ...said)).toEqual({ a: 'one', b: 'two' })
  })

  test('links lead to the file that they name: docker save writes a layer that stands twice so', async () => {
    const hard = entry('hard', '', typed('1', 'dir/a'))
    const symbolic = entry('other/layer.tar', '', typed('2', '../dir/a'))
    const nowhere = entry('lost', '', typed('2', '/etc/passwd'))
    expect(await read(symbolic, entry('dir/a', 'one'), hard, nowhere)).toEqual({
      'dir/a': 'one',
      hard: 'one',
      'other/layer.tar': 'one',
    })
  })

  test('what is damaged, cut off or no archive is refused', async () => {
    expect(await read(entry('a', 'one'))).toEqual({ a: 'one' })
    const damaged = entry('a', 'one')
    damaged[0] = 99
    await expect(read(damaged)).rejects.toThrow('is no tar archive')
    await expect(read(entry('a', 'one'), damaged)).rejects.toThrow('is damaged at byte 1024')
    const tooLong = entry('a', 'one', (header) => header.set(bytesOf('00077777777'), 124))
    await expect(read(tooLong)).rejects.toThrow('is cut off')
    await expect(read(entry('x', record('size', 'many'), typed('x')), entry('b', 'two'))).rejects.toThrow(ArchiveError)
  })
})
