import { sha256, stringToHex } from 'viem'
import type { Deps } from '../deps.ts'
import { OciError } from '../oci/error.ts'
import { signaturesToJson, timestampToJson } from '../tags/json.ts'
import type { SignedList } from '../tags/list.ts'
import type { OpenRepository } from './repository.ts'

/** The current list. @throws OciError NAME_UNKNOWN (404) before the first publish */
export async function findList({ lists }: Deps, { name, line }: OpenRepository): Promise<SignedList> {
  const head = await lists.findHead(line)
  if (head) return head
  throw noList(name.repository)
}

/** What every list endpoint answers where nothing was published. */
export function noList(repository: string): OciError {
  return new OciError('NAME_UNKNOWN', `${repository} has no list here: nothing was published under its present owner`)
}

/** A strong tag of a list as it is sent; its entries are in the list hash. */
export function listEntityTag({ hash, signatures, timestamp }: SignedList): string {
  const made = JSON.stringify([hash, signaturesToJson(signatures), timestampToJson(timestamp)])
  return `"${sha256(stringToHex(made)).slice(2)}"`
}
