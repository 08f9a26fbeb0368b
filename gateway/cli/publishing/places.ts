import { ConfigError } from '../../config.ts'
import { visibleWord } from '../../oci/visible.ts'
import type { Session } from '../client/session.ts'
import type { PublishingPlace } from './base.ts'

/** Where a name's list belongs: the gateway that a run publishes through, then the others, each once. */
export type Places = { lead: PublishingPlace; others: readonly PublishingPlace[] }

/**
 * Gateways given by flag are all there are, the first of them leads: whoever names one means that one. Without any they are those that the
 * chain names, the first that may be asked leads; those that must not be asked (by plain http, on a private address) are among the others:
 * each request to one says so. @throws ConfigError where there is none; ChainUnavailable, Refusal
 */
export async function placesOf({ connection, onChain }: Session, repository: string): Promise<Places> {
  const [first] = onChain.gateways
  if (first === undefined) throw new ConfigError('--gateway', null, 'the URL of the gateway that was pushed to')
  const all = connection.gateways === null ? await onChain.readNamedGateways() : onChain.gateways
  const placeAt = (gateway: string) => ({ gateway, repository, reach: onChain.reach })
  const named = all.map((url) => url.replace(/\/+$/, ''))
  return { lead: placeAt(first), others: others(first, named).map(placeAt) }
}

function others(first: string, gateways: readonly string[]): string[] {
  const byKey = new Map(gateways.map((url) => [keyOf(url), url]))
  byKey.delete(keyOf(first))
  return [...byKey.values()]
}

/** The same for two ways to write one URL. */
function keyOf(url: string): string {
  return URL.canParse(url) ? new URL(url).href.replace(/\/+$/, '') : url
}

/** A gateway's URL as it may be shown: whoever owns the name wrote it. */
export function shownUrl({ gateway }: PublishingPlace): string {
  return visibleWord(gateway.slice(0, 300))
}
