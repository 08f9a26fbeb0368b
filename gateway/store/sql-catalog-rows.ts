import type { Digest } from '../oci/digest.ts'
import type { RepositoryKey, StoredManifest } from './catalog.ts'
import type { SqlStatement, SqlValue } from './sql.ts'

/** A row of `manifest` with the columns `manifestColumns`. */
export type ManifestRow = {
  digest: Digest
  size: number
  media_type: string
  subject: Digest | null
  artifact_type: string | null
  annotations_json: string | null
  used_at: number
}

/** Every statement about a repository takes its name and owner as ?1 and ?2; this is its id, NULL for none. */
export const repositoryId = '(SELECT repository_id FROM repository WHERE ens_name = ?1 AND owner = ?2)'
/** The columns of a `ManifestRow`. */
export const manifestColumns = 'digest, size, media_type, subject, artifact_type, annotations_json, used_at'

/** A statement about one repository: ?1 and ?2 are taken, `values` are ?3 and on. */
export function statement(text: string, repository: RepositoryKey, ...values: SqlValue[]): SqlStatement {
  return { text, values: [repository.ensName, repository.owner, ...values] }
}

/** The manifest that a row holds. */
export function manifestOf(row: ManifestRow): StoredManifest {
  return {
    digest: row.digest,
    size: row.size,
    mediaType: row.media_type,
    subject: row.subject,
    artifactType: row.artifact_type,
    annotationsJson: row.annotations_json,
    usedAt: row.used_at,
  }
}
