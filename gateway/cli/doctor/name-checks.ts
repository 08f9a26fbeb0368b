import { repositoryOf } from '../../ens/name.ts'
import type { TagEntry } from '../../tags/entry.ts'
import type { SignedList } from '../../tags/list.ts'
import { Refusal } from '../../tags/refusal.ts'
import { GatewayUnavailable } from '../client/ccip.ts'
import { checkContent, type TakeContent } from '../client/content.ts'
import { readWholeListAt, visibleEntries, type WholeList } from '../client/read-list.ts'
import { openSession, type Session, type Subject } from '../client/session.ts'
import { readGatewayList } from '../owner/gateway-lists.ts'
import type { VerbContext } from '../verb.ts'
import { Ailment, ask, examine, type Patient, skip } from './check.ts'
import type { GatewayKind } from './gateway-checks.ts'
import { checkLookups } from './lookup-checks.ts'

const staticReason = 'a static gateway has no registry API'

/** What needs a name: the chain, both URL templates, the list, its freshness, a pull. Resolves with the chain's newest block time. */
export async function checkName(
  patient: Patient,
  kind: GatewayKind,
  context: VerbContext,
  subject: Subject,
): Promise<bigint | null> {
  const session = await openChain(patient, context, subject)
  if (session === null) return null
  const { blockTime } = await session.onChain.readAuthority()
  await checkNamed(patient, session)
  const header = await checkLookups(patient, kind, session)
  const list = await checkList(patient, kind, session, subject, header)
  const signed = list?.signed ?? header
  if (signed === null) skip(patient, 'freshness', 'no list that holds was read')
  else await checkFreshness(patient, kind, session, signed)
  await checkPull(patient, kind, subject, list)
  return blockTime
}

async function openChain(patient: Patient, context: VerbContext, subject: Subject): Promise<Session | null> {
  let session: Session | null = null
  const fix = `mooring inspect ${subject.ensName} tells more; mooring setup ${subject.ensName} makes a name a repository`
  await examine(patient, 'chain', fix, async () => {
    const opened = await openSession(context, subject)
    const { chainId, blockNumber, authorityName, owner, policy } = await opened.onChain.readAuthority()
    session = opened
    const signers = `${policy.threshold} of ${policy.publishers.length} publishers`
    return `${authorityName} belongs to ${owner} (${signers}), chain ${chainId}, block ${blockNumber}`
  })
  return session
}

/** Wallets ask the gateways that the chain names, and no others. */
function checkNamed(patient: Patient, { onChain }: Session): Promise<boolean> {
  const { url } = patient
  const { ensName, gateways } = onChain
  const all = [...gateways, url].map((each) => `--gateway-url ${each}`).join(' ')
  const fix = `mooring setup ${ensName} ${all}`
  return examine(patient, 'named', fix, async () => {
    if (gateways.some((each) => new URL(each).href === new URL(url).href))
      return `the chain names it, of ${gateways.length} gateways`
    const named = gateways.length === 0 ? 'no gateway' : gateways.join(', ')
    throw new Ailment(`the chain names ${named} for ${ensName}, so nobody asks this one`, fix)
  })
}

async function checkList(
  patient: Patient,
  kind: GatewayKind,
  session: Session,
  { repository }: Subject,
  header: SignedList | null,
): Promise<WholeList | null> {
  if (kind === 'static') {
    const said = header === null ? '' : `; version ${header.list.version} is signed, as its lookups show`
    skip(patient, 'list', `${staticReason}${said}`)
    return null
  }
  let list: WholeList | null = null
  const fix = 'push a tag to it, or let its operator run mooring recover: it shows a list that clients refuse, or none'
  await examine(patient, 'list', fix, async () => {
    list = await readWholeListAt(session, patient.url, repository, 'given')
    const { version } = list.signed.list
    return `version ${version} is signed and not revoked, ${list.entries.size} entries rebuild its root`
  })
  return list
}

const daySeconds = 86_400n

/** Against time, against the floor on chain, and against what the other gateways have. */
async function checkFreshness(
  patient: Patient,
  kind: GatewayKind,
  session: Session,
  { list, timestamp }: SignedList,
): Promise<void> {
  const { localTime, onChain } = session
  const renewal =
    kind === 'static'
      ? 'export again, and upload it'
      : 'push any tag, or keep a publishing gateway running: it renews at half'
  await examine(patient, 'freshness', renewal, async () => {
    const left = list.expiresAt - localTime
    const days = `${left / daySeconds} of ${(list.expiresAt - list.issuedAt) / daySeconds} days left`
    if (4n * left < list.expiresAt - list.issuedAt)
      throw new Ailment(`version ${list.version} ends soon: ${days}`, renewal)
    const newer = await findNewer(patient, session, list.version)
    if (newer !== null)
      throw new Ailment(
        `it has version ${list.version}, and ${newer}`,
        kind === 'static' ? renewal : 'let it take the newest list: push or publish to it',
      )
    const { timestamper, maxAgeSeconds } = (await onChain.readAuthority()).policy
    const age =
      timestamper === null || timestamp === null
        ? ''
        : `, timestamp ${localTime - timestamp.issuedAt} of ${maxAgeSeconds} s old`
    return `version ${list.version}, ${days}${age}`
  })
}

/** Another gateway of the name with a higher version, in words. */
async function findNewer({ url }: Patient, { onChain, localTime }: Session, version: bigint): Promise<string | null> {
  const { ensName, domain, gateways, reach } = onChain
  const authority = await onChain.readAuthority()
  const question = { domain, reach, ensName, repository: repositoryOf(ensName), authority, localTime }
  const others = gateways.filter((each) => each !== url)
  const lists = await Promise.all(others.map((other) => readGatewayList(other, question)))
  const newer = lists.find((other) => other.error === null && BigInt(other.version ?? 0) > version)
  return newer ? `${newer.url} has ${newer.version}` : null
}

/** Of the blobs of an image one below this is read whole. */
const MAX_HASHED_BYTES = 32 * 1024 * 1024

/** One tag by name, its manifest by digest, a blob below it hashed, and the largest one begun. */
async function checkPull(
  patient: Patient,
  kind: GatewayKind,
  { repository }: Subject,
  list: WholeList | null,
): Promise<void> {
  if (kind === 'static') return skip(patient, 'pull', staticReason)
  if (list === null) return skip(patient, 'pull', 'no list that holds was read')
  const tags = visibleEntries(list)
  const [tag, entry] = tags.find(([name]) => name === 'latest') ?? tags[0] ?? []
  if (tag === undefined || entry === undefined) return skip(patient, 'pull', 'the list has no tag')
  const fix = 'push the image to it again: the list names content that it does not hold or alters'
  const repositoryUrl = `${patient.url}/v2/${repository}`
  await examine(patient, 'pull', fix, async () => {
    const url = `${repositoryUrl}/manifests/${tag}`
    const { status, headers } = await ask({ url, method: 'HEAD', headers: { accept: '*/*' } })
    const digest = headers.get('docker-content-digest')
    if (status !== 200) throw new GatewayUnavailable(`${url} answers ${status}`)
    if (digest !== entry.digest) throw new Refusal('DigestMismatch', `${url} says ${digest}, the list ${entry.digest}`)
    const blob = await readBlobs(repositoryUrl, entry)
    return `${tag} is ${entry.digest}; its manifest${blob === null ? ' is' : ` and ${blob} are`} what the digest says`
  })
}

/** Reads a blob of one image to its end and begins the largest; what was hashed, null where there is none. @throws as `checkContent` */
async function readBlobs(
  repositoryUrl: string,
  { digest, size, mediaType, swarmReference }: TagEntry,
): Promise<string | null> {
  const root = { digest: digest as Parameters<typeof checkContent>[1]['digest'], size, mediaType, swarmReference }
  const opens = new Map<string, () => AsyncIterable<Uint8Array>>()
  const take: TakeContent = async (expected, open) => {
    opens.set(expected.digest, open)
  }
  const blobs: { digest: string; size: number }[] = []
  for await (const { name, skipped, expected } of checkContent(repositoryUrl, root, take, 'given')) {
    if (name === 'manifest' && blobs.length > 0) break
    if (name === 'blob' && !skipped) blobs.push(expected)
  }
  blobs.sort((one, other) => other.size - one.size)
  const [largest] = blobs
  if (largest === undefined) return null
  const hashed = blobs.find((blob) => blob.size <= MAX_HASHED_BYTES) ?? largest
  for await (const _piece of opens.get(hashed.digest)?.() ?? []);
  if (hashed !== largest) for await (const _piece of opens.get(largest.digest)?.() ?? []) break
  return hashed.digest
}
