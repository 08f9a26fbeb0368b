import { type FileHandle, mkdir, open, readFile, rename, rm } from 'node:fs/promises'
import { homedir } from 'node:os'
import { dirname, join } from 'node:path'
import type { Hex } from 'viem'
import { FLAG_IMMUTABLE, type TagEntry } from '../../tags/entry.ts'
import { entryToJson, parseEntryJson } from '../../tags/json.ts'
import type { ListDomain, SignedList } from '../../tags/list.ts'
import type { NameMemory } from '../../tags/verify.ts'

/** What this client saw of names, one small file for each (chain, resolver, node): row 9 of the check order. */
export type ClientMemory = {
  /** Null for a name never seen. @throws when the file is there and cannot be read */
  recall(domain: ListDomain, node: Hex): Promise<NameMemory | null>
  /** Keeps a verified list with what is immutable of the entries seen; never goes back to a lower version. */
  remember(domain: ListDomain, signed: SignedList, seen: ReadonlyMap<string, TagEntry>): Promise<void>
  /** Where a name's file is, for messages. */
  fileOf(domain: ListDomain, node: Hex): string
}

/** `MOORING_STATE` and `--state` come before this: the XDG state folder. */
export function defaultStateDir(environment: Readonly<Record<string, string | undefined>>): string {
  return join(environment.XDG_STATE_HOME || join(environment.HOME || homedir(), '.local', 'state'), 'mooring')
}

/** Memory of one chain in a folder; each file is written whole or not at all. */
export function createClientMemory(stateDir: string, chainName: string): ClientMemory {
  const fileOf = (domain: ListDomain, node: Hex) => join(stateDir, `${chainName}-${domain.resolver}-${node}.json`)
  const recall = async (domain: ListDomain, node: Hex) => readMemory(fileOf(domain, node))
  return {
    fileOf,
    recall,
    async remember(domain, signed, seen) {
      const before = await recall(domain, signed.list.node)
      const next = mergeMemory(before, signed, seen)
      if (next === before) return
      await mkdir(stateDir, { recursive: true, mode: 0o700 })
      await writeDurably(fileOf(domain, signed.list.node), renderMemory(next))
    },
  }
}

function mergeMemory(
  before: NameMemory | null,
  signed: SignedList,
  seen: ReadonlyMap<string, TagEntry>,
): NameMemory | null {
  const { owner, epoch, version } = signed.list
  const sameLine = before?.owner === owner && before.epoch === epoch
  if (before?.owner === owner && (epoch < before.epoch || (sameLine && version < before.version))) return before
  const entries = new Map(sameLine ? before.entries : [])
  for (const [tag, entry] of seen) if ((entry.flags & FLAG_IMMUTABLE) !== 0) entries.set(tag, entry)
  return { owner, epoch, version, hash: signed.hash, entries }
}

function renderMemory(memory: NameMemory | null): string {
  if (memory === null) return 'null\n'
  const { owner, epoch, version, hash, entries } = memory
  const immutable = [...entries].map(([tag, entry]) => ({ tag, entry: entryToJson(entry) }))
  return `${JSON.stringify({ owner, epoch: Number(epoch), version: Number(version), hash, immutable }, null, 1)}\n`
}

async function readMemory(file: string): Promise<NameMemory | null> {
  const text = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return null
    throw error
  })
  if (text === null) return null
  try {
    return parseMemory(text)
  } catch {
    throw new Error(`${file} is not a state file of this version; remove it to forget what was seen of the name`)
  }
}

function parseMemory(text: string): NameMemory {
  const value = JSON.parse(text) as {
    owner: Hex
    epoch: number
    version: number
    hash: Hex
    immutable: { tag: string; entry: unknown }[]
  }
  const isWhole = /^0x[0-9a-f]{40}$/.test(value.owner) && /^0x[0-9a-f]{64}$/.test(value.hash)
  if (!isWhole) throw new Error('owner or hash')
  const entries = new Map(value.immutable.map(({ tag, entry }) => [tag, parseEntryJson(entry)]))
  return { owner: value.owner, epoch: BigInt(value.epoch), version: BigInt(value.version), hash: value.hash, entries }
}

async function writeDurably(file: string, text: string): Promise<void> {
  const temporary = `${file}.${process.pid}.tmp`
  try {
    await withHandle(temporary, 'w', async (handle) => {
      await handle.writeFile(text)
      await handle.sync()
    })
    await rename(temporary, file)
    await withHandle(dirname(file), 'r', (folder) => folder.sync())
  } catch (error) {
    await rm(temporary, { force: true })
    throw error
  }
}

async function withHandle(path: string, flags: string, use: (handle: FileHandle) => Promise<void>): Promise<void> {
  const handle = await open(path, flags, 0o600)
  try {
    await use(handle)
  } finally {
    await handle.close()
  }
}
