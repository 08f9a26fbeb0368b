import type { Hex } from 'viem'
import { hashList, type ListHeader, type SignedList, ZERO_HASH } from '../../tags/list.ts'
import { Refusal } from '../../tags/refusal.ts'
import { isSignatureValid } from '../../tags/signature.ts'
import { refusalOf } from '../client/look-up.ts'
import { readHistoryPage, type Version } from '../client/read-history.ts'
import { readWholeListAt, type WholeList } from '../client/read-list.ts'
import type { Session } from '../client/session.ts'

/** What one gateway has of a name: its head, and behind it every version that the one after it names. */
export type Walk = {
  gateway: string
  /** Null where its list does not verify or does not come. */
  head: WholeList | null
  /** Newest first, the head included; each with the hash that it was asked for by. */
  versions: readonly AuditedVersion[]
  /** The version that should be next and is not there; null when the walk got to the first version. */
  missing: Hex | null
  /** Why there is no head, or why the walk ended before the first version; null where older versions are simply not kept. */
  failure: { name: string; message: string } | null
}

/** A version with the signers whose signatures hold, and those whose do not. */
export type AuditedVersion = Version & { signers: readonly Hex[]; unproven: readonly Hex[]; faults: readonly string[] }

/** The walk from the verified head of one gateway to the first version. Never rejects for what the gateway does. @throws ChainUnavailable */
export async function walkHistory(session: Session, gateway: string, repository: string): Promise<Walk> {
  const nothing: Walk = { gateway, head: null, versions: [], missing: null, failure: null }
  let head: WholeList
  try {
    head = await readWholeListAt(forgetful(session), gateway, repository)
  } catch (error) {
    return { ...nothing, failure: failureOf(error) }
  }
  const versions: AuditedVersion[] = []
  let wanted = head.signed.hash
  try {
    while (wanted !== ZERO_HASH) {
      const page = await readHistoryPage(
        gateway,
        repository,
        versions.at(-1)?.signed.hash ?? null,
        session.onChain.reach,
      )
      if (page.length === 0) return { ...nothing, head, versions, missing: wanted }
      for (const version of page) {
        versions.push(await auditVersion(session, version, wanted, versions.at(-1)))
        wanted = version.signed.list.previous
      }
    }
    return { ...nothing, head, versions }
  } catch (error) {
    return { ...nothing, head, versions, missing: wanted, failure: failureOf(error) }
  }
}

/** What was seen before is compared later, with all gateways side by side: here each is heard out. */
function forgetful(session: Session): Session {
  return { ...session, memory: { ...session.memory, recall: async () => null, remember: async () => undefined } }
}

function failureOf(error: unknown): { name: string; message: string } {
  const refusal = refusalOf(error)
  return { name: refusal?.reason ?? 'GatewayUnavailable', message: refusal?.message ?? (error as Error).message }
}

/** @throws Refusal BadResponse for a version that is not the one which was asked for */
async function auditVersion(
  { onChain }: Session,
  version: Version,
  wanted: Hex,
  after: Version | undefined,
): Promise<AuditedVersion> {
  const { list, signatures } = version.signed
  const hash = hashList(onChain.domain, list)
  if (hash !== wanted) {
    throw new Refusal('BadResponse', `version ${list.version} is not the one that the version after it names`)
  }
  const { askContract } = await onChain.readAuthority()
  const signers: Hex[] = []
  const unproven: Hex[] = []
  for (const { signer, signature } of signatures) {
    const holds = await isSignatureValid(signer, hash, signature, askContract)
    if (holds) signers.push(signer)
    else unproven.push(signer)
  }
  const faults = after === undefined ? [] : faultsOfLink(list, after.signed.list)
  return { ...version, signed: { ...version.signed, hash }, signers, unproven, faults }
}

/** Protocol 2.2: one line of versions, each one higher, under one name, owner and epoch. Both headers are under the publisher's hash. */
function faultsOfLink(list: ListHeader, after: ListHeader): string[] {
  const about = `version ${list.version} before version ${after.version}`
  const isSameLine = list.node === after.node && list.owner === after.owner && list.epoch === after.epoch
  const isFirst = list.previous === ZERO_HASH
  return [
    ...(list.version + 1n === after.version ? [] : [`${about}: a version was left out`]),
    ...(isSameLine && list.name === after.name ? [] : [`${about} is of another name, owner or epoch`]),
    ...(list.issuedAt <= after.issuedAt ? [] : [`${about} is dated after it`]),
    ...(isFirst === (list.version === 1n) ? [] : [`version ${list.version} names ${list.previous} as the one before`]),
  ]
}

/** Whether the whole line down to its first version was there. */
export function isWhole({ head, missing }: Walk): boolean {
  return head !== null && missing === null
}

/** The lists of a walk by version. */
export function signedAt(walk: Walk, version: bigint): SignedList | undefined {
  return walk.versions.find(({ signed }) => signed.list.version === version)?.signed
}
