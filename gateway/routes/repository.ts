import type { Address } from 'viem'
import { type Caller, callerLabel } from '../access.ts'
import type { Deps } from '../deps.ts'
import { parseRepository, type RepositoryName } from '../ens/name.ts'
import { OciError } from '../oci/error.ts'
import type { RepositoryKey } from '../store/catalog.ts'
import type { ListLine } from '../store/tag-list-store.ts'
import type { NameAuthority } from '../tags/authority.ts'
import { mayPushAnything } from './permission.ts'
import type { RouteContext } from './route.ts'

/** A repository of this request with what the chain says of it. */
export type OpenRepository = {
  name: RepositoryName
  authority: NameAuthority
  /** Content and lists of the present owner. */
  key: RepositoryKey
  line: ListLine
}

/** Where a push of a tag goes at this gateway: into a list that its key signs, or beside it until publishers sign. */
export type PushWay = 'publish' | 'stage'

/** A repository that its caller may push something to. */
export type PushRepository = OpenRepository & { way: PushWay; caller: Caller }

/** A name as the chain sees it: served here, or why not. */
type ReadName = { name: RepositoryName; authority: NameAuthority; open: OpenRepository | undefined }

/**
 * Parses `params.repository` (and `?ns=`) and reads the name's authority. For a name without an owner, or whose resolver is not the
 * contract served here, `undefined`: reads answer 404 NAME_UNKNOWN.
 * @throws OciError NAME_INVALID, ChainUnavailable
 */
export async function openRepository(context: RouteContext): Promise<OpenRepository | undefined> {
  return (await readName(context)).open
}

/** As `openRepository`. @throws OciError NAME_UNKNOWN (404) saying why the name is not served */
export async function openForRead(context: RouteContext): Promise<OpenRepository> {
  const { name, authority, open } = await readName(context)
  if (open) return open
  throw new OciError('NAME_UNKNOWN', whyNotServed(name, authority))
}

/**
 * As `openRepository`, for writes. @throws OciError DENIED (403) with a message that says who may push: the name has no owner, its
 * resolver is another contract, this gateway's key is no publisher's, or the caller is nobody whom the owner lets push.
 */
export async function openForPush(context: RouteContext): Promise<PushRepository> {
  refuseWebPages(context.request)
  const { name, authority, open } = await readName(context)
  if (!open) throw denied(`push refused: ${whyNotServed(name, authority)}`, authority)
  return asPusher(context, open)
}

/** A repository that this request's caller may push something to. @throws OciError DENIED as `openForPush` */
export async function asPusher({ deps, caller }: RouteContext, open: OpenRepository): Promise<PushRepository> {
  const way = await wayOf(deps, open)
  if (way === undefined) throw denied(gatewayMayNot(open, deps.signer?.address), open.authority)
  if (!(await mayPushAnything(deps, open, caller))) throw await deniedPush(open, callerLabel(caller))
  return { ...open, way, caller }
}

/** The refusal of a caller who may push nothing to a repository: it names who may, and says of a revoked key that it is one. */
export async function deniedPush({ name, authority }: OpenRepository, label: string): Promise<OciError> {
  const { owner, policy } = authority
  const keys = [...new Set([owner, ...policy.publishers])].filter((key) => key !== null)
  const revoked = await Promise.all(keys.map((key) => authority.isRevoked(key)))
  const may = keys.filter((_, at) => !revoked[at]).join(', ')
  const why = keys.some((key, at) => revoked[at] && key === label) ? `${label}, which was revoked` : label
  const message = `push refused: ${name.ensName} is for its owner and publishers (${may}) and whom the owner gives permission, not for ${why}`
  return denied(message, authority)
}

/**
 * Browsers send `Origin` with every request that is not a read, and registry clients never do: no page that somebody opened may push
 * with this gateway's key, neither across origins nor under a name that it points at this machine (DNS rebinding).
 */
function refuseWebPages({ method, headers }: Request): void {
  if (method === 'GET' || method === 'HEAD' || !headers.has('origin')) return
  throw new OciError('DENIED', 'push refused: it comes from a web page (it has an Origin header)')
}

/**
 * The repository of a name given in a query (`?from=` of a mount); undefined for anything that is not served here, so that the answer
 * does not tell a bad name from an unknown one.
 */
export async function openNamed(context: RouteContext, path: string): Promise<OpenRepository | undefined> {
  const name = parseQuietly(path) ?? parseQuietly(path, namespaceOf(context))
  return name && openOf(name, await context.deps.chain.readAuthority(name.ensName))
}

/** Whether this request's caller may push something here: to them staged changes read as if published (protocol 5). */
export async function mayPush({ deps, caller }: RouteContext, repository: OpenRepository): Promise<boolean> {
  return (await wayOf(deps, repository)) !== undefined && mayPushAnything(deps, repository, caller)
}

/** Whether this gateway publishes by itself: its key is a publisher of the name and reaches the threshold alone. */
export async function isPublishing(deps: Deps, repository: OpenRepository): Promise<boolean> {
  return (await wayOf(deps, repository)) === 'publish'
}

/** Without a key everything is staged; undefined for a gateway whose key could never sign for this name. */
async function wayOf({ signer }: Deps, { authority }: OpenRepository): Promise<PushWay | undefined> {
  if (!signer) return 'stage'
  const { publishers, threshold } = authority.policy
  if (!publishers.includes(signer.address) || (await authority.isRevoked(signer.address))) return undefined
  return threshold <= 1 ? 'publish' : 'stage'
}

async function readName(context: RouteContext): Promise<ReadName> {
  const namespace = namespaceOf(context)
  const name = parseRepository(context.params.repository ?? '', namespace)
  // distribution-spec "Registry Proxying"; the parser let nothing but an ENS name through.
  if (namespace !== undefined) context.addHeader('oci-namespace', namespace)
  const authority = await context.deps.chain.readAuthority(name.ensName)
  return { name, authority, open: openOf(name, authority) }
}

function parseQuietly(path: string, namespace?: string): RepositoryName | undefined {
  try {
    return parseRepository(path, namespace)
  } catch (error) {
    if (error instanceof OciError) return undefined
    throw error
  }
}

function namespaceOf({ url }: RouteContext): string | undefined {
  return url.searchParams.get('ns') ?? undefined
}

/** A name that is served here, undefined when it has no owner or another resolver. */
export function openOf(name: RepositoryName, authority: NameAuthority): OpenRepository | undefined {
  const { owner, reachable, chainId, resolver, epoch } = authority
  if (!owner || !reachable) return undefined
  const { ensName } = name
  return { name, authority, key: { ensName, owner }, line: { chainId, resolver, ensName, owner, epoch } }
}

function whyNotServed({ ensName }: RepositoryName, { owner, chainId, resolver }: NameAuthority): string {
  if (!owner) return `${ensName} has no owner on chain ${chainId}: register it, or check the spelling`
  return `the resolver of ${ensName} is not ${resolver}: its owner ${owner} can set it in the ENS registry`
}

function gatewayMayNot({ name, authority }: OpenRepository, gatewayPublisher: Address | undefined): string {
  const { owner, policy } = authority
  const publishers = policy.publishers.join(', ')
  const wanted = policy.threshold > 1 ? `${policy.threshold} of its publishers (${publishers})` : publishers
  return `push refused: ${name.ensName} is owned by ${owner} and only ${wanted} may publish it; this gateway publishes as ${gatewayPublisher}`
}

function denied(message: string, { owner, policy }: NameAuthority): OciError {
  return new OciError('DENIED', message, { detail: { owner, publishers: policy.publishers } })
}
