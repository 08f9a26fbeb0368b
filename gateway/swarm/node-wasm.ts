import { readFile } from 'node:fs/promises'
import { swarmHashFile } from '../package-root.ts'
import { createSwarmHash, type SwarmHash } from './hash.ts'

let compiled: Promise<WebAssembly.Module> | undefined

/** Hashers on Node, over the compiled module that the package carries; compiled once. Each result has a memory of its own. */
export async function openSwarmHash(): Promise<SwarmHash> {
  compiled ??= readFile(swarmHashFile()).then((bytes) => WebAssembly.compile(bytes))
  return createSwarmHash(await compiled)
}
