import { listAnswer, listUpload } from './lists.ts'
import { callData, response } from './lookups.ts'
import { manifest } from './manifest.ts'
import type { FuzzedParser } from './parser.ts'
import { permissions } from './permissions.ts'
import { scope } from './scope.ts'
import { siwe } from './siwe.ts'
import { token } from './token.ts'

/** Every parser of what a stranger sends; one more is one file and one name here. */
export const parsers: readonly FuzzedParser[] = [
  manifest,
  callData,
  listUpload,
  listAnswer,
  response,
  token,
  siwe,
  scope,
  permissions,
]
