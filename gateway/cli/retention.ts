import { ConfigError, readInteger, type Settings } from '../config.ts'
import { FLAG_IMMUTABLE } from '../tags/entry.ts'
import { type Glob, matchesGlob } from '../tags/glob.ts'
import { connectionFlags } from './client/connect.ts'
import { readHistory } from './client/read-history.ts'
import { readWholeList, visibleEntries } from './client/read-list.ts'
import { openSession, parseSubject, wantsJson } from './client/session.ts'
import { readGlobs } from './globs.ts'
import { failureOf, reportFailure } from './reading.ts'
import { exitCodes, jsonFlag, type Verb } from './verb.ts'

/** What a policy looks at in a tag. `updatedAt`: unix seconds of the list version that last changed it. */
export type AgedTag = { tag: string; digest: string; immutable: boolean; updatedVersion: number; updatedAt: number }

/** Which tags to keep; a rule that is null keeps nothing. A tag stays when any of them keeps it. */
export type RetentionPolicy = {
  /** This many of the tags that the other rules let go, those changed last. */
  keepLast: number | null
  keepGlobs: readonly Glob[]
  /** Tags changed within this time. */
  maxAgeSeconds: number | null
}

const DAY_SECONDS = 24 * 60 * 60
const MOST_DAYS = 100_000

/**
 * The tags that a policy lets go, oldest change first. An immutable tag never goes by policy: deleting it is for good. `now` in unix
 * seconds.
 */
export function tagsToRemove(tags: readonly AgedTag[], policy: RetentionPolicy, now: number): AgedTag[] {
  const newestFirst = (a: AgedTag, b: AgedTag) => b.updatedVersion - a.updatedVersion || (a.tag < b.tag ? -1 : 1)
  const isOld = ({ updatedAt }: AgedTag) => policy.maxAgeSeconds === null || now - updatedAt > policy.maxAgeSeconds
  return tags
    .filter(({ tag, immutable }) => !immutable && !policy.keepGlobs.some((glob) => matchesGlob(glob, tag)))
    .sort(newestFirst)
    .slice(policy.keepLast ?? 0)
    .filter(isOld)
    .reverse()
}

/** `mooring retention NAME` */
export const retention: Verb = {
  name: 'retention',
  usage: 'NAME [--keep-last N] [--keep GLOB]... [--older-than DAYS] [flags]',
  summary: 'Propose which tags of a name to delete by policy; delete nothing.',
  notes: [
    'A tag is proposed when no --keep matches it, it is not among the last N changed of those left, and it was last changed more than',
    'DAYS ago. Immutable tags are never proposed. Printed are the DELETE requests for a publishing gateway; with --json also the changes',
    'to publish. What no list names any more is then freed by the collector.',
  ],
  flags: [
    { name: 'keep-last', value: 'N', help: 'keep the N tags changed last' },
    {
      name: 'keep',
      value: 'GLOB',
      repeatable: true,
      help: 'keep tags like this: * any text, ? one character, [0-9] one of a set',
    },
    { name: 'older-than', value: 'DAYS', help: 'keep tags changed within DAYS' },
    ...connectionFlags,
    jsonFlag,
  ],
  run: async (context) => {
    const subject = parseSubject(context, 'NAME')
    const policy = readPolicy(context.settings)
    try {
      const session = await openSession(context, subject)
      const list = await readWholeList(session, subject.repository)
      const issued = new Map(
        (await readHistory(session, subject.repository)).map(({ signed }) => [
          signed.list.version,
          signed.list.issuedAt,
        ]),
      )
      const tags = visibleEntries(list).map(([tag, { digest, flags, updatedVersion }]) => {
        const updatedAt = Number(issued.get(BigInt(updatedVersion)) ?? list.signed.list.issuedAt)
        return { tag, digest, immutable: (flags & FLAG_IMMUTABLE) !== 0, updatedVersion, updatedAt }
      })
      const remove = tagsToRemove(tags, policy, Number(session.localTime))
      const requests = remove.map(({ tag }) => ({
        method: 'DELETE',
        url: `${list.gateway}/v2/${subject.repository}/manifests/${tag}`,
      }))
      const { version } = list.signed.list
      const value = {
        ...{ name: subject.ensName, version: Number(version), listHash: list.signed.hash, tags: tags.length, remove },
        ...{ requests, changes: remove.map(({ tag }) => ({ tag, entry: null })) },
      }
      const lines = requests.map(({ method, url }) => `${method} ${url}`)
      const text = [...lines, `${remove.length} of ${tags.length} tags of ${subject.ensName}; nothing was deleted`]
      context.print(wantsJson(context) ? JSON.stringify(value) : text.join('\n'))
      return exitCodes.done
    } catch (error) {
      return reportFailure(context, { name: subject.ensName, remove: null }, failureOf(error))
    }
  },
}

/** @throws ConfigError for a value that is none, and when no rule is given: that would let everything go */
function readPolicy(settings: Settings): RetentionPolicy {
  const integer = (name: string, most: number) => (settings.has(name) ? readInteger(settings, name, 0, most) : null)
  const keepLast = integer('keep-last', Number.MAX_SAFE_INTEGER)
  const days = integer('older-than', MOST_DAYS)
  const keepGlobs = readGlobs(settings, 'keep')
  if (keepLast === null && days === null && keepGlobs.length === 0) {
    throw new ConfigError('retention', null, 'at least one of --keep-last N, --keep GLOB and --older-than DAYS')
  }
  return { keepLast, keepGlobs, maxAgeSeconds: days === null ? null : days * DAY_SECONDS }
}
