import { DurableObject } from 'cloudflare:workers'
import type { Hex } from 'viem'
import { createApp } from '../../gateway/app.ts'
import { readWorkerConfig } from '../../worker/config.ts'
import { openDeps } from '../../worker/deps.ts'
import type { Env } from '../../worker/env.ts'
import { createTestSigner } from '../keys.ts'

// A Worker for suites that push tags, which one that is deployed cannot sign: the entry is the deployed one, and so are the app and its
// drivers. Only the object of a repository, where everything is written, holds a key.

export { default } from '../../worker/index.ts'

type PublishingEnv = Env & { TEST_PUBLISHER_KEY: Hex }

/** The app of a Worker's `Repository`, with a signer. */
export class Repository extends DurableObject<PublishingEnv> {
  readonly #app = openApp(this.env)

  override async fetch(request: Request): Promise<Response> {
    return (await this.#app).fetch(request)
  }
}

async function openApp(env: PublishingEnv) {
  const deps = await openDeps(env, readWorkerConfig(env))
  return createApp({ ...deps, signer: createTestSigner(env.TEST_PUBLISHER_KEY) })
}
