import type { IncomingHttpHeaders } from 'node:http'
import type { Hex } from 'viem'
import type { Digest } from '../../gateway/oci/digest.ts'
import type { ListDomain } from '../../gateway/tags/list.ts'
import type { RefusalName } from '../../gateway/tags/refusal.ts'
import type { Proof } from '../../gateway/tags/tree.ts'
import type { Image } from './image.ts'
import type { Draft, Statement } from './statement.ts'
import type { AuthorityName, LiarWorld } from './world.ts'

/** What readers ask of a name: to pull a tag, to list its tags, or the referrers of its image. */
export type QuestionKind = 'pull' | 'tags' | 'referrers'

/** The three kinds of readers: clients through `mooring proxy`, the library, and ENS clients that let the contract judge. */
export type Column = 'proxy' | 'library' | 'contract'

/**
 * What a reading must come to: an error name of protocol 3.1; `GatewayUnavailable`: nobody said anything usable; `reverted`: the
 * contract gave no name; `honest`: the honest content and no other.
 */
export type Ending = RefusalName | 'GatewayUnavailable' | 'reverted' | 'honest'

/** A request as the liar reads it. `second` is the second gateway of a name that has two. */
export type Asked = {
  kind: 'lookup' | 'list' | 'manifest' | 'blob' | 'referrers'
  ensName: string
  second: boolean
  digest: Digest | null
  tag: string | null
  headers: IncomingHttpHeaders
}

/** What is sent back; `null` for a body means that nothing comes, not even the head. */
export type Answer = { status: number; headers: Readonly<Record<string, string>>; body: Body | null }
export type Body = Uint8Array | AsyncIterable<Uint8Array>

/** What a gateway tells in place of the honest words; where it says nothing it is honest. */
export type Told = {
  statement?: Statement
  /** Statements for the lookups of some tags alone. */
  statements?: Readonly<Record<string, Statement>>
  /** What the first of two gateways tells alone. */
  firstStatement?: Statement
  /** Proofs of a lookup. */
  prove?(honest: Proof, tag: string): readonly Proof[]
  /** The bytes that a lookup's answer holds. */
  respond?(honest: Hex): Hex
  /** Bytes by their digest, where they are other than those of the image. */
  contents?: ReadonlyMap<string, Uint8Array>
  answer?(honest: Answer, asked: Asked): Answer
}

/** The stage of one lie: a name of its own, with content of its own. */
export type Scene = {
  ensName: string
  repository: string
  image: Image
  domain: ListDomain
  /** Unix seconds at which the run began. */
  now: bigint
  world: LiarWorld
  /** What the publisher signed last, version 2. */
  honest: Statement
  /** Signs another list of this name: version 2 of the honest entries by the name's signers, but for what is given. */
  sign(draft?: Partial<Draft>): Promise<Statement>
}

/** One lie, the honest twin that differs from it in nothing else, and what everybody must make of it. */
export type Lie = {
  name: string
  /** Of docs/protocol.md, or what the proxy's page promises. */
  clause: string
  asks?: QuestionKind
  /** `latest` by default. */
  tag?: string
  /** A tag that each reader reads first in the same session, honestly. */
  after?: string
  /** Whose settings the name is under; `plain` by default: the owner alone publishes. */
  authority?: AuthorityName
  /** The chain names two gateways, of which the liar is the first. */
  beside?: true
  /** Of all clients of the proxy plain HTTP alone asks: the proxy reads half a GiB each time. */
  byHttpAlone?: true
  /** At least so many bytes in the image's layer. */
  layerBytes?: number
  /** What happens on chain between twin and lie. */
  meanwhile?(scene: Scene): Promise<void>
  /** The honest statement by default. */
  twin?(scene: Scene): Promise<Told> | Told
  tell(scene: Scene): Promise<Told> | Told
  /** A column that is left out has no such reader: it never asks what the lie is about. */
  expected: Partial<Readonly<Record<Column, Ending>>>
}

/** The same ending for all who look tags up. */
export function everywhere(ending: Ending): Lie['expected'] {
  return { proxy: ending, library: ending, contract: ending }
}

/** A lie's name as a label of an ENS name. */
export function labelOf({ name }: Lie): string {
  return name
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, '-')
    .replaceAll(/^-|-$/g, '')
    .slice(0, 50)
    .replace(/-$/, '')
}
