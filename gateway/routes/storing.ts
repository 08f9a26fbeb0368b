import type { Deps } from '../deps.ts'
import { unavailable } from '../errors.ts'
import type { Storing } from '../store/catalog.ts'
import { ManifestGone } from '../store/tag-list-store.ts'

/** The collector takes content away in small batches: this many tries are many batches. */
const maxTries = 400
const pauseMs = 5

/**
 * Stores content and begins to show it (`attempt`), and both again when that says no: the collector was just taking away that very
 * content, or something it names. @throws OciError 503 when it goes on for seconds, and whatever `attempt` throws
 */
export async function storeAndShow(deps: Deps, attempt: (storing: Storing) => Promise<boolean>): Promise<void> {
  for (let tries = 0; tries < maxTries; tries++) {
    const storing = { now: Number(deps.clock()), removals: await deps.catalog.countRemovals() }
    if (await attempt(storing).catch(falseIfGone)) return
    await new Promise((resume) => setTimeout(resume, pauseMs))
  }
  throw unavailable('what this push needs is being collected all the time: try again')
}

function falseIfGone(error: unknown): false {
  if (error instanceof ManifestGone) return false
  throw error
}

/**
 * Tells the collector that a client is about to hear "it is here": at most once in a quarter of the grace time, so that reads stay
 * reads. False when the collector was faster and it is here no more.
 */
export async function noteUse(deps: Deps, usedAt: number, renew: (now: number) => Promise<boolean>): Promise<boolean> {
  const now = Number(deps.clock())
  return 4 * (now - usedAt) <= deps.limits.gcGraceSeconds || renew(now)
}
