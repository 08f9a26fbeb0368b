/** Every limit of the gateway, with its unit in its name, in one place (protocol.md; notes beside each). */
export type Limits = {
  /** protocol.md 2.1 `size` and 5: a manifest's bytes. */
  maxManifestBytes: number
  /** One PATCH, POST or PUT body of a blob upload. */
  maxPartBytes: number
  /** Any body: what the host of this gateway lets through in one request; null where it has no such limit. */
  maxBodyBytes: number | null
  /** PUT `_mooring/list`: 64 MiB on Node, 16 MiB on Workers. */
  maxListBodyBytes: number
  /** Slots that one commit rewrites, which nothing interrupts; a publish that touches more is written beside the current list. */
  maxSlotsPerCommit: number
  /** callData of a lookup: over it 400. */
  maxCallDataBytes: number
  /** `n` of tags/list, referrers and history pages is capped here. */
  maxPageItems: number
  /** tags/list without `n`. */
  defaultPageItems: number
  /** An upload session that nobody touches ends after this. */
  uploadTtlSeconds: number
  /** A change of a tag that waits for a publisher's signature is dropped after this. */
  stagedTtlSeconds: number
  /** Changes of tags that may wait in one repository. */
  maxStagedChanges: number
  /** What was pushed, mounted, or said to be here is not collected for this long, whether anything names it or not. */
  gcGraceSeconds: number
  /** Content of this many versions of each list is kept, the current one included: what a rollback can go back to. */
  historyVersions: number
  /** And of all versions that were current within this time. */
  historySeconds: number
  /** Content on Swarm whose postage lasts less than this is served with a warning. */
  postageWarningSeconds: number
  /** Postage that lasts less than this needs a person. */
  postageAlarmSeconds: number
  /** Lifetime of a list that this gateway signs: 90 days (protocol.md 2.2). */
  listLifetimeSeconds: number
  /** The gateway may remember authority for at most this long (protocol.md 5). */
  authorityTtlSeconds: number
  /** Precomputed lookup answers kept in memory. */
  maxCachedLookups: number
  /** Descriptors of one manifest (security notes 4.2). */
  maxManifestDescriptors: number
  /** What one image index lists (security notes 4.2). */
  maxIndexChildren: number
  /** Image indexes one inside the other, the outermost included (security notes 4.2). */
  maxIndexDepth: number
  /** `OCI-Chunk-Min-Length` (end-4a): what every chunk but the last should have at least; 0 asks nothing. */
  minChunkBytes: number
  /** So many chunks of one upload, the last not counted, may have less all the same. */
  maxShortChunks: number
  /** Chunks of one upload: what joins them, and whoever reads them, asks for each. */
  maxChunks: number
  /** Nesting of JSON in a manifest. */
  maxJsonDepth: number
}

/** The limits of the Node gateway. */
export const defaultLimits: Limits = {
  maxManifestBytes: 4 * 1024 * 1024,
  maxPartBytes: 64 * 1024 * 1024 * 1024,
  maxBodyBytes: null,
  maxListBodyBytes: 64 * 1024 * 1024,
  maxSlotsPerCommit: 2_000,
  maxCallDataBytes: 16 * 1024,
  maxPageItems: 1000,
  defaultPageItems: 1000,
  uploadTtlSeconds: 24 * 60 * 60,
  stagedTtlSeconds: 30 * 24 * 60 * 60,
  maxStagedChanges: 10_000,
  gcGraceSeconds: 60 * 60,
  historyVersions: 10,
  historySeconds: 7 * 24 * 60 * 60,
  postageWarningSeconds: 30 * 24 * 60 * 60,
  postageAlarmSeconds: 7 * 24 * 60 * 60,
  listLifetimeSeconds: 90 * 24 * 60 * 60,
  authorityTtlSeconds: 15,
  maxCachedLookups: 20_000,
  maxManifestDescriptors: 10_000,
  maxIndexChildren: 1_000,
  maxIndexDepth: 4,
  minChunkBytes: 0,
  maxShortChunks: 0,
  maxChunks: 100_000,
  maxJsonDepth: 32,
}

/** What fits a Worker, whose isolate has 128 MB for all that it does at the same time. */
export const workerLimits: Limits = {
  ...defaultLimits,
  maxListBodyBytes: 16 * 1024 * 1024,
  maxCachedLookups: 4_000,
  minChunkBytes: 8 * 1024 * 1024,
  maxShortChunks: 64,
  // Read twice on their way to Swarm, in a run that may ask 1,000 times.
  maxChunks: 400,
}
