import { OciError } from '../../oci/error.ts'
import { refusalNames } from '../../tags/refusal.ts'
import { GatewayUnavailable } from '../client/ccip.ts'
import { BodyTooLarge, HttpFailure } from '../client/http.ts'
import { SignerRefused } from '../client/signers/client-signer.ts'
import { RegistryRefused } from '../push/registry-answer.ts'
import { failureOf, type ReadingFailure } from '../reading.ts'
import { exitCodes } from '../verb.ts'

/** Nothing was published, for a reason that is no error of the protocol; exit code 4, or 1 where a person said no. */
export class PublishRefused extends Error {
  override readonly name = 'PublishRefused'
  constructor(
    readonly reason: 'Conflict' | 'NotConfirmed',
    message: string,
  ) {
    super(message)
  }
}

/**
 * The failure that an error of publishing stands for: refusals are 4, a gateway's by the protocol's error name where it gives one; a gateway
 * that does not answer and a signer that does not sign are 1. @throws what is none of these
 */
export function publishingFailureOf(error: unknown): ReadingFailure {
  const code = exitCodes.failed
  if (error instanceof RegistryRefused) return refusedByRegistry(error)
  if (error instanceof HttpFailure || error instanceof GatewayUnavailable || error instanceof BodyTooLarge) {
    return { error: 'GatewayUnavailable', message: error.message, code }
  }
  if (error instanceof SignerRefused) return { error: 'SignerRefused', message: error.message, code }
  if (error instanceof OciError) return { error: error.items[0]?.code ?? 'Failed', message: error.message, code }
  if (!(error instanceof PublishRefused)) return failureOf(error)
  const { reason, message } = error
  return { error: reason, message, code: reason === 'Conflict' ? exitCodes.unverified : code }
}

function refusedByRegistry({ status, code: said, message, detail }: RegistryRefused): ReadingFailure {
  const reason = (detail as { reason?: unknown } | null)?.reason
  const known = refusalNames.find((each) => each === reason)
  if (known !== undefined) return { error: known, message, code: exitCodes.unverified }
  const advice = status === 401 ? ' (mooring login logs in there)' : ''
  return { error: said, message: `${message}${advice}`, code: exitCodes.failed }
}
