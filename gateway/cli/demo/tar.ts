/** A file of an archive; folders are made by their trailing slash. */
export type TarFile = { path: string; mode: number; bytes: Uint8Array }

const blockBytes = 512

/** A POSIX ustar archive whose bytes depend on `files` alone: owner root, time 0. */
export function buildTar(files: readonly TarFile[]): Uint8Array {
  const sizes = files.map((file) => blockBytes + Math.ceil(file.bytes.length / blockBytes) * blockBytes)
  const archive = new Uint8Array(sizes.reduce((sum, size) => sum + size, 2 * blockBytes))
  let offset = 0
  files.forEach((file, position) => {
    archive.set(tarHeader(file), offset)
    archive.set(file.bytes, offset + blockBytes)
    offset += sizes[position] ?? 0
  })
  return archive
}

function tarHeader(file: TarFile): Uint8Array {
  const header = new Uint8Array(blockBytes)
  const write = (offset: number, text: string) => header.set(new TextEncoder().encode(text), offset)
  write(0, file.path)
  write(100, octal(file.mode, 7))
  write(108, octal(0, 7)) // user
  write(116, octal(0, 7)) // group
  write(124, octal(file.bytes.length, 11))
  write(136, octal(0, 11)) // time
  write(148, '        ') // the checksum counts itself as blanks
  write(156, file.path.endsWith('/') ? '5' : '0')
  write(257, 'ustar\u000000')
  write(
    148,
    `${octal(
      header.reduce((sum, byte) => sum + byte, 0),
      6,
    )}\u0000 `,
  )
  return header
}

function octal(value: number, digits: number): string {
  return value.toString(8).padStart(digits, '0')
}
