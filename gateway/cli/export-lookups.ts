import type { Address, Hex } from 'viem'
import { ConfigError, type Flag, readText, type Settings } from '../config.ts'
import { buildMantaray } from '../swarm/mantaray.ts'
import { openSwarmHash } from '../swarm/node-wasm.ts'
import { isTag } from '../tags/entry.ts'
import { type BeeChoice, choosePostageBatch, expectReference, readBee, storeTree } from './bee-target.ts'
import { readWholeList, type WholeList } from './client/read-list.ts'
import { openSession, parseSubject, type Session, type Subject, wantsJson } from './client/session.ts'
import { answerStatically, type StaticAnswers } from './client/static-answers.ts'
import { failureOf, reportFailure } from './reading.ts'
import { STATIC_MARKER, type StaticMarker, writeStaticFolder } from './static-folder.ts'
import { exitCodes, type VerbContext } from './verb.ts'

/** What `mooring export --ccip` takes besides. */
export const staticFlags: readonly Flag[] = [
  {
    name: 'ccip',
    value: 'DIR',
    help: 'write the lookup answers of the current list as a static gateway into this folder',
  },
  {
    name: 'absent',
    value: 'TAG',
    repeatable: true,
    help: 'with --ccip: answer for this tag too, which the list does not have (latest always)',
  },
  {
    name: 'sender',
    value: 'ADDRESS',
    repeatable: true,
    help: 'with --ccip: a contract that clients send as {sender}, besides the resolver and the Universal Resolver',
  },
]

/** Lines that hosts with `_redirects` take, as wrangler 4.86 has it (Cloudflare Workers and Pages). */
const MAX_TABLE_LINES = 2_000
/** What file systems take for one component of a path. No path of the GET template is shorter. */
const MAX_FILE_NAME_BYTES = 255

/** `mooring export NAME --ccip DIR`: a static gateway, which answers lookups and nothing else. */
export async function exportLookups(context: VerbContext): Promise<number> {
  const { settings } = context
  const subject = parseSubject(context, 'NAME')
  const folder = readText(settings, 'ccip') as string
  if (settings.has('to'))
    throw new ConfigError('--to', readText(settings, 'to') ?? null, 'nothing with --ccip: that has its folder')
  const tags = readTags(settings)
  const senders = readSenders(settings)
  const target = readBee(settings)
  try {
    const session = await openSession(context, subject)
    const list = await readWholeList(session, subject.repository)
    const { domain } = session.onChain
    const asking = [domain.resolver, session.connection.universalResolver, ...senders]
    const answers = await answerStatically(list, { domain, tags, senders: [...new Set(asking.map(lowerCase))] })
    const marker = markerOf(session, list)
    await writeStaticFolder(folder, answers, marker)
    const swarmReference = target && (await storeAnswers(target, answers, marker))
    for (const warning of await warningsAbout(session, answers)) context.note(`warning: ${warning}`)
    report(context, subject, { folder, answers, marker, swarmReference, target })
    return exitCodes.done
  } catch (error) {
    return reportFailure(context, { ok: false, name: subject.ensName }, failureOf(error))
  }
}

function lowerCase(address: Address): Address {
  return address.toLowerCase() as Address
}

function readTags(settings: Settings): string[] {
  const tags = (settings.get('absent') ?? []).map(({ from, text }) => {
    if (isTag(text)) return text
    throw new ConfigError(from, text, 'a tag')
  })
  return ['latest', ...tags]
}

function readSenders(settings: Settings): Address[] {
  return (settings.get('sender') ?? []).map(({ from, text }) => {
    if (/^0x[0-9a-fA-F]{40}$/.test(text)) return text as Address
    throw new ConfigError(from, text, 'an address: 0x and 40 hex digits')
  })
}

function markerOf({ onChain }: Session, { signed }: WholeList): StaticMarker {
  const { list, hash } = signed
  const { chainId, resolver } = onChain.domain
  const numbers = { epoch: Number(list.epoch), version: Number(list.version) }
  return {
    gateway: 'static',
    name: list.name,
    chainId,
    resolver,
    ...numbers,
    listHash: hash,
    expiresAt: Number(list.expiresAt),
  }
}

/** On Swarm the paths are the template's own, however long: a tree of them has no file names. */
async function storeAnswers(target: BeeChoice, { bodies, paths }: StaticAnswers, marker: StaticMarker): Promise<Hex> {
  const postageBatchId = await choosePostageBatch(target)
  const { bee } = target
  const hash = await openSwarmHash()
  const store = async (what: string, text: string): Promise<Hex> => {
    const bytes = new TextEncoder().encode(text)
    const hasher = hash.createHasher()
    hasher.update(bytes)
    const computed = hasher.digest()
    expectReference(bee, what, computed, await bee.writeBytes(bytes, bytes.byteLength, { postageBatchId }))
    return computed
  }
  const references = new Map<string, Hex>()
  for (const [file, body] of bodies) references.set(file, await store(file, body))
  const metadata = { 'Content-Type': 'application/json' }
  const entries = [...paths].map(([path, file]) => ({ path, swarmReference: references.get(file) as Hex, metadata }))
  const markerEntry = {
    path: STATIC_MARKER,
    swarmReference: await store(STATIC_MARKER, JSON.stringify(marker)),
    metadata,
  }
  const tree = buildMantaray([...entries, markerEntry], hash)
  await storeTree({ bee, postageBatchId }, tree)
  return tree.swarmReference
}

async function warningsAbout({ onChain }: Session, { paths }: StaticAnswers): Promise<string[]> {
  const { timestamper, maxAgeSeconds } = (await onChain.readAuthority()).policy
  const warnings: string[] = []
  if (paths.size > MAX_TABLE_LINES) {
    warnings.push(
      `_redirects has ${paths.size} lines, and Cloudflare takes ${MAX_TABLE_LINES}: put the answers under their paths instead`,
    )
  }
  if (timestamper !== null) {
    warnings.push(
      `the policy wants a timestamp of at most ${maxAgeSeconds} s: these answers end then, export again before`,
    )
  }
  return warnings
}

type Written = {
  folder: string
  answers: StaticAnswers
  marker: StaticMarker
  swarmReference: Hex | null
  target: BeeChoice | null
}

function report(
  context: VerbContext,
  subject: Subject,
  { folder, answers, marker, swarmReference, target }: Written,
): void {
  const { version, listHash, expiresAt } = marker
  const { bodies, paths } = answers
  const longest = [...paths.keys()].reduce((most, path) => Math.max(most, path.length - path.lastIndexOf('/') - 1), 0)
  const gateway = swarmReference && target ? `${target.bee.beeUrl}/bzz/${swarmReference.slice(2)}` : null
  const value = {
    ...{ ok: true, name: subject.ensName, version, listHash, expiresAt, to: folder },
    ...{ answers: bodies.size, paths: paths.size, longestComponent: longest, swarmReference, gateway },
  }
  const lines = [
    `${subject.ensName}  version ${version}, good until ${new Date(expiresAt * 1000).toISOString()}: export again after each publish`,
    `folder     ${folder}: ${bodies.size} answers for ${paths.size} paths`,
    `paths      up to ${longest} characters in one component, over the ${MAX_FILE_NAME_BYTES} of a file name: _redirects maps them`,
    ...(gateway === null ? [] : [`swarm      ${gateway}, under the paths themselves`]),
  ]
  context.print(wantsJson(context) ? JSON.stringify(value) : lines.join('\n'))
}
