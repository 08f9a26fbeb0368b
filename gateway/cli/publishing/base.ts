import { parseListAnswer } from '../../tags/json.ts'
import { hashList } from '../../tags/list.ts'
import { Refusal } from '../../tags/refusal.ts'
import { verifyPublication } from '../../tags/verify.ts'
import { fetchBounded, type Reach } from '../client/http.ts'
import { finish, readJson, verifyWholeList, type WholeList } from '../client/read-list.ts'
import type { Session } from '../client/session.ts'
import { refusalIn } from '../push/registry-answer.ts'

/** Where a list is published: a gateway, the repository there, and where requests to it may lead. */
export type PublishingPlace = { gateway: string; repository: string; reach: Reach }

const maxListBytes = 512 * 1024 * 1024
const timeoutMs = 120_000

/**
 * The list that a next one is built on, whole and verified: signed as the chain asks, its entries rebuilding the signed root, and held to
 * what this client remembers. Null where nothing was ever published. A list that has expired, or lies below a floor that was raised since,
 * may be built on: what is built is held to all of that itself. So may one whose signers are publishers no more, where this client saw
 * it when they were, or where `vouchedFor` says that the chain names its hash.
 * @throws Refusal, RegistryRefused, GatewayUnavailable, HttpFailure, BodyTooLarge, ChainUnavailable
 */
export async function readBase(
  session: Session,
  { gateway, repository, reach }: PublishingPlace,
  vouchedFor: string | null = null,
): Promise<WholeList | null> {
  const url = `${gateway}/v2/${repository}/_mooring/list`
  const answer = await fetchBounded({ url, reach, timeoutMs }, maxListBytes)
  if (answer.status === 200) {
    const { signed, slots } = readJson(url, () => finish(parseListAnswer(answer.body)))
    const base = { ...(await verifyWholeList(session, signed, slots, asBase(session, vouchedFor))), gateway }
    await session.memory.remember(session.onChain.domain, base.signed, { tags: 'all', entries: base.entries })
    return base
  }
  const refused = refusalIn(answer, url)
  if (answer.status !== 404 || refused.code !== 'NAME_UNKNOWN') throw refused
  await refuseLostList(session, gateway)
  return null
}

/** A gateway that has lost its list, or never had it, is no reason to begin again at version 1. @throws Refusal Rollback */
async function refuseLostList({ memory, onChain }: Session, gateway: string): Promise<void> {
  const { node, owner, epoch, ensName } = await onChain.readAuthority()
  const seen = await memory.recall(onChain.domain, node)
  if (seen === null || seen.version === 0n || seen.owner !== owner || seen.epoch !== epoch) return
  throw new Refusal('Rollback', `${gateway} has no list of ${ensName}; version ${seen.version} was seen before`)
}

/** Rows 2 to 6 for a list as of its own lifetime and below any floor. */
function asBase({ memory, onChain }: Session, vouchedFor: string | null): typeof verifyPublication {
  return async (signed, authority, localTime) => {
    const { expiresAt } = signed.list
    const asOf = (time: bigint) => (time < expiresAt ? time : expiresAt - 1n)
    const then = { ...authority, minVersion: 0n, blockTime: asOf(authority.blockTime) }
    try {
      return await verifyPublication(signed, then, asOf(localTime))
    } catch (error) {
      const hash = hashList(authority, signed.list)
      const seen = await memory.recall(onChain.domain, authority.node)
      const isKnown = seen?.owner === authority.owner && seen.epoch === authority.epoch && seen.hash === hash
      if (error instanceof Refusal && (isKnown || hash === vouchedFor)) return hash
      throw error
    }
  }
}
