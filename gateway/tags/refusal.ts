/** Error names of protocol 3.1, in the order of its rows, and those of section 2 and 5 for whole lists. */
export const refusalNames = [
  'BadResponse',
  'InvalidName',
  'NodeMismatch',
  'InvalidTag',
  'UnreachableName',
  'NoOwner',
  'OwnerMismatch',
  'EpochMismatch',
  'UnsupportedDelegations',
  'Rollback',
  'AnchorMismatch',
  'IssuedInFuture',
  'Expired',
  'LifetimeTooLong',
  'SignersNotAscending',
  'NotPublisher',
  'Revoked',
  'BadSignature',
  'ThresholdNotMet',
  'BadTimestamp',
  'StaleTimestamp',
  'BadProof',
  'InvalidEntry',
  'OwnerChanged',
  'Equivocation',
  'ImmutableChanged',
  'RpcDisagree',
  'ChainStale',
  'SizeMismatch',
  'DigestMismatch',
  'AmbiguousManifest',
  'MalformedList',
  'FallbackNotOnchain',
] as const

/** One of the protocol's error names. */
export type RefusalName = (typeof refusalNames)[number]

/** What a verifier refuses: never mapped to "no such tag". `reason` is the protocol's error name, `message` one line for people. */
export class Refusal extends Error {
  override readonly name = 'Refusal'
  constructor(
    readonly reason: RefusalName,
    message: string,
  ) {
    super(message)
  }
}
