import { parseStrictJson } from '../../oci/strict-json.ts'
import { visibleWord } from '../../oci/visible.ts'
import { isTag } from '../../tags/entry.ts'
import { parseEntryJson } from '../../tags/json.ts'
import { arrayOf, integerMember, membersOf, textMember } from '../../tags/json-members.ts'
import type { TagChange } from '../../tags/tree.ts'
import { fetchBounded } from '../client/http.ts'
import { readJson } from '../client/read-list.ts'
import { refusalIn } from '../push/registry-answer.ts'
import type { PublishingPlace } from './base.ts'

/** A change that was pushed and waits for a signature, as the gateway tells of it: nothing of it is believed yet. */
export type StagedChange = TagChange & {
  /** Unix seconds. */
  stagedAt: number
  /** An account, or a user of the gateway; visible ASCII. */
  stagedBy: string
}

const maxBytes = 64 * 1024 * 1024
const timeoutMs = 120_000

/** What waits at a gateway for a name (protocol 5 `staged`). @throws Refusal BadResponse, RegistryRefused, HttpFailure, BodyTooLarge */
export async function readStaged(place: PublishingPlace, ensName: string): Promise<StagedChange[]> {
  const { gateway, repository, reach } = place
  const url = `${gateway}/v2/${repository}/_mooring/staged`
  const answer = await fetchBounded({ url, reach, timeoutMs }, maxBytes)
  if (answer.status !== 200) throw refusalIn(answer, url)
  return readJson(url, () => {
    const { name, changes } = membersOf(parseStrictJson(answer.body, { maxDepth: 5 }), 'staged', [
      'name',
      'base',
      'changes',
    ])
    if (name !== ensName) throw new Error(`it is about ${JSON.stringify(name)?.slice(0, 80)}, not ${ensName}`)
    const staged = arrayOf(changes, 'changes').map(parseStaged)
    const [twice] = staged.filter(({ tag }, at) => staged.findIndex((each) => each.tag === tag) !== at)
    if (twice !== undefined) throw new Error(`tag ${twice.tag} stands twice`)
    return staged.sort((one, other) => (one.tag < other.tag ? -1 : 1))
  })
}

function parseStaged(value: unknown): StagedChange {
  const members = membersOf(value, 'changes', ['tag', 'entry', 'stagedAt', 'stagedBy'])
  const tag = textMember(members, 'tag')
  if (!isTag(tag)) throw new Error('a change is of what is no tag')
  return {
    tag,
    entry: members.entry === null ? null : parseEntryJson(members.entry),
    stagedAt: integerMember(members, 'stagedAt'),
    stagedBy: visibleWord(textMember(members, 'stagedBy').slice(0, 100)),
  }
}
