import type { D1Migration } from 'cloudflare:test'
import type { Env as WorkerEnv } from '../../worker/env.ts'

declare global {
  namespace Cloudflare {
    interface Env extends WorkerEnv {
      /** The .sql files of gateway/store/migrations, as the test pool applies them. */
      TEST_MIGRATIONS: D1Migration[]
    }
  }
}
