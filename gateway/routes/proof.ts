import { encodeResponse } from '../ens/lookup.ts'
import { decodeTagEntry, encodeTagKey, parseTag } from '../tags/entry.ts'
import { entryToJson, signedListToJson, timestampToJson } from '../tags/json.ts'
import type { ListHeader } from '../tags/list.ts'
import type { Proof } from '../tags/tree.ts'
import { withValidSignatures } from '../valid-signatures.ts'
import { emptyAnswer, jsonAnswer, notModified } from './answer.ts'
import { listEntityTag, noList } from './list-answer.ts'
import { openForRead } from './repository.ts'
import type { Route } from './route.ts'

/**
 * `GET /v2/<repository>/_mooring/proof/<tag>` (protocol 5): presence or absence of one tag in the current list, for people and for
 * clients without a contract; `response` is what a lookup answers. An absent tag is 200 with a null entry, a tombstone's entry is
 * shown as stored.
 */
export const getProof: Route = async (context) => {
  const { deps, params } = context
  const tag = parseTag(params.tag ?? '')
  const { authority, line, name } = await openForRead(context)
  const key = encodeTagKey(tag)
  const found = await deps.lists.prove(line, [key])
  const proof = found?.proofs[0]
  if (!found || !proof) throw noList(name.repository)
  const sent = await withValidSignatures(authority, found.head)
  const headers = { etag: listEntityTag(sent), 'cache-control': 'no-cache' }
  if (notModified(context.request, headers.etag)) return emptyAnswer(304, headers)
  const { list, hash, signatures } = signedListToJson(sent)
  const timestamp = timestampToJson(sent.timestamp)
  const entry = proof.key === key ? entryOfProof(proof, sent.list) : null
  const response = encodeResponse(sent, [proof])
  const answer = { list, hash, signatures, timestamp, tag, entry, proof: proofToJson(proof), response }
  return jsonAnswer(200, answer, headers)
}

function entryOfProof({ value }: Proof, { version }: ListHeader) {
  return entryToJson(decodeTagEntry(value, version))
}

function proofToJson({ key, nextKey, value, path }: Proof) {
  return { key, nextKey, value, path }
}
