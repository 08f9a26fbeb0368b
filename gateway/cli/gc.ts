import { collectionLimitFlags, readCollectionLimits } from '../collection-config.ts'
import type { Collection, Garbage } from '../collector.ts'
import { readSwitch } from '../config.ts'
import { collectOffline } from '../offline.ts'
import { wantsJson } from './client/session.ts'
import { dataFlag, parseDataFolder } from './data-folder.ts'
import { exitCodes, jsonFlag, type Verb } from './verb.ts'

/** `mooring gc` */
export const gc: Verb = {
  name: 'gc',
  usage: '[--data DIR] [flags]',
  summary: 'Free what no signed list of a gateway needs any more, while that gateway is stopped.',
  notes: [
    'Kept: what current lists name, with children, blobs and referrers; what the last lists named; running uploads; what was used lately.',
    'A running gateway does this by itself (mooring serve --gc-interval). It asks the chain, and lets expired lists of former owners go;',
    'this command asks nobody, and takes every list in the folder for a present one.',
  ],
  flags: [
    dataFlag,
    { name: 'dry-run', value: null, help: 'print what would go, and remove nothing' },
    ...collectionLimitFlags,
    jsonFlag,
  ],
  run: async (context) => {
    const folder = parseDataFolder(context)
    const dryRun = readSwitch(context.settings, 'dry-run')
    const collection = await collectOffline(folder, {
      dryRun,
      limits: readCollectionLimits(context.settings),
      log: (event, fields) => context.note(`${event}: ${Object.values(fields ?? {}).join(': ')}`),
    })
    const { removed, bytes, skipped } = collection
    const value = { ok: skipped.length === 0, removed, bytes, skipped, dryRun }
    context.print(wantsJson(context) ? JSON.stringify(value) : describe(collection, dryRun))
    return value.ok ? exitCodes.done : exitCodes.failed
  },
}

function describe({ removed, bytes, skipped }: Collection, dryRun: boolean): string {
  const verb = dryRun ? 'would free' : 'freed'
  const lines = removed.map(({ kind, repository, digest, bytes: size }: Garbage) => {
    return `  ${kind.padEnd(8)}  ${[repository, digest].filter(Boolean).join(' ')}  ${size} bytes`
  })
  const left = skipped.map(({ repository, reason }) => `  left whole: ${repository}: ${reason}`)
  return [...lines, ...left, `${verb} ${bytes} bytes; ${removed.length} items`].join('\n')
}
