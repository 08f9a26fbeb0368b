import { isTombstone } from '../tags/entry.ts'
import type { RepositoryKey } from './catalog.ts'
import { keyOf as keyOfRepository, type MemoryTables } from './memory-tables.ts'
import type { StagedBasis, StagedChange, StagedTagStore } from './staged-tags.ts'
import { type ListLine, ManifestGone } from './tag-list-store.ts'

type Line = { line: ListLine; generation: number; changes: ReadonlyMap<string, StagedChange> }

/** Staged changes in memory, beside catalog and lists that keep their rows in `tables` where there are some. */
export function createMemoryStagedTags(tables?: MemoryTables): StagedTagStore {
  const lines = new Map<string, Line>()
  if (tables) showStaged(tables, lines)
  const find = (line: ListLine) => lines.get(keyOf(line))
  return {
    async read(line, tags) {
      const { generation = 0, changes = new Map<string, StagedChange>() } = find(line) ?? {}
      const wanted = tags && new Set(tags)
      const found = [...changes.values()].filter(({ tag }) => wanted?.has(tag) ?? true)
      return { generation, count: changes.size, changes: found.sort((a, b) => (a.tag < b.tag ? -1 : 1)) }
    },
    find: async (line, tag) => find(line)?.changes.get(tag),
    async write(line, basis, { put = [], drop = [] }) {
      const { generation = 0, changes: before = [] } = find(line) ?? {}
      if (generation !== basis.generation || !isCurrent(tables, line, basis)) return false
      expectManifest(tables, line, basis)
      const changes = new Map(before)
      for (const tag of drop) changes.delete(tag)
      for (const change of put) changes.set(change.tag, change)
      lines.set(keyOf(line), { line, generation: generation + 1, changes })
      return true
    },
    async listLines(repository) {
      const found = [...lines.values()].filter(({ changes }) => changes.size > 0).map(({ line }) => line)
      return repository ? found.filter((line) => isOf(line, repository)) : found
    },
  }
}

/** What the catalog sees of it. */
function showStaged(tables: MemoryTables, lines: ReadonlyMap<string, Line>): void {
  tables.stagedWrites = (repository) => {
    const own = [...lines.values()].filter(({ line }) => isOf(line, repository))
    return own.reduce((sum, { generation }) => sum + generation, 0)
  }
  tables.isStaged = (line, digest) => {
    const changes = [...(lines.get(keyOf(line))?.changes.values() ?? [])]
    return changes.some(({ entry }) => entry?.digest === digest && !isTombstone(entry))
  }
}

function isCurrent(tables: MemoryTables | undefined, line: ListLine, { listHash }: StagedBasis): boolean {
  if (!tables || listHash === undefined) return true
  const current = tables.linesOf(line).find((known) => keyOf(known.line) === keyOf(line))
  return (current?.head.hash ?? null) === listHash
}

/** @throws ManifestGone */
function expectManifest(tables: MemoryTables | undefined, line: ListLine, { manifest }: StagedBasis): void {
  if (!tables || !manifest) return
  if (!tables.shelves.get(keyOfRepository(line))?.manifests.has(manifest)) throw new ManifestGone(manifest)
}

function isOf(line: ListLine, repository: RepositoryKey): boolean {
  return line.ensName === repository.ensName && line.owner === repository.owner
}

function keyOf({ chainId, resolver, ensName, owner, epoch }: ListLine): string {
  return `${chainId} ${resolver} ${ensName} ${owner} ${epoch}`
}
