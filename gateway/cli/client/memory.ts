import { homedir } from 'node:os'
import { join } from 'node:path'
import type { Hex } from 'viem'
import {
  acceptOwner,
  conflictBehind,
  isSamePast,
  type NamePast,
  type OwnerMemory,
  rememberList,
  type SeenTags,
} from '../../library/name-memory.ts'
import { parsePast, renderPast } from '../../library/name-memory-json.ts'
import type { ListDomain, SignedList } from '../../tags/list.ts'
import { Refusal } from '../../tags/refusal.ts'
import { keepEvidence, listEvidence } from './evidence.ts'
import { readNewest, writeNext } from './generations.ts'

/**
 * What this client saw of names, one small folder for each (chain, resolver, node): row 9 of the check order. Several processes may have
 * one memory: each change is a compare-and-swap.
 */
export type ClientMemory = {
  /** What the name is held to; null for a name never seen. @throws MemoryUnusable when it is there and cannot be read */
  recall(domain: ListDomain, node: Hex): Promise<OwnerMemory | null>
  /** The same with the owners before. @throws as `recall` */
  recallAll(domain: ListDomain, node: Hex): Promise<NamePast | null>
  /**
   * Keeps a verified list with what is immutable of the entries seen; never goes back to a lower version. It is held to what another
   * process remembered meanwhile. @throws Refusal OwnerChanged, Equivocation, ImmutableChanged; MemoryUnusable
   */
  remember(domain: ListDomain, signed: SignedList, seen: SeenTags): Promise<void>
  /** Holds a name to another owner, at least at this epoch: what a person decides. */
  accept(domain: ListDomain, node: Hex, owner: Hex, epoch: bigint): Promise<void>
  /**
   * A refusal of a list that was verified as far as row 8, with what a person can do: the two statements of an Equivocation or
   * ImmutableChanged are kept as evidence, whose file the message names.
   */
  explain(domain: ListDomain, refusal: Refusal, signed: SignedList, seen: SeenTags): Promise<Refusal>
  /** The files of evidence about a name. */
  evidenceOf(ensName: string): Promise<string[]>
  /** Where a name's memory is, for messages. */
  folderOf(domain: ListDomain, node: Hex): string
}

/** What this client saw cannot be read or kept, so nothing can be held against it: never the same as having seen nothing. */
export class MemoryUnusable extends Error {
  override readonly name = 'MemoryUnusable'
}

const maxTries = 100

/** `MOORING_STATE` and `--state` come before this: the XDG state folder. */
export function defaultStateDir(environment: Readonly<Record<string, string | undefined>>): string {
  return join(environment.XDG_STATE_HOME || join(environment.HOME || homedir(), '.local', 'state'), 'mooring')
}

/** Memory of one chain in a folder. */
export function createClientMemory(stateDir: string, chainName: string): ClientMemory {
  const evidenceDir = join(stateDir, 'evidence')
  const folderOf = (domain: ListDomain, node: Hex) => join(stateDir, `${chainName}-${domain.resolver}-${node}`)
  const recallAll = async (domain: ListDomain, node: Hex) => (await readPast(folderOf(domain, node))).past
  const explain: ClientMemory['explain'] = async (domain, refusal, signed, seen) => {
    const { reason, message } = refusal
    if (reason === 'OwnerChanged') return new Refusal(reason, `${message}: ${whatToDo(signed.list.name)}`)
    const conflict = conflictBehind(refusal, await recallAll(domain, signed.list.node), signed, seen)
    if (conflict === null) return refusal
    const kept = await keepEvidence(evidenceDir, domain, conflict).then(
      (file) => `both signed lists are in ${file}`,
      (error: Error) => `the evidence could not be kept: ${error.message}`,
    )
    return new Refusal(reason, `${message}; ${kept}`)
  }
  return {
    folderOf,
    recallAll,
    explain,
    recall: async (domain, node) => (await recallAll(domain, node))?.present ?? null,
    async remember(domain, signed, seen) {
      try {
        await change(folderOf(domain, signed.list.node), (past) => rememberList(past, signed, seen))
      } catch (error) {
        throw error instanceof Refusal ? await explain(domain, error, signed, seen) : error
      }
    },
    accept: (domain, node, owner, epoch) => change(folderOf(domain, node), (past) => acceptOwner(past, owner, epoch)),
    async evidenceOf(ensName) {
      const files = await listEvidence(evidenceDir)
      return files.filter((file) => file.startsWith(`${ensName.slice(0, 80)}-`)).map((file) => join(evidenceDir, file))
    },
  }
}

function whatToDo(ensName: string): string {
  return `mooring trust show ${ensName} tells more, mooring trust accept ${ensName} goes on with the new owner`
}

/** Whoever was first, the change is made to what they left. */
async function change(folder: string, next: (past: NamePast | null) => NamePast): Promise<void> {
  for (let tries = 0; tries < maxTries; tries++) {
    const { past, newest } = await readPast(folder)
    const after = next(past)
    if (isSamePast(past, after)) return
    if (await writeNext(folder, newest, renderPast(after)).catch(unusable(folder, 'written'))) return
  }
  throw new MemoryUnusable(`${folder} changes all the time: ${maxTries} tries to write it were lost`)
}

function unusable(folder: string, done: 'read' | 'written'): (error: Error) => never {
  return ({ message }) => {
    throw new MemoryUnusable(`the memory in ${folder} cannot be ${done}: ${message}`)
  }
}

async function readPast(folder: string) {
  const newest = await readNewest(folder).catch(unusable(folder, 'read'))
  if (newest.text === null) return { newest, past: null }
  try {
    return { newest, past: parsePast(newest.text) }
  } catch {
    throw new MemoryUnusable(
      `${newest.file} is not a memory of this version; remove ${folder} to forget what was seen of the name`,
    )
  }
}
