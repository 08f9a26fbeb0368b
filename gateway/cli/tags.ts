import { FLAG_IMMUTABLE } from '../tags/entry.ts'
import { connectionFlags } from './client/connect.ts'
import { readWholeList, visibleEntries, type WholeList } from './client/read-list.ts'
import { openSession, parseSubject, wantsJson } from './client/session.ts'
import { failureOf, reportFailure } from './reading.ts'
import { exitCodes, jsonFlag, type Verb } from './verb.ts'

/** `mooring tags NAME` */
export const tags: Verb = {
  name: 'tags',
  usage: 'NAME [flags]',
  summary: 'List all tags of a name: the whole signed list, checked against its root.',
  flags: [...connectionFlags, jsonFlag],
  run: async (context) => {
    const subject = parseSubject(context, 'NAME')
    try {
      const list = await readWholeList(await openSession(context, subject), subject.repository)
      const { epoch, version } = list.signed.list
      const listHash = list.signed.hash
      const value = {
        name: subject.ensName,
        epoch: Number(epoch),
        version: Number(version),
        listHash,
        tags: rows(list),
      }
      context.print(wantsJson(context) ? JSON.stringify(value) : describe(value, list.gateway))
      return exitCodes.done
    } catch (error) {
      const nothing = { name: subject.ensName, epoch: null, version: null, listHash: null, tags: null }
      return reportFailure(context, nothing, failureOf(error))
    }
  },
}

function rows(list: WholeList) {
  return visibleEntries(list).map(([tag, { digest, size, mediaType, swarmReference, updatedVersion, flags }]) => {
    return { tag, digest, size, mediaType, swarmReference, updatedVersion, immutable: (flags & FLAG_IMMUTABLE) !== 0 }
  })
}

type TagsValue = { name: string; epoch: number; version: number; tags: ReturnType<typeof rows> }

function describe({ name, epoch, version, tags }: TagsValue, gateway: string): string {
  const width = Math.max(0, ...tags.map(({ tag }) => tag.length))
  return [
    `${name}  ${tags.length} ${tags.length === 1 ? 'tag' : 'tags'}, version ${version}, epoch ${epoch}, from ${gateway}`,
    ...tags.map(({ tag, digest, immutable }) => `  ${tag.padEnd(width)}  ${digest}${immutable ? '  immutable' : ''}`),
  ].join('\n')
}
