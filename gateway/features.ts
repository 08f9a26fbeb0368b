/** What a gateway does only where it is told to. */
export type Features = {
  /** `GET /v2/_catalog` lists the names whose content is here. */
  catalog: boolean
  /** An image index may list manifests that are not here (image-spec: a registry may refuse those). */
  sparseIndexes: boolean
  /** Web pages of any origin may read the registry API: GET and HEAD, never with credentials. */
  crossOriginReads: boolean
}

/** Nothing of it. */
export const noFeatures: Features = { catalog: false, sparseIndexes: false, crossOriginReads: false }
