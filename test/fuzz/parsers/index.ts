import { listAnswer, listUpload } from './lists.ts'
import { callData, response } from './lookups.ts'
import { manifest } from './manifest.ts'
import type { FuzzedParser } from './parser.ts'
import { permissions } from './permissions.ts'
import { scope } from './scope.ts'
import { siwe } from './siwe.ts'
import { token } from './token.ts'

/**
 * Every parser of what a stranger sends; one more is one file and one name here. A run gives every other one to another process, so those
 * that take long stand beside each other.
 */
export const parsers: readonly FuzzedParser[] = [
  manifest,
  permissions,
  siwe,
  listAnswer,
  response,
  listUpload,
  token,
  scope,
  callData,
]
