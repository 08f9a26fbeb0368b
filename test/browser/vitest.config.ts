import { suiteConfig } from '../suite-config.ts'

// `npm run test:browser`: the signing page and the library in a real Chromium, against a chain and gateways on loopback.

export default suiteConfig(['test/browser/**/*.test.ts'], { timeoutMs: 120_000 })
