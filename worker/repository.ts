import { DurableObject } from 'cloudflare:workers'
import { unavailable } from '../gateway/errors.ts'
import { log, repositoryOf } from './deps.ts'
import type { Env } from './env.ts'
import { createWorkerGateway, failureOf } from './gateway.ts'
import { createSwarmWork, type SwarmWork } from './swarm-work.ts'
import { nameWritten } from './writes.ts'

/**
 * One per repository: the same app, in which its uploads and publishes take turns. What holds when it is moved or restarted in the
 * middle of anything is the compare-and-swap in the database. It keeps nothing itself but that something of it is on its way to Swarm.
 */
export class Repository extends DurableObject<Env> {
  readonly #gateway = createWorkerGateway(this.env)

  readonly #work = createSwarmWork(this.ctx.storage, this.#gateway.deps)

  override async fetch(request: Request): Promise<Response> {
    const written = request.method === 'PATCH' ? undefined : nameWritten(request)
    if (written !== undefined) await this.#work.note(written).catch(logUnnoted)
    return this.#gateway.fetch(request)
  }

  override alarm(): Promise<void> {
    return this.#work.run()
  }

  /** How far the announcing of the list is. */
  readTask(): ReturnType<SwarmWork['readTask']> {
    return this.#work.readTask()
  }
}

/** Hands a request to the object of a repository. One that broke off meanwhile may or may not have written: 503, and the client asks again. */
export async function askRepository(env: Env, ensName: string, request: Request): Promise<Response> {
  try {
    return await repositoryOf(env, ensName).fetch(request)
  } catch (error) {
    return failureOf(unavailable(`the writer of ${ensName} broke off (${said(error)}): try again`), request)
  }
}

/** The cron trigger finds what is queued all the same, and what is wrong with the configuration is the answer itself. */
function logUnnoted(error: unknown): void {
  log('work for Swarm is not noted', { error: said(error) })
}

function said(error: unknown): string {
  return (error instanceof Error ? error.message : String(error)).split('\n', 1)[0] ?? ''
}
