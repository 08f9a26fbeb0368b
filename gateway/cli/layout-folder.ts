import { createReadStream } from 'node:fs'
import { type FileHandle, mkdir, open, readdir, rename, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { Readable } from 'node:stream'
import type { Hex } from 'viem'
import { ConfigError } from '../config.ts'
import type { SwarmHash } from '../swarm/hash.ts'

/** A file of a layout that is written; `swarmReference` was computed from its bytes. */
export type LayoutFile = { path: string; size: number; swarmReference: Hex }

/**
 * A folder that becomes an OCI image layout. Each file appears whole or not at all, durable; a file that is there is not written again.
 * `path` is as in a layout: `blobs/sha256/...`.
 */
export type LayoutFolder = {
  /** Takes the bytes to their end; what throws on the way leaves no file. */
  write(path: string, bytes: AsyncIterable<Uint8Array> | Iterable<Uint8Array>): Promise<LayoutFile>
  read(path: string): ReadableStream<Uint8Array>
}

/** Makes or takes an empty folder. @throws ConfigError when something is in it already */
export async function openLayoutFolder(folder: string, hash: SwarmHash): Promise<LayoutFolder> {
  await mkdir(folder, { recursive: true })
  const there = await readdir(folder)
  if (there.length > 0) throw new ConfigError('--to', folder, `an empty folder, or none: ${there[0]} is in it`)
  return {
    async write(path, bytes) {
      const file = join(folder, path)
      await mkdir(dirname(file), { recursive: true })
      const temporary = `${file}.part`
      try {
        const written = await withFile(temporary, (handle) => writeHashed(handle, bytes, hash))
        await rename(temporary, file)
        return { path, ...written }
      } catch (error) {
        await rm(temporary, { force: true })
        throw error
      }
    },
    read: (path) => Readable.toWeb(createReadStream(join(folder, path))) as ReadableStream<Uint8Array>,
  }
}

async function withFile<Result>(path: string, use: (handle: FileHandle) => Promise<Result>): Promise<Result> {
  const handle = await open(path, 'wx')
  try {
    return await use(handle)
  } finally {
    await handle.close()
  }
}

async function writeHashed(
  handle: FileHandle,
  bytes: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  hash: SwarmHash,
): Promise<Omit<LayoutFile, 'path'>> {
  const hasher = hash.createHasher()
  let size = 0
  for await (const piece of bytes) {
    hasher.update(piece)
    size += piece.byteLength
    await handle.writeFile(piece)
  }
  await handle.sync()
  return { size, swarmReference: hasher.digest() }
}
