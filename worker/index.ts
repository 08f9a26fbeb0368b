import { keptFor } from '../gateway/kept.ts'
import type { Env } from './env.ts'
import { createWorkerGateway } from './gateway.ts'
import { askRepository } from './repository.ts'
import { keepUp } from './upkeep.ts'
import { nameWritten } from './writes.ts'

// Entry of the gateway on Cloudflare Workers: what writes to a repository goes to its Durable Object, all else is answered here.

export { Repository } from './repository.ts'

/** One for each isolate. */
const gatewayOf = keptFor(createWorkerGateway)

async function answer(request: Request, env: Env): Promise<Response> {
  const written = nameWritten(request)
  return written === undefined ? gatewayOf(env).fetch(request) : askRepository(env, written, request)
}

export default {
  async fetch(request, env, context) {
    const answered = answer(request, env)
    // Requests that come together share one question to the chain (chain/cached-chain.ts), and it ends with the request that asks it:
    // that one goes on when its client goes away.
    context.waitUntil(answered)
    return answered
  },
  scheduled: (_controller, env) => keepUp(env),
} satisfies ExportedHandler<Env>
