import type { D1Migration } from 'cloudflare:test'
import type { Env as WorkerEnv } from '../../worker/env.ts'

declare global {
  namespace Cloudflare {
    interface GlobalProps {
      mainModule: typeof import('../../worker/index.ts')
    }
    interface Env extends WorkerEnv {
      /** The .sql files of gateway/store/migrations, as the test pool applies them. */
      TEST_MIGRATIONS: D1Migration[]
      /** JSON-RPC of the chain that the global setup started. */
      MOORING_RPC: string
    }
  }
}
