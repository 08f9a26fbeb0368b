import { join } from 'node:path'
import { setImmediate, setTimeout } from 'node:timers/promises'
import type { Hex } from 'viem'
import { BeeError, type BeeFault } from '../bee/bee.ts'
import { createFetchBee } from '../bee/fetch-bee.ts'
import { createSwarmReader } from '../bee/swarm-reader.ts'
import { readCollectionLimits } from '../collection-config.ts'
import { ConfigError, type Flag, readText, readUrls, type Settings } from '../config.ts'
import { type FolderReseeded, reseedOffline } from '../offline.ts'
import { checkRoom, reseed, type SeedTarget, withoutDone } from '../reseed.ts'
import { openSwarmHash } from '../swarm/node-wasm.ts'
import { defaultStateDir } from './client/memory.ts'
import { openSession, parseSubject, type Subject, wantsJson } from './client/session.ts'
import { failureOf, type ReadingFailure, reportFailure } from './reading.ts'
import { findSeeds } from './storage-gateway-seeds.ts'
import { openJournal } from './storage-journal.ts'
import { exitCodes, type VerbContext } from './verb.ts'

/** What a reseed takes beside the flags of a quote and of reading commands. */
export const reseedFlags: readonly Flag[] = [
  { name: 'postage-batch', value: 'ID', help: 'reseed: the batch of that node that pays' },
  {
    name: 'data',
    value: 'DIR',
    help: 'reseed: take content from the folder of a stopped gateway (default: ask gateways)',
  },
  { name: 'gc-history-versions', value: 'N', help: "reseed: content of the name's last N lists too (default 10)" },
  { name: 'gc-history-days', value: 'N', help: 'reseed: and of lists that were current within N days (default 7)' },
]

/** `mooring storage reseed NAME`: stores all that a name needs under another batch, where it gets the same references. */
export async function runReseed(context: VerbContext): Promise<number> {
  const subject = parseSubject({ ...context, positionals: context.positionals.slice(1) }, 'NAME')
  const target = await readTarget(context)
  const dataDir = readText(context.settings, 'data')
  if (dataDir !== undefined && context.settings.has('gateway')) {
    throw new ConfigError('--data', dataDir, 'either --data or --gateway')
  }
  const named = { name: subject.ensName, postageBatchId: target.postageBatchId, bee: target.bee.beeUrl }
  try {
    const done = await (dataDir === undefined
      ? fromGateway(context, subject, target)
      : fromFolder(context, subject, target, dataDir))
    return report(context, named, done)
  } catch (error) {
    return reportFailure(context, { ok: false, ...named }, failureIn(error))
  }
}

async function readTarget({ settings, note }: VerbContext): Promise<SeedTarget> {
  const [beeUrl, ...others] = readUrls(settings, 'bee')
  if (beeUrl === undefined || others.length > 0) {
    throw new ConfigError('--bee', others.join(' ') || null, 'one URL: that of the node whose batch pays')
  }
  return {
    bee: createFetchBee({ beeUrl }),
    postageBatchId: readBatch(settings),
    hash: await openSwarmHash(),
    clock: () => BigInt(Math.floor(Date.now() / 1000)),
    pause: () => setImmediate(),
    wait: (seconds) => setTimeout(seconds * 1000),
    note,
  }
}

function readBatch(settings: Settings): Hex {
  const text = readText(settings, 'postage-batch') ?? null
  const digits = /^(?:0x)?([0-9a-fA-F]{64})$/.exec(text ?? '')?.[1]
  if (digits === undefined) throw new ConfigError('--postage-batch', text, 'a postage batch: 64 hex digits')
  return `0x${digits.toLowerCase()}`
}

/** No chain is asked: the list that was signed last under this name counts. */
function fromFolder(
  { settings }: VerbContext,
  { ensName }: Subject,
  target: SeedTarget,
  dataDir: string,
): Promise<FolderReseeded> {
  const reader = createSwarmReader([target.bee], target.hash)
  return reseedOffline(dataDir, ensName, target, { reader, limits: readCollectionLimits(settings) })
}

async function fromGateway(context: VerbContext, subject: Subject, target: SeedTarget): Promise<FolderReseeded> {
  const { settings, environment, note } = context
  const session = await openSession(context, subject)
  const { list, seeds } = await findSeeds(session, subject.repository, readCollectionLimits(settings), note)
  const folder = join(readText(settings, 'state') ?? defaultStateDir(environment), 'reseed')
  const journal = await openJournal(join(folder, `${target.postageBatchId.slice(2)}.txt`))
  try {
    await checkRoom(target, await withoutDone(seeds, journal))
    const { version } = list.signed.list
    const done = await reseed(target, seeds, journal)
    return { ...done, version: Number(version), listHash: list.signed.hash, payloadReference: null }
  } finally {
    await journal.close()
  }
}

const faultNames: Readonly<Record<BeeFault, string>> = {
  unavailable: 'NodeUnavailable',
  stalled: 'NodeUnavailable',
  syncing: 'NodeUnavailable',
  absent: 'NodeRefused',
  nonsense: 'NodeRefused',
  refused: 'NodeRefused',
  'batch full': 'BatchFull',
  'batch unusable': 'BatchUnusable',
}

/** @throws what is no failure of the node or of reading */
function failureIn(error: unknown): ReadingFailure {
  if (!(error instanceof BeeError)) return failureOf(error)
  return { error: faultNames[error.fault], message: error.message, code: exitCodes.failed }
}

function report(context: VerbContext, named: { name: string; postageBatchId: Hex }, done: FolderReseeded): number {
  const { version, stored, kept, bytes, missing, payloadReference } = done
  const ok = missing.length === 0
  const before = kept > 0 ? `, ${kept} were there from an earlier run` : ''
  const lines = [
    `${named.name}  version ${version}: ${stored} contents, ${bytes} bytes, stored with batch ${named.postageBatchId}${before}`,
    ...missing.map((digest) => `missing  ${digest}`),
    ...(payloadReference === null ? [] : [`list     mooring recover ${named.name} --list ${payloadReference}`]),
  ]
  context.print(wantsJson(context) ? JSON.stringify({ ok, ...named, ...done }) : lines.join('\n'))
  return ok ? exitCodes.done : exitCodes.failed
}
