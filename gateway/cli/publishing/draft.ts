import { parseStrictJson } from '../../oci/strict-json.ts'
import { entryToJson, parseListUpload } from '../../tags/json.ts'
import { integerMember, membersOf } from '../../tags/json-members.ts'
import { hashList, type ListDomain, type ListHeader, type SignerSignature } from '../../tags/list.ts'
import type { TagChange } from '../../tags/tree.ts'
import { headerToJson, signaturesToJson } from '../../tags/wire.ts'
import { finish } from '../client/read-list.ts'

/** A list on its way to being published: what it changes, and the signatures that it has so far, signers ascending. */
export type Draft = {
  list: ListHeader
  /** Its list hash. */
  hash: `0x${string}`
  changes: readonly TagChange[]
  signatures: readonly SignerSignature[]
}

/** The form of a draft as a file, which publishers hand to each other. */
const FORMAT = 1
/** Changes of 100,000 tags, and more. */
export const MAX_DRAFT_BYTES = 64 * 1024 * 1024

/** The JSON of protocol 5's `PUT list`: what a gateway takes. */
export function draftBody({ list, signatures, changes }: Draft): string {
  return JSON.stringify(bodyOf({ list, signatures, changes }))
}

function bodyOf({ list, signatures, changes }: Pick<Draft, 'list' | 'signatures' | 'changes'>) {
  return {
    list: headerToJson(list),
    signatures: signaturesToJson(signatures),
    changes: changes.map(({ tag, entry }) => ({ tag, entry: entry && entryToJson(entry) })),
  }
}

/** A draft as a file: chain and contract, which the list hash needs, and a body for `PUT list`. */
export function renderDraft({ chainId, resolver }: ListDomain, draft: Draft): string {
  return `${JSON.stringify({ format: FORMAT, chainId, resolver, ...bodyOf(draft) }, null, 1)}\n`
}

/**
 * Reads a draft for this chain and contract; its hash is computed here. Nothing of it is believed by that. @throws Error when it is no such
 * file, or of another chain or contract; OciError naming the member
 */
export function parseDraft(domain: ListDomain, text: string): Draft {
  const value = parseStrictJson(text, { maxDepth: 8 })
  const names = ['format', 'chainId', 'resolver', 'list', 'signatures', 'changes'] as const
  const { format, chainId, resolver, ...body } = membersOf(value, 'draft', names)
  if (format !== FORMAT) throw new Error(`its format is not ${FORMAT}`)
  if (integerMember({ chainId }, 'chainId') !== domain.chainId || resolver !== domain.resolver) {
    throw new Error(`it is for chain ${chainId} and resolver ${resolver}, not ${domain.chainId} and ${domain.resolver}`)
  }
  const upload = finish(parseListUpload(JSON.stringify(body)))
  if (!('changes' in upload)) throw new Error('it has no changes')
  const { list, signatures, changes } = upload
  return { list, hash: hashList(domain, list), changes, signatures }
}

/** The same draft with these signatures too, signers ascending (protocol 2.3); of two by one signer the later counts. */
export function withSignatures(draft: Draft, more: readonly SignerSignature[]): Draft {
  const bySigner = new Map([...draft.signatures, ...more].map((each) => [each.signer, each]))
  const signatures = [...bySigner.values()].sort((one, other) => (one.signer < other.signer ? -1 : 1))
  return { ...draft, signatures }
}
