import type { Access } from './access.ts'
import type { Logins } from './auth/logins.ts'
import type { ChainReader } from './chain/chain-reader.ts'
import type { Features } from './features.ts'
import type { Limits } from './limits.ts'
import type { Postage } from './postage.ts'
import type { Signer } from './signer.ts'
import type { Catalog } from './store/catalog.ts'
import type { ContentStore } from './store/content-store.ts'
import type { PushPermissionStore } from './store/push-permissions.ts'
import type { StagedTagStore } from './store/staged-tags.ts'
import type { SwarmLedger } from './store/swarm-ledger.ts'
import type { TagListStore } from './store/tag-list-store.ts'
import type { SwarmHash } from './swarm/hash.ts'
import type { Announcer } from './swarm-announcer.ts'
import type { SwarmQueue } from './swarm-queue.ts'
import type { Throttle } from './throttle.ts'

/** One structured line; never a secret. */
export type Log = (event: string, fields?: Readonly<Record<string, unknown>>) => void

/** The Swarm side of a gateway; one without nodes computes references and no more. */
export type SwarmSide = {
  hash: SwarmHash
  ledger: SwarmLedger
  /** What is stored here, without what is read from Swarm. */
  local: Pick<ContentStore, 'stat' | 'read'>
  /** Told of what a push stored or relies on, before it is acknowledged. */
  noteStored: SwarmQueue['noteStored']
  /** How long batches last; null without nodes. */
  postage: Pick<Postage, 'remainingSeconds'> | null
  /** What puts lists on Swarm; absent without nodes. */
  announcer?: Pick<Announcer, 'describe'>
}

/** Everything the app may touch. The entries (serve.ts, the worker) choose the drivers; nobody else does. */
export type Deps = {
  chain: ChainReader
  content: ContentStore
  catalog: Catalog
  lists: TagListStore
  /** Changes of tags that were pushed here and wait for the publisher's signature. */
  staged: StagedTagStore
  /** What owners let others push. */
  pushPermissions: PushPermissionStore
  /** Where content is on Swarm, and what takes it there. */
  swarm: SwarmSide
  /** The publisher's key of a publishing gateway; null makes it a relay gateway. */
  signer: Signer | null
  /** Who may come in; null: nobody has to log in. */
  access: Access | null
  /** Gives out the tokens that `access` takes; absent: there are none. */
  logins?: Logins
  /** Unix seconds. */
  clock: () => bigint
  /** 128 random bits in hex, for upload sessions. */
  randomId: () => string
  /**
   * A body as this runtime needs it to send exactly so many bytes or break off: Node goes by the Content-Length of the answer, a Worker
   * ends what has no length of its own as if it were whole.
   */
  bodyOfLength: (body: ReadableStream<Uint8Array>, bytes: number) => ReadableStream<Uint8Array>
  /** Whether an answer that fails can only be broken off when its length was known before, so that it is counted first; absent: false. */
  needsLengths?: boolean
  /** Lets other work run: awaited between slices of long computations. */
  pause: () => Promise<void>
  limits: Limits
  features: Features
  /** Requests per client; null takes them all. */
  throttle: Throttle | null
  log: Log
}
