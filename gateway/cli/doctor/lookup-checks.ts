import type { Address, Hex } from 'viem'
import { encodeGetter, encodeLookup, encodeTagLookup, gatewayUrlTemplates, isGetCallData } from '../../ens/lookup.ts'
import { verifyLookup } from '../../ens/verify.ts'
import type { SignedList } from '../../tags/list.ts'
import { Refusal } from '../../tags/refusal.ts'
import { GatewayUnavailable } from '../client/ccip.ts'
import type { HttpAnswer } from '../client/http.ts'
import type { Session } from '../client/session.ts'
import { Ailment, ask, checkOrigin, examine, objectIn, type Patient, skip } from './check.ts'
import type { GatewayKind } from './gateway-checks.ts'

/** Records of one multicall whose callData is too long for GET. */
const TAGS_IN_MULTICALL = 5

/**
 * Both URL templates of protocol 4 as wallets use them, each answer verified, and readable across origins. Resolves with the list that
 * the answers carry; null when none holds.
 */
export async function checkLookups(patient: Patient, kind: GatewayKind, session: Session): Promise<SignedList | null> {
  let signed: SignedList | null = null
  const fix =
    kind === 'static'
      ? 'export again, and upload all of it'
      : 'push a tag to it: it has no list that holds under this name'
  const { ensName, domain } = session.onChain
  const { universalResolver } = session.connection
  const version = encodeLookup(ensName, [encodeGetter(ensName, 'oci-version', 'text')])
  const latest = encodeTagLookup(ensName, 'latest', 'text')
  await examine(patient, 'lookup-get', fix, async () => {
    for (const sender of [domain.resolver, universalResolver]) {
      for (const callData of [version, latest]) {
        const answer = await ask({ url: urlOf(patient, session, sender, callData) })
        signed = await verified(session, callData, answer)
        checkOrigin(answer, 'a lookup')
      }
    }
    return `GET {sender}/{data}.json: ${describe(signed)}`
  })
  if (kind === 'static') {
    skip(
      patient,
      'lookup-post',
      'a static gateway cannot read a body; lookups over 900 bytes (several records at once) fail',
    )
    return signed
  }
  await examine(patient, 'lookup-post', fix, async () => {
    const tags = Array.from({ length: TAGS_IN_MULTICALL }, (_, position) => `doctor-${position}`)
    const callData = encodeLookup(
      ensName,
      tags.map((tag) => encodeGetter(ensName, `oci-tag[${tag}]`, 'text')),
    )
    const body = JSON.stringify({ data: callData, sender: universalResolver })
    const url = urlOf(patient, session, universalResolver, callData)
    const answer = await ask({ url, method: 'POST', headers: { 'content-type': 'application/json' }, body })
    const list = await verified(session, callData, answer)
    checkOrigin(answer, 'a lookup')
    return `POST {sender}: ${describe(list)}`
  })
  return signed
}

function urlOf({ url }: Patient, { onChain }: Session, sender: Address, callData: Hex): string {
  const { get, post } = gatewayUrlTemplates(url, onChain.domain.chainId, onChain.domain.resolver)
  const template = isGetCallData(callData) ? get : post
  return template.replace('{sender}', sender.toLowerCase()).replace('{data}', callData)
}

/** Rows 0 to 9 of protocol 3.1. @throws Refusal, GatewayUnavailable, Ailment */
async function verified(
  { onChain, localTime, remembered }: Session,
  callData: Hex,
  answer: HttpAnswer,
): Promise<SignedList> {
  const { status, headers } = answer
  const { data, message } = objectIn(answer) ?? {}
  if (status !== 200)
    throw new GatewayUnavailable(`it answers ${status}${typeof message === 'string' ? `: ${message}` : ''}`)
  if (typeof data !== 'string' || !/^0x(?:[0-9a-f]{2})*$/i.test(data))
    throw new Refusal('BadResponse', 'no {"data": "0x..."}')
  if (!/^application\/json\b/.test(headers.get('content-type') ?? '')) {
    throw new Ailment(
      `a lookup is sent as ${headers.get('content-type') ?? 'nothing'}`,
      'send lookups as application/json',
    )
  }
  const { readAuthority } = onChain
  const { signed } = await verifyLookup({
    callData,
    response: data as Hex,
    readAuthority,
    localTime,
    memory: remembered,
  })
  return signed
}

function describe(signed: SignedList | null): string {
  return `version ${signed?.list.version}, checked against the chain`
}
