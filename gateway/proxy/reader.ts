import type { Hex } from 'viem'
import type { RepositoryName } from '../ens/name.ts'
import type { Digest } from '../oci/digest.ts'

/** What a verified list says of a tag. `swarmReference` is 32 bytes, zero for none. */
export type ListedManifest = { digest: Digest; size: number; mediaType: string; swarmReference: Hex }

/** Under which noun of the registry API content is asked for. */
export type ContentKind = 'manifests' | 'blobs'

/**
 * Content that somebody asks for. Its digest names it; `isNamed` when something verified does, a list or a manifest. The rest is what those
 * say of it: null where they say nothing, or contradict each other.
 */
export type WantedContent = {
  digest: Digest
  size: number | null
  mediaType: string | null
  swarmReference: Hex | null
  isNamed: boolean
}

/**
 * A body as a source gives it, none of it believed; `size` of the whole content, null where the source does not say. `close` is for a
 * body that nobody is going to read.
 */
export type OpenedContent = { size: number | null; body: AsyncIterable<Uint8Array>; close(): void }

/** A place that may have a name's content: a gateway, or Swarm. */
export type ContentSource = {
  /** For messages. */
  from: string
  /** The bytes from `offset` on. @throws SourceFailure, Refusal */
  open(kind: ContentKind, wanted: WantedContent, offset: number): Promise<OpenedContent>
  /** How long it says that content is, without the bytes. @throws SourceFailure, Refusal */
  measure(kind: ContentKind, wanted: WantedContent): Promise<number>
  /** It lied or failed: it is asked after the others for a while. */
  blame(): void
}

/** A source gives nothing: it says that it has not got it (`isMissing`), or there is no usable answer. Never a statement about a tag. */
export class SourceFailure extends Error {
  override readonly name = 'SourceFailure'
  constructor(
    message: string,
    readonly isMissing: boolean = false,
  ) {
    super(message)
  }
}

/** Referrers as a gateway lists them, and who said so: nothing signs them. `nextQuery` is the query of the page after, null for none. */
export type ClaimedReferrers = { body: Uint8Array; from: string; nextQuery: string | null; isFiltered: boolean }

/**
 * A name that is served: who owns it, which contract answers for it and which gateways it has were read from the chain a moment ago.
 * All of its methods throw Refusal for what does not hold, ChainUnavailable, and OciError (503 when nobody answers).
 */
export type ServedName = {
  /** What the verified list says of a tag, by contract and verifier alike; undefined: proven absent. */
  resolve(tag: string): Promise<ListedManifest | undefined>
  /** All tags of the verified list in byte order, tombstones left out. */
  listTags(): Promise<readonly string[]>
  /** Where content may be, the best first. */
  sources(): readonly ContentSource[]
  /** @param query of the request, without `?` */
  readReferrers(subject: Digest, query: string): Promise<ClaimedReferrers>
}

/** The verifying client, as the proxy's routes see it. @throws as `ServedName`; UnreachableName and NoOwner for a name that is not served */
export type NameReader = { openName(name: RepositoryName): Promise<ServedName> }
