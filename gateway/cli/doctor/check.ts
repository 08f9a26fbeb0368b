import { ChainUnavailable } from '../../chain/chain-reader.ts'
import { Refusal } from '../../tags/refusal.ts'
import { GatewayUnavailable } from '../client/ccip.ts'
import { BodyTooLarge, fetchBounded, type HttpAnswer, HttpFailure, type HttpRequest } from '../client/http.ts'
import { ListUnverified } from '../client/read-list.ts'

/** One thing that was looked at. What a gateway of this kind cannot have is skipped: ok, and `detail` says why. */
export type Check = { name: string; ok: boolean; detail: string; skipped: boolean; fix: string | null }

/** Something that needs a person, and what that person may do. */
export class Ailment extends Error {
  override readonly name = 'Ailment'
  constructor(
    message: string,
    readonly fix: string,
  ) {
    super(message)
  }
}

/** A gateway under examination. */
export type Patient = {
  /** Without trailing slash. */
  url: string
  say(check: Check): void
}

/** Runs one check: what it returns is the detail; a refusal, silence or an Ailment is a failed check, and everything else is thrown. */
export async function examine(
  patient: Patient,
  name: string,
  fix: string,
  look: () => Promise<string>,
): Promise<boolean> {
  try {
    patient.say({ name, ok: true, detail: await look(), skipped: false, fix: null })
    return true
  } catch (error) {
    patient.say({
      name,
      ok: false,
      detail: wordsOf(error),
      skipped: false,
      fix: error instanceof Ailment ? error.fix : fix,
    })
    return false
  }
}

/** Says that a check does not apply. */
export function skip(patient: Patient, name: string, reason: string): void {
  patient.say({ name, ok: true, detail: `skipped: ${reason}`, skipped: true, fix: null })
}

/** @throws what is no finding about a gateway */
function wordsOf(error: unknown): string {
  if (error instanceof Refusal || error instanceof ListUnverified) return `${error.reason}: ${error.message}`
  const findings = [Ailment, HttpFailure, BodyTooLarge, GatewayUnavailable, ChainUnavailable]
  if (findings.some((finding) => error instanceof finding)) return (error as Error).message
  throw error
}

const timeoutMs = 20_000
const maxAnswerBytes = 512 * 1024

/** One bounded request. @throws HttpFailure, BodyTooLarge */
export function ask(request: Omit<HttpRequest, 'reach' | 'timeoutMs'>): Promise<HttpAnswer> {
  return fetchBounded({ ...request, reach: 'given', timeoutMs }, maxAnswerBytes)
}

/** The JSON object of an answer; undefined for anything else. */
export function objectIn({ body }: HttpAnswer): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(new TextDecoder().decode(body))
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : undefined
  } catch {
    return undefined
  }
}

/** What a browser needs to read an answer (Fetch standard, "CORS protocol"). @throws Ailment */
export function checkOrigin({ headers, status }: HttpAnswer, what: string): void {
  const origin = headers.get('access-control-allow-origin')
  if (origin === '*') return
  throw new Ailment(
    `${what} (${status}) has Access-Control-Allow-Origin ${origin ?? 'nowhere'}, so wallets in browsers cannot read it`,
    'send Access-Control-Allow-Origin: * on every answer below /ccip/, errors too; see what a proxy in front takes away',
  )
}
