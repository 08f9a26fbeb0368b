import { parseStrictJson } from '../../oci/strict-json.ts'
import { arrayOf, objectOf, textMember } from '../../tags/json-members.ts'
import { fetchMooring, readJson } from '../client/read-list.ts'
import type { PublishingPlace } from './base.ts'

const tagsPerPage = 100
const maxPageBytes = 16 * 1024 * 1024

/**
 * The tags of its list whose content a gateway says that it does not store (protocol 5 `status`), in byte order. A hint where to look: it
 * may have them from Swarm.
 * @throws Refusal BadResponse, GatewayUnavailable, HttpFailure, BodyTooLarge
 */
export async function readMissingTags({ gateway, repository, reach }: PublishingPlace): Promise<string[]> {
  const missing: string[] = []
  let last = ''
  for (;;) {
    const endpoint = `status?n=${tagsPerPage}&last=${encodeURIComponent(last)}`
    const { url, body } = await fetchMooring(gateway, repository, endpoint, maxPageBytes, reach)
    const page = readJson(url, () => pageIn(body))
    const end = page.at(-1)?.tag ?? ''
    missing.push(...page.filter(({ isStored }) => !isStored).map(({ tag }) => tag))
    // One that does not move on would be asked for ever.
    if (page.length < tagsPerPage || end <= last) return missing
    last = end
  }
}

function pageIn(body: Uint8Array): { tag: string; isStored: boolean }[] {
  const { tags } = objectOf(parseStrictJson(body, { maxDepth: 6 }), 'status')
  return arrayOf(tags, 'tags').map((row) => {
    const members = objectOf(row, 'tags')
    return { tag: textMember(members, 'tag'), isStored: members.stored !== false }
  })
}
