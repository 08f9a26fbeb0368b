import type { Hex } from 'viem'
import type { ListDomain, SignedList } from '../tags/list.ts'
import type { Refusal } from '../tags/refusal.ts'
import type { NameMemory } from '../tags/verify.ts'
import { acceptOwner, isSamePast, type NamePast, rememberList, type SeenTags } from './name-memory.ts'
import { parsePast, renderPast } from './name-memory-json.ts'

/**
 * What a client remembers of names (row 9): without it nobody notices an older list, a second list of one version, a moved immutable
 * tag or another owner. The domain and the node say which name.
 */
export type TagState = {
  /** What the name is held to; null for a name never seen. */
  recall(domain: ListDomain, node: Hex): Promise<NameMemory | null>
  /** Keeps a verified list. @throws Refusal OwnerChanged, Equivocation, ImmutableChanged when others saw meanwhile what contradicts it */
  remember(domain: ListDomain, signed: SignedList, seen: SeenTags): Promise<void>
  /** May keep evidence of a refusal of row 9, and say more about it. */
  explain?(domain: ListDomain, refusal: Refusal, signed: SignedList, seen: SeenTags): Promise<Refusal>
}

/** The two methods of the web's `Storage` that are needed, such as those of `localStorage`. */
export type TextStorage = { getItem(key: string): string | null; setItem(key: string, text: string): void }

/**
 * State in `localStorage`, or in anything like it. A change is read, made and written without giving way, so that pages of one origin
 * lose nothing of each other's. `acceptOwner` is for a person who was shown OwnerChanged and goes on with the new owner.
 */
export function createStorageState(storage: TextStorage): TagState & {
  acceptOwner(domain: ListDomain, node: Hex, owner: Hex, epoch: bigint): Promise<void>
} {
  const read = (domain: ListDomain, node: Hex): NamePast | null => {
    const text = storage.getItem(keyOf(domain, node))
    return text === null ? null : parsePast(text)
  }
  const change = (domain: ListDomain, node: Hex, next: (past: NamePast | null) => NamePast) => {
    const past = read(domain, node)
    const after = next(past)
    if (!isSamePast(past, after)) storage.setItem(keyOf(domain, node), renderPast(after))
  }
  return {
    recall: async (domain, node) => read(domain, node)?.present ?? null,
    remember: async (domain, signed, seen) =>
      change(domain, signed.list.node, (past) => rememberList(past, signed, seen)),
    acceptOwner: async (domain, node, owner, epoch) => change(domain, node, (past) => acceptOwner(past, owner, epoch)),
  }
}

function keyOf({ chainId, resolver }: ListDomain, node: Hex): string {
  return `mooring:${chainId}:${resolver}:${node}`
}
