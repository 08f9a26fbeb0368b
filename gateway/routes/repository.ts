import type { RepositoryName } from '../ens/name.ts'
import type { Catalog, RepositoryKey } from '../store/catalog.ts'
import type { ListLine } from '../store/tag-list-store.ts'
import type { NameAuthority } from '../tags/authority.ts'
import type { RouteContext } from './route.ts'

/** A repository of this request with what the chain says of it. */
export type OpenRepository = {
  name: RepositoryName
  authority: NameAuthority
  /** Content and lists of the present owner. */
  key: RepositoryKey
  line: ListLine
}

/**
 * Parses `params.repository` (and `?ns=`) and reads the name's authority. For a name without an owner, or whose resolver is not the
 * contract served here, `undefined`: reads answer 404 NAME_UNKNOWN.
 * @throws OciError NAME_INVALID, ChainUnavailable
 */
export declare function openRepository(context: RouteContext): Promise<OpenRepository | undefined>

/** As `openRepository`. @throws OciError NAME_UNKNOWN (404) saying why the name is not served */
export declare function openForRead(context: RouteContext): Promise<OpenRepository>

/**
 * As `openRepository`, for writes. @throws OciError DENIED (403) with a message that says who may push: the name has no owner, its
 * resolver is another contract, or this gateway's key is not a publisher that reaches the threshold.
 */
export declare function openForPush(context: RouteContext): Promise<OpenRepository>

export type { Catalog }
