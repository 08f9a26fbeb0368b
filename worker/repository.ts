import { DurableObject } from 'cloudflare:workers'
import { unavailable } from '../gateway/errors.ts'
import type { Env } from './env.ts'
import { createWorkerGateway, failureOf } from './gateway.ts'

/**
 * One per repository: the same app, in which its uploads and publishes take turns. It keeps nothing itself. What holds when it is moved
 * or restarted in the middle of anything is the compare-and-swap in the database.
 */
export class Repository extends DurableObject<Env> {
  readonly #gateway = createWorkerGateway(this.env)

  override fetch(request: Request): Promise<Response> {
    return this.#gateway.fetch(request)
  }
}

/** Hands a request to the object of a repository. One that broke off meanwhile may or may not have written: 503, and the client asks again. */
export async function askRepository({ REPOSITORIES }: Env, ensName: string, request: Request): Promise<Response> {
  try {
    return await REPOSITORIES.get(REPOSITORIES.idFromName(ensName)).fetch(request)
  } catch (error) {
    return failureOf(unavailable(`the writer of ${ensName} broke off (${said(error)}): try again`), request)
  }
}

function said(error: unknown): string {
  return (error instanceof Error ? error.message : String(error)).split('\n', 1)[0] ?? ''
}
