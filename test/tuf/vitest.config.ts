import { suiteConfig } from '../suite-config.ts'

// `npm run test:tuf`: what becomes of TUF's attacks, by the table of docs/tuf.md. A chain and a proxy for each.

export default suiteConfig(['test/tuf/**/*.test.ts'], { timeoutMs: 120_000 })
