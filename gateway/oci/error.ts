/** The error codes of the OCI distribution-spec 1.1 ("Error Codes"), and `UNKNOWN`, which distribution sends with 5xx. */
export const ociErrorCodes = [
  'BLOB_UNKNOWN',
  'BLOB_UPLOAD_INVALID',
  'BLOB_UPLOAD_UNKNOWN',
  'DIGEST_INVALID',
  'MANIFEST_BLOB_UNKNOWN',
  'MANIFEST_INVALID',
  'MANIFEST_UNKNOWN',
  'NAME_INVALID',
  'NAME_UNKNOWN',
  'SIZE_INVALID',
  'UNAUTHORIZED',
  'DENIED',
  'UNSUPPORTED',
  'TOOMANYREQUESTS',
  'UNKNOWN',
] as const

/** One of `ociErrorCodes`. */
export type OciErrorCode = (typeof ociErrorCodes)[number]

/** One entry of a registry error body; `message` is one line that says what was wrong, what was seen and what was wanted. */
export type OciErrorItem = { code: OciErrorCode; message: string; detail?: unknown }

/**
 * A request that the registry refuses. Thrown by the pure rooms and by the routes; `gateway/errors.ts` is the one place
 * that turns it into a status and a body.
 */
export class OciError extends Error {
  override readonly name = 'OciError'
  readonly items: readonly OciErrorItem[]
  /** HTTP status where it differs from the code's own (errors.ts), for instance 416 with BLOB_UPLOAD_INVALID. */
  readonly status: number | undefined
  /** Response headers to send along, such as Location and Range with a 416. */
  readonly headers: Readonly<Record<string, string>>

  constructor(
    code: OciErrorCode,
    message: string,
    options: { detail?: unknown; status?: number; headers?: Record<string, string>; more?: OciErrorItem[] } = {},
  ) {
    super(message)
    const first: OciErrorItem =
      options.detail === undefined ? { code, message } : { code, message, detail: options.detail }
    this.items = [first, ...(options.more ?? [])]
    this.status = options.status
    this.headers = options.headers ?? {}
  }
}
