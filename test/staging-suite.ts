import { describe } from 'vitest'
import type { OpenRegistry } from './registry/client.ts'
import { lifeRules } from './staging/life-rules.ts'
import { permissionRules } from './staging/permission-rules.ts'
import { pushRules } from './staging/push-rules.ts'
import { readRules } from './staging/read-rules.ts'

/** What a gateway stages that cannot sign (protocol 5, relay gateway), as rules over `fetch(Request)`: every set of drivers and every runtime passes it. */
export function stagingSuite(drivers: string, open: OpenRegistry): void {
  describe(`staging over ${drivers}`, () => {
    describe('pushes', () => pushRules(open))
    describe('reads', () => readRules(open))
    describe('permissions', () => permissionRules(open))
    describe('from push to list', () => lifeRules(open))
  })
}
