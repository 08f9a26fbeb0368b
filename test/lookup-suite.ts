import { describe } from 'vitest'
import { answerRules } from './lookup/answer-rules.ts'
import { freshnessRules } from './lookup/freshness-rules.ts'
import { requestRules } from './lookup/request-rules.ts'
import type { OpenRegistry } from './registry/client.ts'

/** The CCIP-Read endpoint as rules over `fetch(Request)`. Every set of drivers and every runtime passes it. */
export function lookupSuite(drivers: string, open: OpenRegistry): void {
  describe(`lookups over ${drivers}`, () => {
    describe('answers', () => answerRules(open))
    describe('requests', () => requestRules(open))
    describe('freshness', () => freshnessRules(open))
  })
}
