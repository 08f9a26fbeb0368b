import { visible } from '../../oci/visible.ts'
import type { HttpAnswer } from '../client/http.ts'

/** A registry refused; its own words, made visible ASCII. */
export class RegistryRefused extends Error {
  override readonly name = 'RegistryRefused'
  constructor(
    readonly status: number,
    /** The code of the registry API, or `HTTP <status>` where there was none. */
    readonly code: string,
    message: string,
    readonly detail: unknown = null,
    /** What `Retry-After` asks for; 0 for nothing. */
    readonly waitSeconds = 0,
  ) {
    super(message)
  }
}

/** What an answer that was not hoped for says. */
export function refusalIn(answer: HttpAnswer, url: string): RegistryRefused {
  const { status, headers, body } = answer
  const [first] = errorsIn(body)
  const waitSeconds = Number(headers.get('retry-after') ?? 0) || 0
  const { code = `HTTP ${status}`, message = `${url} answers ${status}`, detail } = first ?? {}
  return new RegistryRefused(status, visible(code), visible(message), detail, waitSeconds)
}

function errorsIn(body: Uint8Array): { code: string; message: string; detail?: unknown }[] {
  try {
    const { errors } = JSON.parse(new TextDecoder().decode(body)) as { errors?: unknown }
    return Array.isArray(errors)
      ? errors.filter(({ code, message }) => typeof code === 'string' && typeof message === 'string')
      : []
  } catch {
    return []
  }
}
