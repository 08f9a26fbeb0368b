import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { ConfigError } from '../config.ts'
import type { Chunk } from '../swarm/hash.ts'
import { openSwarmHash } from '../swarm/node-wasm.ts'
import { wantsJson } from './client/session.ts'
import { exitCodes, type VerbContext } from './verb.ts'

/** A file as Swarm and registries name it; `sha256` in hex as sha256sum prints it. */
export type FileReference = { size: number; sha256: string; swarmReference: string }

/** `mooring storage reference FILE`: prints what the file's digest and Swarm reference are. */
export async function printReference(context: VerbContext): Promise<number> {
  const [, file, ...more] = context.positionals
  if (file === undefined || more.length > 0) throw new ConfigError('FILE', more.join(' ') || null, 'one file')
  const { size, sha256, swarmReference } = await referenceOfFile(file)
  const text = [`size       ${size} bytes`, `digest     sha256:${sha256}`, `reference  ${swarmReference}`].join('\n')
  context.print(wantsJson(context) ? JSON.stringify({ size, sha256, swarmReference }) : text)
  return exitCodes.done
}

/** One pass, in pieces: memory does not grow with the file. @throws Error naming the file when it cannot be read */
export async function referenceOfFile(file: string, onChunk?: (chunk: Chunk) => void): Promise<FileReference> {
  const sha256 = createHash('sha256')
  const hasher = (await openSwarmHash()).createHasher(onChunk)
  let size = 0
  for await (const piece of createReadStream(file, { highWaterMark: 1024 * 1024 })) {
    const bytes = piece as Uint8Array
    size += bytes.byteLength
    sha256.update(bytes)
    hasher.update(bytes)
  }
  return { size, sha256: sha256.digest('hex'), swarmReference: hasher.digest() }
}
