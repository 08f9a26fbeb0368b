import { ChainUnavailable } from '../chain/chain-reader.ts'
import { Refusal } from '../tags/refusal.ts'
import { MemoryUnusable } from './client/memory.ts'
import { ListUnverified } from './client/read-list.ts'
import { wantsJson } from './client/session.ts'
import { TransactionRefused } from './owner/sender.ts'
import { exitCodes, type VerbContext } from './verb.ts'

/** What a reading command could not do: an error name, one line, and the exit code that goes with it. */
export type ReadingFailure = { error: string; message: string; code: number }

/**
 * The failure that an error stands for: a refusal and a missing gateway are "unverified" (4), a memory that cannot be read and a chain that
 * cannot be asked or takes no transaction are "anything else" (1). @throws what is none of these
 */
export function failureOf(error: unknown): ReadingFailure {
  if (error instanceof Refusal || error instanceof ListUnverified) {
    return { error: error.reason, message: error.message, code: exitCodes.unverified }
  }
  if (error instanceof ChainUnavailable) {
    return { error: 'ChainUnavailable', message: error.message, code: exitCodes.failed }
  }
  if (error instanceof MemoryUnusable) {
    return { error: 'MemoryUnusable', message: error.message, code: exitCodes.failed }
  }
  if (error instanceof TransactionRefused) {
    return { error: error.reason ?? 'TransactionRefused', message: error.message, code: exitCodes.failed }
  }
  throw error
}

/** Says on stderr why nothing was verified and, where JSON is wanted, `{...subject, error}` on stdout. */
export function reportFailure(context: VerbContext, subject: object, failure: ReadingFailure): number {
  context.note(`mooring: ${failure.error}: ${failure.message}`)
  if (wantsJson(context)) context.print(JSON.stringify({ ...subject, error: failure.error }))
  return failure.code
}
