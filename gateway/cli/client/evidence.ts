import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { Conflict } from '../../library/name-memory.ts'
import { listToJson } from '../../library/name-memory-json.ts'
import { entryToJson } from '../../tags/json.ts'
import type { ListDomain } from '../../tags/list.ts'
import { writeOnce } from './generations.ts'

/** Who can sign lists could fill a disk with contradictions; that they contradict themselves is shown by the first ones. */
const maxFilesOfName = 100

/**
 * Keeps two signed statements that contradict each other, so that anybody can check both signatures later: the list hashes are EIP-712
 * hashes over header, chain and contract, all of which the file has. Returns the file; the same contradiction is kept once.
 * @throws Error when there are 100 files of the name already, and the file system's errors
 */
export async function keepEvidence(folder: string, domain: ListDomain, conflict: Conflict): Promise<string> {
  const { reason, tag, before, now } = conflict
  const { name, epoch, version } = now.signed.list
  const start = `${name.slice(0, 80)}-`
  const about = tag === null ? reason : `${reason}-${tag.slice(0, 60)}`
  const file = `${start}${about}-epoch-${epoch}-version-${version}-${now.signed.hash.slice(2, 18)}.json`
  const kept = (await listEvidence(folder)).filter((each) => each.startsWith(start))
  if (kept.length >= maxFilesOfName && !kept.includes(file)) {
    throw new Error(`${folder} has ${kept.length} files about ${name}`)
  }
  const { chainId, resolver } = domain
  const head = { reason, name, chainId, resolver, tag, foundAt: Math.floor(Date.now() / 1000) }
  const value = { ...head, before: statementToJson(before), now: statementToJson(now) }
  await writeOnce(join(folder, file), `${JSON.stringify(value, null, 1)}\n`)
  return join(folder, file)
}

function statementToJson({ signed, entry, proof }: Conflict['before']) {
  return { ...listToJson(signed), entry: entry && entryToJson(entry), proof }
}

/** The names of the files in a folder of evidence; none where there is no folder. */
export async function listEvidence(folder: string): Promise<string[]> {
  try {
    return (await readdir(folder)).filter((name) => name.endsWith('.json')).sort()
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return []
    throw error
  }
}
