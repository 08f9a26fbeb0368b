import type { Hex } from 'viem'
import { FLAG_IMMUTABLE, type TagEntry } from '../tags/entry.ts'
import { entryToJson, parseEntryJson, parseProofJson, parseSignedListJson, timestampToJson } from '../tags/json.ts'
import { arrayOf, hexMember, integerMember, type Members, membersOf, textMember } from '../tags/json-members.ts'
import type { SignedList } from '../tags/list.ts'
import type { Proof } from '../tags/tree.ts'
import { signedListToJson } from '../tags/wire.ts'
import type { NamePast, OwnerMemory, Witness } from './name-memory.ts'

/** The form of what is remembered of a name, in its one member of that name. */
const FORMAT = 2

/** One memory of a name as JSON; each list stands in it once. */
export function renderPast({ present, others }: NamePast): string {
  const lists = new Map<Hex, SignedList>()
  const hashOf = (signed: SignedList) => {
    lists.set(signed.hash, signed)
    return signed.hash
  }
  const owners = [present, ...others].map(({ owner, epoch, version, hash, entries, signed, witnesses }) => ({
    ...{ owner, epoch: Number(epoch), version: Number(version), hash, list: signed && hashOf(signed) },
    immutable: [...entries].map(([tag, entry]) => {
      const witness = witnesses.get(tag)
      return {
        tag,
        entry: entryToJson(entry),
        list: witness ? hashOf(witness.signed) : null,
        proof: witness?.proof ?? null,
      }
    }),
  }))
  return `${JSON.stringify({ format: FORMAT, owners, lists: [...lists.values()].map(listToJson) }, null, 1)}\n`
}

/** A signed list with its timestamp, as `parseSignedListJson` reads it. */
export function listToJson(signed: SignedList) {
  return { ...signedListToJson(signed), timestamp: timestampToJson(signed.timestamp) }
}

/** The exact inverse of `renderPast`. @throws Error when the text is no memory of this form */
export function parsePast(text: string): NamePast {
  const members = membersOf(JSON.parse(text), 'memory', ['format', 'owners', 'lists'])
  if (integerMember(members, 'format') !== FORMAT) throw new Error(`format is not ${FORMAT}`)
  const lists = new Map(
    arrayOf(members.lists, 'lists')
      .map(parseSignedListJson)
      .map((each) => [each.hash, each]),
  )
  const [present, ...others] = arrayOf(members.owners, 'owners').map((each) => parseOwner(each, lists))
  if (present === undefined) throw new Error('owners is empty')
  return { present, others }
}

function parseOwner(value: unknown, lists: ReadonlyMap<Hex, SignedList>): OwnerMemory {
  const members = membersOf(value, 'owners', ['owner', 'epoch', 'version', 'hash', 'list', 'immutable'])
  const entries = new Map<string, TagEntry>()
  const witnesses = new Map<string, Witness>()
  for (const each of arrayOf(members.immutable, 'immutable')) {
    const row = membersOf(each, 'immutable', ['tag', 'entry', 'list', 'proof'])
    const tag = textMember(row, 'tag')
    const entry = parseEntryJson(row.entry)
    if ((entry.flags & FLAG_IMMUTABLE) === 0) throw new Error(`${tag} is not immutable`)
    const signed = listIn(row, lists)
    entries.set(tag, entry)
    if (signed !== null) witnesses.set(tag, { signed, proof: proofIn(row) })
  }
  return {
    owner: hexMember(members, 'owner', 20),
    epoch: BigInt(integerMember(members, 'epoch')),
    version: BigInt(integerMember(members, 'version')),
    hash: hexMember(members, 'hash', 32),
    entries,
    signed: listIn(members, lists),
    witnesses,
  }
}

function listIn(members: Members, lists: ReadonlyMap<Hex, SignedList>): SignedList | null {
  if (members.list === null) return null
  const signed = lists.get(hexMember(members, 'list', 32))
  if (signed === undefined) throw new Error('a list is missing')
  return signed
}

function proofIn(row: Members): Proof | null {
  return row.proof === null ? null : parseProofJson(row.proof)
}
