import type { Hex } from 'viem'
import { encodeGetter, encodeLookup } from '../../ens/lookup.ts'
import { verifyLookup } from '../../ens/verify.ts'
import { parseStrictJson } from '../../oci/strict-json.ts'
import type { NameAuthority } from '../../tags/authority.ts'
import { parseSignedListJson } from '../../tags/json.ts'
import { hashList, type ListDomain, type SignedList } from '../../tags/list.ts'
import { Refusal } from '../../tags/refusal.ts'
import { fetchResponse, GatewayUnavailable } from '../client/ccip.ts'
import type { Reach } from '../client/http.ts'
import { fetchMooring } from '../client/read-list.ts'

/** What one gateway has of a name. Numbers are null when it has no list that holds. */
export type GatewayList = {
  url: string
  epoch: number | null
  version: number | null
  listHash: Hex | null
  /** Unix seconds. */
  issuedAt: number | null
  expiresAt: number | null
  /** A refusal of protocol 3.1, `NoList` when it says that it has none, `GatewayUnavailable` when it does not answer; null when the list holds. */
  error: string | null
  message: string | null
}

/** What is asked of each gateway. */
export type GatewayQuestion = {
  domain: ListDomain
  /** Where requests to gateways may lead. */
  reach: Reach
  ensName: string
  repository: string
  authority: NameAuthority
  /** Unix seconds. */
  localTime: bigint
}

/** Asks one gateway for its current list and checks the list's header, rows 0 to 7; never throws for what a gateway does. */
export async function readGatewayList(url: string, question: GatewayQuestion): Promise<GatewayList> {
  const { domain, ensName, authority, localTime, reach } = question
  const callData = encodeLookup(ensName, [encodeGetter(ensName, 'oci-version', 'text')])
  try {
    const response = await fetchResponse(url, domain, callData, undefined, reach)
    const { signed } = await verifyLookup({
      callData,
      response,
      readAuthority: async () => authority,
      localTime,
      memory: null,
    })
    return rowOf(url, signed, null, null)
  } catch (error) {
    const said = await readNewest(url, question).catch(() => null)
    const message = (error as Error).message
    if (error instanceof Refusal) return rowOf(url, said, error.reason, message)
    if (said !== null && said.list.expiresAt <= localTime)
      return rowOf(url, said, 'Expired', 'its newest list has expired')
    const answered = error instanceof GatewayUnavailable && / answers (404|503)/.test(message)
    return rowOf(url, null, answered ? 'NoList' : 'GatewayUnavailable', message)
  }
}

const maxPageBytes = 64 * 1024 * 1024

/** The newest list that a gateway tells of, expired ones too. Of it only the form is checked. */
async function readNewest(url: string, { repository, domain, reach }: GatewayQuestion): Promise<SignedList | null> {
  const { body } = await fetchMooring(url, repository, 'history?n=1', maxPageBytes, reach)
  const { lists } = parseStrictJson(body, { maxDepth: 8 }) as { lists?: readonly unknown[] }
  if (!Array.isArray(lists) || lists.length === 0) return null
  const signed = parseSignedListJson(lists[0])
  return { ...signed, hash: hashList(domain, signed.list) }
}

function rowOf(url: string, signed: SignedList | null, error: string | null, message: string | null): GatewayList {
  const list = signed?.list
  const numberOf = (value: bigint | undefined) => (value === undefined ? null : Number(value))
  return {
    ...{ url, epoch: numberOf(list?.epoch), version: numberOf(list?.version), listHash: signed?.hash ?? null },
    ...{ issuedAt: numberOf(list?.issuedAt), expiresAt: numberOf(list?.expiresAt), error, message },
  }
}
