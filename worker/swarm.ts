import { createSwarmReader } from '../gateway/bee/swarm-reader.ts'
import type { Config } from '../gateway/config.ts'
import type { Deps, SwarmSide } from '../gateway/deps.ts'
import { openBees, uploadsTo } from '../gateway/serve-bees.ts'
import type { ContentStore } from '../gateway/store/content-store.ts'
import { openHash } from '../gateway/store/r2-hash.ts'
import type { Sql } from '../gateway/store/sql.ts'
import { createSqlAnnouncements } from '../gateway/store/sql-swarm-announcements.ts'
import { createSqlSwarmLedger } from '../gateway/store/sql-swarm-ledger.ts'
import { createSwarmContent } from '../gateway/store/swarm-content.ts'
import { hashWhileStoring } from '../gateway/store/swarm-ingest.ts'
import type { AnnouncerDeps } from '../gateway/swarm-announce-step.ts'
import { createIntake } from '../gateway/swarm-queue.ts'
import { createUploader, type UploadDeps } from '../gateway/swarm-upload.ts'
import { openSwarmHash } from './swarm-hash.ts'

/** What puts content, and lists, on Swarm. */
export type WorkerUploads = UploadDeps & Pick<AnnouncerDeps, 'announcements' | 'reader'>

/** The Swarm side of a Worker. `content`: read from Swarm where it is not here; `uploads`: null where nothing pays for them. */
export type WorkerSwarm = { content: ContentStore; swarm: SwarmSide; uploads: WorkerUploads | null }

/** How far the announcing of a list is, as the object of its repository says. */
export type ReadTask = (ensName: string) => Promise<{ error: string | null; needsPerson: boolean }>

/**
 * Nodes alone are read from, since they may be somebody else's; with a postage batch content is queued for them before a push is
 * acknowledged, or with `sync` uploaded. @throws ConfigError
 */
export async function openSwarm(
  config: Config,
  sql: Sql,
  own: Pick<Deps, 'clock' | 'log' | 'pause'> & { local: ContentStore; readTask: ReadTask },
): Promise<WorkerSwarm> {
  const { local, clock, log, pause, readTask } = own
  const ledger = createSqlSwarmLedger(sql)
  const hash = await openSwarmHash()
  const noteNothing = async () => undefined
  const reading = { hash, ledger, local, noteStored: noteNothing, postage: null }
  const bees = openBees(config)
  if (bees.length === 0) return { content: local, swarm: reading, uploads: null }
  const reader = createSwarmReader(bees, hash)
  const content = createSwarmContent(local, { reader, ledger, clock, noteKept: noteNothing, sharesReading: false })
  const paid = config.swarm?.postageBatchId == null ? null : uploadsTo(bees, config, clock)
  if (!paid) return { content, swarm: reading, uploads: null }
  const announcements = createSqlAnnouncements(sql)
  const base = { content: local, ledger, hash, openDigester: openHash, pause, clock, log }
  const uploads = { ...base, ...paid, announcements, reader }
  const noteStored = createIntake({ ledger }, paid, createUploader(uploads))
  const describe: NonNullable<SwarmSide['announcer']>['describe'] = async ({ ensName }) => {
    const [announcement, task] = await Promise.all([announcements.find(ensName, null), readTask(ensName)])
    return { announcement, feedOwner: null, ...task }
  }
  return {
    content: paid.sync ? hashWhileStoring(content, { hash, pause, ledger }) : content,
    swarm: { ...reading, noteStored, postage: paid.postage, announcer: { describe } },
    uploads,
  }
}
