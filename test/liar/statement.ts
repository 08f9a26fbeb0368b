import type { Hex } from 'viem'
import { encodeTagKey, encodeUncheckedEntry, type TagEntry, ZERO_REFERENCE } from '../../gateway/tags/entry.ts'
import {
  hashList,
  hashTimestamp,
  type ListDomain,
  type ListHeader,
  NO_DELEGATIONS,
  type SignerSignature,
  type Timestamp,
  ZERO_HASH,
} from '../../gateway/tags/list.ts'
import { createMemoryTree, SENTINEL, type Slot } from '../../gateway/tags/tree.ts'
import { ascending, type Party } from './cast.ts'
import type { Content, Image } from './image.ts'

/** What a gateway says of a name: a signed list, its slots, and a timestamp where one is asked for. */
export type Statement = {
  list: ListHeader
  slots: readonly Slot[]
  signatures: readonly SignerSignature[]
  timestamp: Timestamp | null
}

/** Tags and what stands under them. */
export type Entries = Readonly<Record<string, TagEntry>>

/** An entry for content. */
export function entryFor({ digest, bytes, mediaType }: Content, more: Partial<TagEntry> = {}): TagEntry {
  return { digest, size: bytes.length, mediaType, swarmReference: ZERO_REFERENCE, updatedVersion: 1, flags: 0, ...more }
}

/** A media type so long that its entry can be cut 256 bytes further on. */
const longType = `application/vnd.example.${'x'.repeat(220)}`

/**
 * What every honest list holds: `latest` is the image, `1.0` its manifest alone, `pinned` that too and immutable, `gone` immutable and
 * deleted; `k0` stands right before `latest`. There is no `nope`.
 */
export function honestEntries({ imageIndex, manifest }: Image): Entries {
  return {
    latest: entryFor(imageIndex),
    '1.0': entryFor(manifest),
    k0: entryFor(manifest, { mediaType: longType }),
    pinned: entryFor(manifest, { flags: 1 }),
    gone: entryFor(manifest, { flags: 3 }),
    zz: entryFor(manifest),
  }
}

/** The sentinel and a slot per tag, linked; entries are written as they are, sound or not. */
export function slotsOf(entries: Entries): Slot[] {
  const tags = Object.keys(entries).sort()
  const keyAt = (position: number): Hex => {
    const tag = tags[position]
    return tag === undefined ? '0x' : encodeTagKey(tag)
  }
  const slots = tags.map((tag, position) => ({
    key: keyAt(position),
    nextKey: keyAt(position + 1),
    value: encodeUncheckedEntry(entries[tag] as TagEntry),
  }))
  return [{ ...SENTINEL, nextKey: keyAt(0) }, ...slots]
}

/** A list about to be signed. */
export type Draft = { header: Partial<ListHeader>; entries: Entries; signers: readonly Party[] }

const daySeconds = 86_400n

/** Signs a list of this name, owner and time; `header` overrides what is signed, `signers` sign it in the right order. */
export async function signStatement(
  domain: ListDomain,
  base: Pick<ListHeader, 'name' | 'node' | 'owner'>,
  now: bigint,
  { header, entries, signers }: Draft,
): Promise<Statement> {
  const slots = slotsOf(entries)
  const list: ListHeader = {
    ...{ ...base, epoch: 0n, version: 2n, previous: ZERO_HASH, delegations: NO_DELEGATIONS },
    ...{ root: createMemoryTree(slots).root(), count: BigInt(slots.length) },
    ...{ issuedAt: now - 60n, expiresAt: now + 90n * daySeconds },
    ...header,
  }
  return { list, slots, signatures: await signaturesOver(domain, list, signers), timestamp: null }
}

/** Signatures over a list, ascending. */
export async function signaturesOver(
  domain: ListDomain,
  list: ListHeader,
  signers: readonly Party[],
): Promise<SignerSignature[]> {
  const hash = hashList(domain, list)
  return Promise.all(
    ascending(signers).map(async ({ address, sign }) => ({ signer: address, signature: await sign(hash) })),
  )
}

/** A timestamp over a list; `times` and signer as given. */
export async function timestampOver(
  domain: ListDomain,
  list: ListHeader,
  signer: Party,
  times: Pick<Timestamp, 'issuedAt' | 'expiresAt'>,
): Promise<Timestamp> {
  const { node, epoch, version } = list
  const claim = { node, epoch, version, list: hashList(domain, list), ...times }
  return { ...times, signature: await signer.sign(hashTimestamp(domain, claim)) }
}
