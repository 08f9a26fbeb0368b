import type { Hex } from 'viem'
import type { Deps } from '../deps.ts'
import { type LookupRequest, parseLookup, prepareResponse } from '../ens/lookup.ts'
import { unavailable } from '../errors.ts'
import { keptFor } from '../kept.ts'
import { OciError } from '../oci/error.ts'
import { rawPathOf } from '../oci/path.ts'
import { parseStrictJson } from '../oci/strict-json.ts'
import type { ListLine } from '../store/tag-list-store.ts'
import type { NameAuthority } from '../tags/authority.ts'
import { encodeTagKey } from '../tags/entry.ts'
import type { SignedList } from '../tags/list.ts'
import { Refusal } from '../tags/refusal.ts'
import type { Proof } from '../tags/tree.ts'
import { emptyAnswer } from './answer.ts'
import { type AnswerCache, createAnswerCache } from './answer-cache.ts'
import { readBody } from './body.ts'
import type { Route, RouteContext } from './route.ts'
import { isSameList, readStanding, type StandingList } from './standing-list.ts'

// ERC-3668 and protocol 4. The gateway never signs: it hands out what the publisher signed, with proofs. Errors are thrown; errors.ts
// gives them their `{"message"}` bodies.

/** `GET /ccip/{chainId}/{resolver}/{sender}/{data}.json`: `{sender}` may be any contract on the client's way and is not trusted. */
export const getLookup: Route = async (context) => {
  const [chainId, resolver, sender, file = ''] = segmentsOf(context)
  checkServed(context.deps, chainId, resolver, sender)
  if (!file.endsWith('.json')) throw badCallData('the path does not end in {data}.json')
  return answerLookup(context.deps, file.slice(0, -'.json'.length), rawPathOf(context.request.url))
}

/** `POST /ccip/{chainId}/{resolver}/{sender}` with `{"data","sender"}`; the body's sender is not trusted either. */
export const postLookup: Route = async (context) => {
  const [chainId, resolver, sender] = segmentsOf(context)
  checkServed(context.deps, chainId, resolver, sender)
  const callData = await readCallData(context)
  return answerLookup(context.deps, callData, callData)
}

const crossOrigin = { 'access-control-allow-origin': '*' } as const
const oneDaySeconds = 86_400

/** The preflight that browsers send before a POST. */
export const optionsLookup: Route = async () => {
  return emptyAnswer(204, {
    ...crossOrigin,
    'access-control-allow-methods': 'GET, POST, OPTIONS',
    'access-control-allow-headers': 'Content-Type',
    'access-control-max-age': String(oneDaySeconds),
  })
}

/** The path's segments behind `/ccip/`; nothing there ever needs percent-encoding. */
function segmentsOf({ request }: RouteContext): string[] {
  return rawPathOf(request.url).split('/').slice(2)
}

const addressPattern = /^0x[0-9a-fA-F]{40}$/

function checkServed(deps: Deps, chainId: string | undefined, resolver = '', sender = ''): void {
  const { domain } = deps.chain
  if (chainId !== String(domain.chainId) || resolver.toLowerCase() !== domain.resolver) {
    const served = `chain ${domain.chainId}, resolver ${domain.resolver}`
    throw new OciError('NAME_UNKNOWN', `chain and resolver in the path are not served here, only ${served}`)
  }
  if (!addressPattern.test(sender)) throw new OciError('UNSUPPORTED', 'sender is not an address', { status: 400 })
}

/** JSON around the hex of callData, with room for white space. */
const jsonOverheadBytes = 4096

async function readCallData({ deps, request }: RouteContext): Promise<string> {
  const body = await readBody(request, 2 * deps.limits.maxCallDataBytes + jsonOverheadBytes).catch(() => {
    throw badCallData(`the body is longer than ${deps.limits.maxCallDataBytes} bytes of callData need`)
  })
  const value = parseStrictJson(body, { maxDepth: 1 })
  const { data } = (typeof value === 'object' && value !== null ? value : {}) as { data?: unknown }
  if (typeof data !== 'string') throw badCallData('the body is not {"data","sender"} with callData in hex')
  return data
}

function badCallData(message: string): Refusal {
  return new Refusal('BadResponse', `callData: ${message}`)
}

/** One answer, ready to send, and what it was made from. */
type LookupAnswer = { line: ListLine; standing: StandingList; body: string }
type LookupCache = AnswerCache<LookupAnswer>

const maxCachedChars = 48 * 1024 * 1024

/** One cache per app, since answers belong to its stores and its chain. */
const cacheOf = keptFor(({ limits }: Deps) => createAnswerCache<LookupAnswer>(limits.maxCachedLookups, maxCachedChars))

/** A publish is visible at once: a copy is never used without asking. */
const answerHeaders = { 'content-type': 'application/json', 'cache-control': 'no-cache', ...crossOrigin }

/**
 * The answer to a request target that was answered before, if it still holds: most lookups are repeated, and this one look at the cache
 * spares them the router. Undefined for everything else, and for what the route should explain.
 */
export async function answerKnownLookup(deps: Deps, requestTarget: string): Promise<Response | undefined> {
  const known = cacheOf(deps).get(requestTarget)
  if (!known) return undefined
  const body = await bodyOfKnown(deps, known).catch(() => undefined)
  return body === undefined ? undefined : answerOf(body)
}

/** `key` is what the answer is remembered by: the path of a GET, the callData of a POST. */
async function answerLookup(deps: Deps, callData: string, key: string): Promise<Response> {
  const cache = cacheOf(deps)
  const known = cache.get(key)
  return answerOf((known && (await bodyOfKnown(deps, known))) ?? (await makeAnswer(deps, cache, callData, key)))
}

function answerOf(body: string): Response {
  return new Response(body, { headers: { ...answerHeaders, 'content-length': String(body.length) } })
}

/**
 * A known answer's body if nothing under it moved: the chain's word (at most 15 s old), the head in the store (asked each time: whether
 * it may be remembered is the store's to know), and time.
 */
async function bodyOfKnown(deps: Deps, answer: LookupAnswer): Promise<string | undefined> {
  const { line, standing } = answer
  const authority = await deps.chain.readAuthority(line.ensName)
  const head = await deps.lists.findHead(line)
  if (!head || !isLineOf(line, authority)) return undefined
  const now = await readStanding(deps, authority, head)
  if (now !== standing && !isSameList(now.sent, standing.sent)) return undefined
  answer.standing = now
  return answer.body
}

async function makeAnswer(deps: Deps, cache: LookupCache, text: string, key: string): Promise<string> {
  const { maxCallDataBytes } = deps.limits
  if (text.length > 2 + 2 * maxCallDataBytes) throw badCallData(`longer than ${maxCallDataBytes} bytes`)
  const { line, standing, proofs } = await proveLookup(deps, text.toLowerCase() as Hex)
  const body = encodeBody(standing.sent, proofs)
  cache.set(key, { line, standing, body })
  return body
}

/** What an answer is made of: the list that stands, and one proof for each oci-tag call, in call order. */
export type ProvenLookup = { line: ListLine; standing: StandingList; proofs: readonly Proof[] }

/** Answers callData (lower-case hex) apart from HTTP and encoding. @throws Refusal, OciError 503 without a list, ChainUnavailable */
export async function proveLookup(deps: Deps, callData: Hex): Promise<ProvenLookup> {
  const request = parseLookup(callData)
  const authority = await deps.chain.readAuthority(request.ensName)
  const line = lineOf(authority)
  const found = await deps.lists.prove(line, keysOf(request))
  if (!found) throw unavailable(`no list of ${request.ensName} is here`)
  return { line, standing: await readStanding(deps, authority, found.head), proofs: found.proofs }
}

function keysOf({ records }: LookupRequest): Hex[] {
  return records.flatMap((record) => (record.kind === 'tag' ? [encodeTagKey(record.tag)] : []))
}

/** @throws Refusal when the name has no owner or another resolver */
function lineOf({ chainId, resolver, ensName, owner, epoch, reachable }: NameAuthority): ListLine {
  if (!reachable) throw new Refusal('UnreachableName', `the resolver of ${ensName} is not ${resolver}`)
  if (!owner) throw new Refusal('NoOwner', `${ensName} has no owner`)
  return { chainId, resolver, ensName, owner, epoch }
}

function isLineOf(line: ListLine, { owner, epoch, reachable }: NameAuthority): boolean {
  return reachable && owner === line.owner && epoch === line.epoch
}

const maxResponseBytes = 128 * 1024

/** ASCII, so its length is its bytes; a string, because Node writes that in one piece with the headers. */
function encodeBody(sent: SignedList, proofs: readonly Proof[]): string {
  const data = prepareResponse(sent)(proofs)
  if (data.length > 2 + 2 * maxResponseBytes) throw unavailable(`the answer is longer than ${maxResponseBytes} bytes`)
  return flat(`{"data":"${data}"}`)
}

/** The same text in one piece of memory: built from hundreds of parts, it would be put together again for every client. */
function flat(text: string): string {
  return new TextDecoder().decode(new TextEncoder().encode(text))
}
