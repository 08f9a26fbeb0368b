import { type Hex, toHex } from 'viem'
import { createFetchBee } from '../bee/fetch-bee.ts'
import { readContentIndex, readWhole, type SwarmSource } from '../bee/read-whole.ts'
import { createSwarmReader, SwarmUnavailable } from '../bee/swarm-reader.ts'
import { ConfigError, type Flag, readSwitch, readText, readUrls, type Settings } from '../config.ts'
import { restoreOffline } from '../offline.ts'
import type { ContentPlace, FoundRepository, Recovery } from '../recovery.ts'
import { MAX_INDEX_ROOT_BYTES } from '../swarm/content-index.ts'
import { decodeFeedPayload } from '../swarm/feed.ts'
import { openSwarmHash } from '../swarm/node-wasm.ts'
import { hashSignatures } from '../swarm-announce.ts'
import { decodeTagEntry, decodeTagKey } from '../tags/entry.ts'
import { connectionFlags } from './client/connect.ts'
import { openSession, parseSubject, type Session, wantsJson } from './client/session.ts'
import { findListOnSwarm, type ListOnSwarm, readListOnSwarm, readOlderLists } from './client/swarm-list.ts'
import { dataFlag } from './data-folder.ts'
import { failureOf, type ReadingFailure, reportFailure } from './reading.ts'
import { exitCodes, jsonFlag, type Verb, type VerbContext } from './verb.ts'

const flags: readonly Flag[] = [
  { name: 'bee', value: 'URL', repeatable: true, help: 'a Bee node to read from; several are asked in turn' },
  {
    name: 'list',
    value: 'REFERENCE',
    help: 'the payload reference that status and the log show, where there is no feed',
  },
  { name: 'on-demand', value: null, help: 'leave blobs on Swarm until somebody pulls them (mooring serve --bee)' },
]

/** `mooring recover NAME` */
export const recover: Verb = {
  name: 'recover',
  usage: 'NAME --bee URL [--data DIR] [--list REFERENCE] [flags]',
  summary: "Rebuild a gateway's data folder from the chain and Swarm alone.",
  notes: [
    "The publishers' feeds, or that of the address in the text record oci-feed, lead to the signed list and the content index. The list is",
    'checked against the chain, everything else by its digest; nothing is believed because of where it was found.',
    'Exit code 0: everything is there, 1: something is missing (run it again), 4: no list holds. A newer list in the folder is kept.',
  ],
  flags: [dataFlag, ...flags, ...connectionFlags, jsonFlag],
  run: async (context) => {
    const subject = parseSubject(context, 'NAME')
    const list = readReference(context.settings)
    const source = await openSource(context.settings)
    try {
      const session = await openSession(context, subject)
      const found = await (list
        ? readListOnSwarm(session, source, list)
        : findListOnSwarm(session, source, context.note))
      const recovery = await restore(context, session, source, found)
      return report(context, subject.ensName, found, recovery)
    } catch (error) {
      return reportFailure(context, { ok: false, name: subject.ensName }, failureIn(error))
    }
  },
}

function readReference(settings: Settings): Hex | undefined {
  const text = readText(settings, 'list')
  if (text === undefined) return undefined
  const reference = text.toLowerCase().replace(/^(?:0x)?/, '0x')
  if (/^0x[0-9a-f]{64}$/.test(reference)) return reference as Hex
  throw new ConfigError('--list', text, 'a Swarm reference of 64 hex digits')
}

async function openSource(settings: Settings): Promise<SwarmSource> {
  const bees = readUrls(settings, 'bee').map((beeUrl) => createFetchBee({ beeUrl }))
  if (bees.length === 0) throw new ConfigError('--bee', null, 'the URL of a Bee node')
  const hash = await openSwarmHash()
  return { bees, hash, reader: createSwarmReader(bees, hash) }
}

async function restore(
  { settings, note }: VerbContext,
  session: Session,
  source: SwarmSource,
  found: ListOnSwarm,
): Promise<Recovery & { lostShards: number }> {
  const { onChain, memory } = session
  const { signed, slots, indexReference } = found
  const { chainId, resolver, ensName, owner, epoch } = await onChain.readAuthority()
  if (owner === null) throw new Error(`${ensName} has no owner`)
  const places: ContentPlace[] = []
  let lostShards = 0
  const onLost = (line: string) => {
    lostShards += 1
    note(line)
  }
  if (indexReference !== null) {
    for await (const rows of readContentIndex(source, indexReference, onLost)) places.push(...rows)
  }
  const from = { reader: source.reader, onDemand: readSwitch(settings, 'on-demand'), note }
  const line = { chainId, resolver, ensName, owner, epoch }
  const dataDir = readText(settings, 'data') ?? './mooring-data'
  const older = await readOlderLists(session, source, found, note)
  const announcement = await announcementIn(source, ensName, found, places.length)
  const recovery = await restoreOffline(dataDir, from, { line, signed, slots, older, places, announcement })
  const { version } = signed.list
  const entries = slots.slice(1).map(({ key, value }) => [decodeTagKey(key), decodeTagEntry(value, version)] as const)
  await memory.remember(onChain.domain, signed, { tags: 'all', entries: new Map(entries) })
  return { ...recovery, lostShards }
}

/** What a gateway over the folder is to know of the feed that led here, so that its next update follows this one. */
async function announcementIn(
  source: SwarmSource,
  ensName: string,
  { signed, update }: ListOnSwarm,
  indexRows: number,
): Promise<FoundRepository['announcement']> {
  if (!update) return null
  const { owner, position, payload } = update
  const pointed = decodeFeedPayload(payload)
  const indexRoot = toHex(await readWhole(source, pointed.indexReference, MAX_INDEX_ROOT_BYTES))
  const hasher = source.hash.createHasher()
  hasher.update(payload)
  return {
    ...pointed,
    ...{ ensName, feedOwner: owner, feedEnd: position, position, payloadReference: hasher.digest(), isVerified: true },
    ...{ signaturesHash: hashSignatures(signed), indexRoot, indexRows, postageBatchId: null },
  }
}

/** What Swarm does not have is "anything else": 1. @throws what is no failure of a reading command */
function failureIn(error: unknown): ReadingFailure {
  if (!(error instanceof SwarmUnavailable)) return failureOf(error)
  return { error: error.name, message: error.message, code: exitCodes.failed }
}

function report(
  context: VerbContext,
  name: string,
  { signed, from }: ListOnSwarm,
  recovery: Recovery & { lostShards: number },
): number {
  const { tags, manifests, blobs, missing, lostShards } = recovery
  const ok = missing.length === 0 && lostShards === 0
  const version = Number(signed.list.version)
  const value = { ok, name, version, tags, manifests, blobs, listHash: signed.hash, from, missing }
  const lines = [
    `${name}  version ${version}, found by ${from}`,
    `${tags} tags, ${manifests} manifests, ${blobs} blobs`,
    ...(lostShards > 0 ? [`${lostShards} shards of the content index cannot be had: there may be more`] : []),
    ...missing.map((digest) => `missing  ${digest}`),
  ]
  context.print(wantsJson(context) ? JSON.stringify(value) : lines.join('\n'))
  return ok ? exitCodes.done : exitCodes.failed
}
