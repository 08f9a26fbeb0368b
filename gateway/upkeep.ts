import { ChainUnavailable } from './chain/chain-reader.ts'
import { collectGarbage, expireUploads } from './collector.ts'
import type { Deps } from './deps.ts'
import { expireStaged } from './staging.ts'
import type { ListLine } from './store/tag-list-store.ts'

/** What expires is looked for this often, whether garbage is collected or not. */
const expiryIntervalMs = 10 * 60 * 1000

/** Work that a gateway does beside its requests. */
export type Upkeep = {
  /** Begins nothing more, and resolves when what is under way has come to a stop. */
  stop(): Promise<void>
}

/**
 * Ends uploads, staged changes and logins that expired, now and every ten minutes, and collects garbage every `intervalSeconds`; null: never. A round that fails
 * is logged, and the next one tries again.
 */
export function startUpkeep(deps: Deps, intervalSeconds: number | null): Upkeep {
  const stopping = new AbortController()
  let underWay: Promise<void> = Promise.resolve()
  const every = (intervalMs: number, what: string, work: () => Promise<unknown>): NodeJS.Timeout => {
    const round = () => {
      underWay = underWay.then(async () => {
        if (stopping.signal.aborted) return
        await work().catch((error: unknown) => {
          if (!stopping.signal.aborted) deps.log(`${what} failed`, { error: String(error) })
        })
      })
    }
    if (intervalMs === expiryIntervalMs) round()
    return setInterval(round, intervalMs).unref()
  }
  const timers = [
    every(expiryIntervalMs, 'expiring uploads', () => expireUploads(deps)),
    every(expiryIntervalMs, 'expiring staged tags', () => expireStaged(deps)),
  ]
  if (deps.logins) timers.push(every(expiryIntervalMs, 'forgetting old logins', deps.logins.removeExpired))
  if (intervalSeconds !== null) {
    timers.push(every(intervalSeconds * 1000, 'collecting garbage', () => collectOnce(deps, stopping.signal)))
  }
  return {
    async stop() {
      stopping.abort()
      for (const timer of timers) clearInterval(timer)
      await underWay
    },
  }
}

/** One collection, asking the chain whose lists are a name's present ones. `signal` ends it between two steps. */
export async function collectOnce(deps: Deps, signal: AbortSignal): Promise<void> {
  const isPresent = (line: ListLine) => isOfPresentOwner(deps, line)
  const { removed, bytes } = await collectGarbage(deps, { dryRun: false, isPresent, signal })
  if (removed.length > 0) deps.log('collected garbage', { removed: removed.length, bytes })
}

/** Whether the chain says that a line is the present owner's. A chain that cannot be asked, or another one, takes nothing away. */
export async function isOfPresentOwner({ chain }: Pick<Deps, 'chain'>, line: ListLine): Promise<boolean> {
  if (chain.domain.chainId !== line.chainId) return true
  try {
    const { owner } = await chain.readAuthority(line.ensName)
    return chain.domain.resolver === line.resolver && owner === line.owner
  } catch (error) {
    if (error instanceof ChainUnavailable) return true
    throw error
  }
}
