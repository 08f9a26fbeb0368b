import type { NameAuthority } from '../../tags/authority.ts'
import { hashTimestamp, type SignedList, type Timestamp, timestampTypedData } from '../../tags/list.ts'
import { issueTime } from '../../tags/next-list.ts'
import { Refusal } from '../../tags/refusal.ts'
import { verifyPublication, verifyTimestamp } from '../../tags/verify.ts'
import { timestampToJson } from '../../tags/wire.ts'
import { fetchBounded } from '../client/http.ts'
import type { Session } from '../client/session.ts'
import type { ClientSigner } from '../client/signers/client-signer.ts'
import { RegistryRefused, refusalIn } from '../push/registry-answer.ts'
import { type PublishingPlace, readBase } from './base.ts'

const timeoutMs = 60_000
const maxAnswerBytes = 64 * 1024

/**
 * States that gateways' lists are the current one, and hands each the statement: only of a list that was read whole, verified, and held to
 * what this client remembers, so that no older one is ever called fresh here. One list is stated once, for all gateways that have it. The
 * signer must be the timestamper of the name's policy. What comes back @throws Refusal, SignerRefused, RegistryRefused,
 * GatewayUnavailable, HttpFailure, ChainUnavailable
 */
export function createStamper(session: Session, signer: ClientSigner): (place: PublishingPlace) => Promise<SignedList> {
  const made = new Map<string, Timestamp>()
  return (place) => stampList(session, place, signer, made)
}

async function stampList(
  session: Session,
  place: PublishingPlace,
  signer: ClientSigner,
  made: Map<string, Timestamp>,
): Promise<SignedList> {
  const authority = await session.onChain.readAuthority()
  await checkTimestamper(authority, signer)
  const base = await readBase(session, place)
  const nothing = `${place.gateway} has no list of ${authority.ensName}: there is nothing to timestamp`
  if (base === null) throw new Refusal('BadTimestamp', nothing)
  await verifyPublication(base.signed, authority, session.localTime)
  const { hash } = base.signed
  const timestamp = made.get(hash) ?? (await signTimestamp(session, base.signed, signer, authority))
  made.set(hash, timestamp)
  if (await sendTimestamp(place, timestamp)) return { ...base.signed, timestamp }
  throw new RegistryRefused(412, 'HTTP 412', `${place.gateway} has a timestamp that was issued later`)
}

/**
 * What a list that was just published still needs where the policy asks for freshness: its timestamp, at once where the publisher is the
 * timestamper too, else the command that makes it. The list is published whatever becomes of that.
 */
export async function stampPublished(
  session: Session,
  place: PublishingPlace,
  signer: ClientSigner | null,
  say: (line: string) => void,
): Promise<void> {
  const { policy, ensName } = await session.onChain.readAuthority()
  if (policy.timestamper === null) return
  const wanted = `the policy asks for a timestamp of ${policy.timestamper}: mooring timestamp ${ensName}`
  if (signer?.address !== policy.timestamper) return say(`  ${wanted}`)
  try {
    await createStamper(session, signer)(place)
    say('  timestamped')
  } catch (error) {
    say(`  not timestamped: ${(error as Error).message}; ${wanted}`)
  }
}

async function checkTimestamper(
  { ensName, policy, isRevoked }: NameAuthority,
  { address }: ClientSigner,
): Promise<void> {
  const { timestamper } = policy
  if (timestamper === null) throw new Refusal('BadTimestamp', `the policy of ${ensName} names no timestamper`)
  if (timestamper !== address) {
    throw new Refusal('BadTimestamp', `${address} is not the timestamper of ${ensName}: that is ${timestamper}`)
  }
  if (await isRevoked(address)) throw new Refusal('BadTimestamp', `timestamper ${address} is revoked`)
}

/** It lives as long as the policy calls it fresh. */
async function signTimestamp(
  { onChain, localTime }: Session,
  { list, hash }: SignedList,
  signer: ClientSigner,
  authority: NameAuthority,
): Promise<Timestamp> {
  const { node, epoch, version, name } = list
  const issuedAt = issueTime(localTime, authority.blockTime)
  const expiresAt = issuedAt + BigInt(authority.policy.maxAgeSeconds)
  const claim = { node, epoch, version, list: hash, issuedAt, expiresAt }
  const { domain } = onChain
  const meaning = [`${name}: version ${version} is the current list`, `list ${hash}`]
  const document = timestampTypedData(domain, claim)
  const signature = await signer.signTyped({ hash: hashTimestamp(domain, claim), document, meaning })
  const timestamp = { issuedAt, expiresAt, signature }
  await verifyTimestamp({ list, hash, timestamp }, authority, localTime)
  return timestamp
}

/** Hands a timestamp to a gateway (protocol 5). False where a later one stands. @throws RegistryRefused, HttpFailure */
export async function sendTimestamp(
  { gateway, repository, reach }: PublishingPlace,
  timestamp: Timestamp,
): Promise<boolean> {
  const url = `${gateway}/v2/${repository}/_mooring/timestamp`
  const body = JSON.stringify(timestampToJson(timestamp))
  const headers = { 'content-type': 'application/json' }
  const answer = await fetchBounded({ url, reach, method: 'PUT', headers, body, timeoutMs }, maxAnswerBytes)
  if (answer.status === 201) return true
  if (answer.status === 412) return false
  throw refusalIn(answer, url)
}
