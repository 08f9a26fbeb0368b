import type { Hex } from 'viem'
import type { Bee } from '../bee/bee.ts'
import { createFetchBee } from '../bee/fetch-bee.ts'
import { ConfigError, type Flag, readText, readUrls, type Settings } from '../config.ts'
import { createPostage } from '../postage.ts'
import type { Mantaray } from '../swarm/mantaray.ts'

/** Where an export goes on Swarm, and the batch that pays where one is named. */
export type BeeChoice = { bee: Bee; postageBatchId: Hex | undefined }

/** What every export to Swarm takes. */
export const beeFlags: readonly Flag[] = [
  { name: 'bee', value: 'URL', help: 'a Bee node that stores what is exported, for /bzz/<reference>/ of any node' },
  {
    name: 'postage-batch',
    value: 'ID',
    help: 'the batch that pays for it (default: the one of the node that lasts longest)',
  },
]

/** `--bee` and `--postage-batch`; null for none. @throws ConfigError */
export function readBee(settings: Settings): BeeChoice | null {
  const [beeUrl, ...others] = readUrls(settings, 'bee')
  const postageBatchId = readText(settings, 'postage-batch')
    ?.toLowerCase()
    .replace(/^(?:0x)?/, '0x')
  if (others.length > 0) throw new ConfigError('--bee', others.join(' '), 'one URL')
  if (postageBatchId !== undefined && !/^0x[0-9a-f]{64}$/.test(postageBatchId)) {
    throw new ConfigError('--postage-batch', postageBatchId, '64 hex digits')
  }
  if (beeUrl !== undefined) return { bee: createFetchBee({ beeUrl }), postageBatchId: postageBatchId as Hex }
  if (postageBatchId !== undefined) throw new ConfigError('--postage-batch', postageBatchId, '--bee URL with it')
  return null
}

/** Before bytes move: a batch that cannot pay is said now. */
export function choosePostageBatch({ bee, postageBatchId }: BeeChoice): Promise<Hex> {
  const clock = () => BigInt(Math.floor(Date.now() / 1000))
  return createPostage([bee], postageBatchId ?? null, clock).choose(bee)
}

/** Stores the nodes of a tree, children first; what they name is there already. @throws as `expectReference` */
export async function storeTree(target: { bee: Bee; postageBatchId: Hex }, tree: Mantaray): Promise<void> {
  const { bee, postageBatchId } = target
  for (const { swarmReference, bytes } of tree.nodes) {
    expectReference(bee, 'the tree', swarmReference, await bee.writeBytes(bytes, bytes.byteLength, { postageBatchId }))
  }
}

/** @throws Error when a node stored something else than it was given, or added redundancy by itself */
export function expectReference({ beeUrl }: Bee, what: string, computed: Hex, answered: Hex): void {
  if (computed === answered) return
  throw new Error(
    `${beeUrl} stores ${what} as ${answered}, its reference is ${computed}: the node adds redundancy, or lies`,
  )
}
