import type { RepositoryName } from '../../ens/name.ts'
import { unavailable } from '../../errors.ts'
import type { Digest } from '../../oci/digest.ts'
import { OciError } from '../../oci/error.ts'
import type { ContentSource, ListedManifest, NameReader, ServedName } from '../../proxy/reader.ts'
import { Refusal } from '../../tags/refusal.ts'
import { MemoryUnusable } from '../client/memory.ts'
import type { Patience } from '../client/patience.ts'
import { ListUnverified, readWholeList, visibleEntries } from '../client/read-list.ts'
import { type ResolvedTag, resolveTag } from '../client/resolve-tag.ts'
import { type Client, openSessionWith, refreshSession, type Session } from '../client/session.ts'
import { createGatewaySource } from './gateway-source.ts'
import { readReferrersAt } from './referrers.ts'
import type { Standing } from './standing.ts'

/** What the names of a proxy are read with. `more` gives sources that are asked after the gateways. */
export type Reading = {
  client: Client
  standing: Standing
  patience: Patience
  more(session: Session): readonly ContentSource[]
}

/** Names read by the verifying client: its memory, its check order, the contract's own word beside it. */
export function createNameReader(reading: Reading): NameReader {
  return {
    openName: async (name) => {
      const session = await openSessionWith(reading.client, name.ensName).catch(refuseWithoutMemory)
      return serve(reading, name, session)
    },
  }
}

function serve(reading: Reading, name: RepositoryName, opened: Session): ServedName {
  const { standing, patience } = reading
  const { reach } = opened.onChain
  const more = reading.more(opened)
  const gateways = () => standing.order(opened.onChain.gateways)
  const current = async () => {
    const session = await refreshSession(opened).catch(refuseWithoutMemory)
    return { ...session, onChain: { ...session.onChain, gateways: gateways() } }
  }
  return {
    async resolve(tag) {
      const session = await current()
      const resolved = await resolveTag(session, { ...name, tag }).catch(refuseWithoutMemory)
      blameBefore(standing, session.onChain.gateways, resolved.gateway)
      return listedIn(resolved)
    },
    async listTags() {
      const session = await current()
      const list = await readWholeList(session, name.repository).catch(refuseUnverified)
      blameBefore(standing, session.onChain.gateways, list.gateway)
      return visibleEntries(list).map(([tag]) => tag)
    },
    sources: () => [
      ...gateways().map((url) =>
        createGatewaySource({ url, reach, repository: name.repository }, patience, () => standing.blame(url)),
      ),
      ...more,
    ],
    readReferrers: (subject, query) =>
      readReferrersAt(
        { gateways: gateways(), reach, repository: name.repository, timeoutMs: patience.firstByteMs },
        subject,
        query,
      ),
  }
}

/** Who was asked before the one whose answer held gave none that did. */
function blameBefore({ blame }: Standing, asked: readonly string[], answered: string | null): void {
  const end = answered === null ? asked.length : asked.indexOf(answered)
  for (const url of asked.slice(0, end)) blame(url)
}

/** @throws OciError DENIED with the error name; 503 when no gateway answered */
function listedIn({ resolution, message }: ResolvedTag): ListedManifest | undefined {
  const { status, error, digest, size, mediaType, swarmReference, viaEns } = resolution
  // Our verifier took the answer, and the contract gave none by any of its errors: it could not be asked.
  const isUnasked = error === 'VerifierSplit' && viaEns === null
  if (error === 'GatewayUnavailable' || isUnasked) throw nobodyAnswered(message ?? '')
  if (error !== null) {
    throw new OciError('DENIED', `refused: ${error}: ${message}`, { detail: { reason: error } })
  }
  if (status === 'absent') return undefined
  if (digest === null || size === null || mediaType === null || swarmReference === null) {
    throw new Error(`a tag that is ${status} has no entry`)
  }
  return { digest: digest as Digest, size, mediaType, swarmReference }
}

function refuseUnverified(error: unknown): never {
  if (!(error instanceof ListUnverified)) return refuseWithoutMemory(error)
  if (error.reason === 'GatewayUnavailable') throw nobodyAnswered(error.message)
  throw new Refusal(error.reason, error.message)
}

/** What was seen before is not known, so it cannot be said that nothing contradicts it. */
function refuseWithoutMemory(error: unknown): never {
  if (!(error instanceof MemoryUnusable)) throw error
  throw new OciError('DENIED', `refused: ${error.name}: ${error.message}`, { detail: { reason: error.name } })
}

function nobodyAnswered(message: string): OciError {
  return unavailable(`nothing can be said about this name now: ${message}`)
}
