import { describe } from 'vitest'
import { listRules } from './publish/list-rules.ts'
import { permissionRules } from './publish/permission-rules.ts'
import { uploadRules } from './publish/upload-rules.ts'
import type { OpenRegistry } from './registry/client.ts'

/** The list endpoints as rules over `fetch(Request)`. Every set of drivers and every runtime passes it. */
export function listSuite(drivers: string, open: OpenRegistry): void {
  describe(`lists over ${drivers}`, () => {
    describe('lists', () => listRules(open))
    describe('uploads', () => uploadRules(open))
    describe('permissions', () => permissionRules(open))
  })
}
