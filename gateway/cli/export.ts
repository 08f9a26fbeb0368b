import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Hex } from 'viem'
import type { Bee } from '../bee/bee.ts'
import { type Flag, readText } from '../config.ts'
import type { Digest } from '../oci/digest.ts'
import { buildMantaray, type Mantaray } from '../swarm/mantaray.ts'
import { openSwarmHash } from '../swarm/node-wasm.ts'
import { layoutEntry, layoutFiles, layoutPath } from '../swarm/oci-layout.ts'
import { type BeeChoice, beeFlags, choosePostageBatch, expectReference, readBee, storeTree } from './bee-target.ts'
import { connectionFlags } from './client/connect.ts'
import { checkContent, type Expected, type TakeContent } from './client/content.ts'
import { firstThatHolds } from './client/read-list.ts'
import { resolveTag } from './client/resolve-tag.ts'
import { lookupFlags, openSession, parseSubject, type Session, type Subject, wantsJson } from './client/session.ts'
import { exportLookups, staticFlags } from './export-lookups.ts'
import { type LayoutFile, type LayoutFolder, openLayoutFolder } from './layout-folder.ts'
import { failureOf, reportFailure } from './reading.ts'
import { exitCodes, jsonFlag, type Verb, type VerbContext } from './verb.ts'

const flags: readonly Flag[] = [
  { name: 'to', value: 'DIR', help: 'an empty folder for the layout (default: NAME-TAG here; with --bee none)' },
]

/** A layout in a folder, and the tree over it. */
type Layout = { digest: Digest; files: readonly (LayoutFile & { mediaType?: string })[]; tree: Mantaray }

/** `mooring export NAME[:TAG]` */
export const exportLayout: Verb = {
  name: 'export',
  usage: 'NAME[:TAG] [--to DIR] [--bee URL [--postage-batch ID]] [flags], or NAME --ccip DIR [flags]',
  summary: 'Write a release as an OCI image layout, or the answers to wallets as a static gateway.',
  notes: [
    'Everything is checked as by mooring verify before it is written; skopeo and oras read the folder (oci:DIR:TAG).',
    'Without TAG: latest. Exit code 3: proven absent, 4: something is refused or missing; then no layout is left.',
    'With --ccip nothing of a release is written: every lookup answer of the current list, for a host without a program.',
  ],
  flags: [...flags, ...beeFlags, ...staticFlags, ...connectionFlags, ...lookupFlags, jsonFlag],
  run: async (context) => {
    if (context.settings.has('ccip')) return exportLookups(context)
    const subject = parseSubject(context, 'NAME[:TAG]')
    const bee = readBee(context.settings)
    const folder = readText(context.settings, 'to')
    try {
      return await exportTo(context, subject, folder ?? (bee ? null : `${subject.ensName}-${subject.tag}`), bee)
    } catch (error) {
      return reportFailure(context, { ok: false, name: subject.ensName, tag: subject.tag }, failureOf(error))
    }
  },
}

async function exportTo(
  context: VerbContext,
  subject: Subject,
  wanted: string | null,
  target: BeeChoice | null,
): Promise<number> {
  const { ensName: name, tag } = subject
  const session = await openSession(context, subject)
  const { resolution, message } = await resolveTag(session, subject)
  if (resolution.error !== null) {
    const failure = { error: resolution.error, message: message ?? '', code: exitCodes.unverified }
    return reportFailure(context, { ok: false, name, tag }, failure)
  }
  if (resolution.digest === null) {
    context.print(
      wantsJson(context) ? JSON.stringify({ ok: false, name, tag, digest: null }) : `${name}:${tag}  absent`,
    )
    return exitCodes.absent
  }
  // Before bytes move: a batch that cannot pay is said now.
  const postageBatchId = target && (await choosePostageBatch(target))
  const folder = wanted ?? (await mkdtemp(join(tmpdir(), 'mooring-export-')))
  try {
    const written = await openLayoutFolder(folder, await openSwarmHash())
    const layout = await writeLayout(session, subject, rootOf(resolution), written)
    if (target && postageBatchId) await storeLayout(context, target.bee, postageBatchId, layout, written)
    report(context, subject, layout, wanted, target?.bee.beeUrl)
    return exitCodes.done
  } finally {
    if (wanted === null) await rm(folder, { recursive: true })
  }
}

function rootOf({
  digest,
  size,
  mediaType,
  swarmReference,
}: Awaited<ReturnType<typeof resolveTag>>['resolution']): Expected {
  const reference = swarmReference === null ? {} : { swarmReference: swarmReference as Hex }
  return { digest: digest as Digest, size: size ?? 0, mediaType: mediaType ?? '', ...reference }
}

/** Marker and index come last: without them a folder is no layout. */
async function writeLayout(session: Session, { repository, tag }: Subject, root: Expected, folder: LayoutFolder) {
  const files = new Map<string, Layout['files'][number]>()
  await firstThatHolds(session, async (gateway) => {
    const write: TakeContent = async ({ digest, mediaType }, open) => {
      const path = layoutPath(digest)
      if (!files.has(path)) files.set(path, { ...(await folder.write(path, open())), mediaType })
    }
    const checks = checkContent(`${gateway}/v2/${repository}`, root, write, session.onChain.reach)
    for await (const _check of checks);
  })
  const { digest, size, mediaType } = root
  for (const { path, bytes } of layoutFiles([{ digest, size, mediaType, tag }])) {
    files.set(path, await folder.write(path, [bytes]))
  }
  const inOrder = [...files.values()]
  const entries = inOrder.map(({ path, swarmReference, mediaType }) => layoutEntry(path, swarmReference, mediaType))
  return { digest, files: inOrder, tree: buildMantaray(entries, await openSwarmHash()) }
}

async function storeLayout(
  context: VerbContext,
  bee: Bee,
  postageBatchId: Hex,
  { files, tree }: Layout,
  folder: LayoutFolder,
): Promise<void> {
  for (const { path, size, swarmReference } of files) {
    expectReference(bee, path, swarmReference, await bee.writeBytes(folder.read(path), size, { postageBatchId }))
    context.note(`stored ${path}, ${size} bytes`)
  }
  await storeTree({ bee, postageBatchId }, tree)
}

function report(context: VerbContext, subject: Subject, layout: Layout, to: string | null, beeUrl?: string): void {
  const { digest, files, tree } = layout
  const bytes = files.reduce((sum, { size }) => sum + size, 0)
  const swarmReference = tree.swarmReference
  const browse = beeUrl === undefined ? null : `${beeUrl}/bzz/${swarmReference.slice(2)}/`
  const { ensName: name, tag } = subject
  const value = { ok: true, name, tag, digest, to, files: files.length, bytes, swarmReference, browse }
  const lines = [
    `${name}:${tag}  ${digest}`,
    ...(to === null ? [] : [`folder     ${to}: ${files.length} files, ${bytes} bytes`]),
    `reference  ${swarmReference}${browse === null ? '' : `, at ${browse}`}`,
  ]
  context.print(wantsJson(context) ? JSON.stringify(value) : lines.join('\n'))
}
