import type { Hex } from 'viem'
import { createFetchBee } from '../../bee/fetch-bee.ts'
import { readContentIndex, type SwarmSource } from '../../bee/read-whole.ts'
import { createSwarmReader, SwarmMisdescribed, SwarmUnavailable } from '../../bee/swarm-reader.ts'
import type { Digest } from '../../oci/digest.ts'
import { type ContentSource, SourceFailure, type WantedContent } from '../../proxy/reader.ts'
import { openSwarmHash } from '../../swarm/node-wasm.ts'
import { ZERO_REFERENCE } from '../../tags/entry.ts'
import { Refusal } from '../../tags/refusal.ts'
import type { Session } from '../client/session.ts'
import { findListOnSwarm } from '../client/swarm-list.ts'

type OnSwarm = { swarmReference: Hex; size: number }
type ContentIndex = ReadonlyMap<Digest, OnSwarm>

/** Bee nodes to read from, none of them believed. */
export async function openSwarm(beeUrls: readonly string[]): Promise<SwarmSource> {
  const bees = beeUrls.map((beeUrl) => createFetchBee({ beeUrl }))
  const hash = await openSwarmHash()
  return { bees, hash, reader: createSwarmReader(bees, hash) }
}

/**
 * The content of a name on Swarm: a manifest where its signed entry says, everything else where the content index says that the
 * publisher's feed leads to (protocol 6). The index is read when it is first asked for; whatever it says, digests decide.
 */
export function createSwarmContent(swarm: SwarmSource, session: Session, note: (line: string) => void): ContentSource {
  let index: Promise<ContentIndex> | undefined
  const find = async (wanted: WantedContent): Promise<OnSwarm> => {
    const { digest, size, swarmReference } = wanted
    if (swarmReference !== null && swarmReference !== ZERO_REFERENCE && size !== null) return { swarmReference, size }
    index ??= readIndex(swarm, session, note).catch((error: unknown) => {
      index = undefined
      throw error
    })
    const found = (await index).get(digest)
    if (found === undefined) throw new SourceFailure(`the content index on Swarm does not have ${digest}`, true)
    return found
  }
  return {
    from: 'Swarm',
    blame: () => undefined,
    measure: async (_kind, wanted) => silently(async () => (await find(wanted)).size),
    open: async (_kind, wanted, offset) =>
      silently(async () => {
        const content = await find(wanted)
        const range = offset > 0 ? { range: { first: offset, last: content.size - 1 } } : {}
        const stream = await swarm.reader.read(content, range)
        const close = () => void stream.cancel().catch(() => undefined)
        return { size: content.size, body: piecesOf(stream), close }
      }),
  }
}

async function readIndex(swarm: SwarmSource, session: Session, note: (line: string) => void): Promise<ContentIndex> {
  const places = new Map<Digest, OnSwarm>()
  const { indexReference } = await findListOnSwarm(session, swarm, note)
  if (indexReference === null) return places
  for await (const rows of readContentIndex(swarm, indexReference)) {
    for (const { digest, swarmReference, size } of rows) places.set(digest, { swarmReference, size })
  }
  return places
}

async function* piecesOf(stream: ReadableStream<Uint8Array>): AsyncGenerator<Uint8Array> {
  try {
    for await (const piece of stream as unknown as AsyncIterable<Uint8Array>) yield piece
  } catch (error) {
    throw asSourceFailure(error)
  }
}

async function silently<Answer>(ask: () => Promise<Answer>): Promise<Answer> {
  try {
    return await ask()
  } catch (error) {
    throw asSourceFailure(error)
  }
}

/** What Swarm does not have, or describes wrongly, is silence: digests decide, and nobody there was believed. */
function asSourceFailure(error: unknown): unknown {
  if (error instanceof SourceFailure || error instanceof Refusal) return error
  if (error instanceof SwarmUnavailable || error instanceof SwarmMisdescribed) return new SourceFailure(error.message)
  return error instanceof Error ? new SourceFailure(`Swarm: ${error.message}`) : error
}
