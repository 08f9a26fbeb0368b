import type { Hex } from 'viem'
import { encodeTagLookup, parseLookup } from '../../ens/lookup.ts'
import { nodeOf } from '../../ens/name.ts'
import type { VerifiedLookup } from '../../ens/verify.ts'
import { isOfMemory, seenIn } from '../../library/seen.ts'
import type { Refusal } from '../../tags/refusal.ts'
import { type LookupOutcome, lookUp } from './look-up.ts'
import type { Session, Subject } from './session.ts'
import { readTextViaEns, type ViaEns } from './via-ens.ts'

/** The JSON of `mooring resolve`. */
export type Resolution = {
  name: string
  tag: string
  status: 'present' | 'absent' | 'unverified'
  digest: string | null
  size: number | null
  mediaType: string | null
  swarmReference: Hex | null
  epoch: number | null
  version: number | null
  listHash: string | null
  viaEns: string | null
  error: string | null
}

/** A resolution with one line that says why it failed, and where the answer came from. */
export type ResolvedTag = { resolution: Resolution; message: string | null; gateway: string | null }

/** A resolution that proves nothing: `error` says why. */
export function unverified(subject: Subject, error: string, viaEns: string | null = null): Resolution {
  const nothing = { digest: null, size: null, mediaType: null, swarmReference: null }
  const noList = { epoch: null, version: null, listHash: null }
  return { name: subject.ensName, tag: subject.tag, status: 'unverified', ...nothing, ...noList, viaEns, error }
}

/**
 * Resolves a tag twice over one gateway answer: by our verifier, and by the contract's callback through ENS. Only when both agree is
 * it present or absent. What was verified is remembered.
 * @throws ChainUnavailable, Refusal (row 10, and row 9 when another process saw what contradicts it meanwhile)
 */
export async function resolveTag(session: Session, subject: Subject): Promise<ResolvedTag> {
  const callData = encodeTagLookup(subject.ensName, subject.tag, 'text')
  const outcome = await ask(session, callData)
  const viaEns = await askContract(session, subject, callData, outcome)
  if (outcome.verified === null) {
    return { resolution: unverified(subject, outcome.error, viaEns.text), message: outcome.message, gateway: null }
  }
  await rememberAnswer(session, outcome.verified, outcome.response)
  const [entry] = outcome.verified.entries
  if (viaEns.text === (entry?.digest ?? '')) {
    return { resolution: proven(subject, outcome.verified, viaEns.text), message: null, gateway: outcome.gateway }
  }
  const message = `our verifier says ${entry?.digest ?? 'absent'}, the contract says ${viaEns.text ?? viaEns.error}`
  const error = viaEns.contractError ?? 'VerifierSplit'
  return { resolution: unverified(subject, error, viaEns.text), message, gateway: outcome.gateway }
}

/** What is remembered is read now: another lookup of this session, or of another process, may have seen more since it began. */
async function ask(session: Session, callData: Hex): Promise<LookupOutcome> {
  const { onChain, localTime, lookupTimeoutMs: timeoutMs } = session
  const memory = await session.memory.recall(onChain.domain, nodeOf(onChain.ensName))
  const explain = async (refusal: Refusal, response: Hex) => {
    if (!isOfMemory(refusal)) return refusal
    const { signed, seen } = seenIn(onChain.domain, parseLookup(callData), response)
    return session.memory.explain(onChain.domain, refusal, signed, seen)
  }
  return lookUp({ ...onChain, callData, localTime, memory, timeoutMs, explain })
}

/** The contract judges the very bytes that our verifier judged; a client that asks another callData gets its own answer. */
function askContract(session: Session, subject: Subject, asked: Hex, outcome: LookupOutcome): Promise<ViaEns> {
  const respond = async (callData: Hex) => {
    const { response } = callData === asked ? outcome : await ask(session, callData)
    if (response === null) throw new Error('no gateway has an answer')
    return response
  }
  const { rpcUrls, universalResolver } = session.connection
  const key = `oci-tag[${subject.tag}]`
  return readTextViaEns({ rpcUrl: rpcUrls[0], universalResolver, ensName: subject.ensName, key, respond })
}

function proven(subject: Subject, verified: VerifiedLookup, viaEns: string): Resolution {
  const [entry] = verified.entries
  const { list, hash } = verified.signed
  return {
    name: subject.ensName,
    tag: subject.tag,
    status: entry === undefined ? 'absent' : 'present',
    digest: entry?.digest ?? null,
    size: entry?.size ?? null,
    mediaType: entry?.mediaType ?? null,
    swarmReference: entry?.swarmReference ?? null,
    epoch: Number(list.epoch),
    version: Number(list.version),
    listHash: hash,
    viaEns,
    error: null,
  }
}

async function rememberAnswer(session: Session, verified: VerifiedLookup, response: Hex): Promise<void> {
  const { domain } = session.onChain
  const { signed, seen } = seenIn(domain, verified.request, response)
  await session.memory.remember(domain, signed, seen)
}
