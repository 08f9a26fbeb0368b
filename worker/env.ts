/** What wrangler.toml binds. */
export type Env = {
  /** Tag lists, manifests' rows, upload sessions: the schema of gateway/store/migrations. */
  DB: D1Database
  /** Content and the parts of uploads. */
  BLOBS: R2Bucket
  /** One object per repository. */
  REPOSITORIES: DurableObjectNamespace
}
