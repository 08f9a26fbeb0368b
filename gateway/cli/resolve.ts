import { ZERO_REFERENCE } from '../tags/entry.ts'
import { connectionFlags } from './client/connect.ts'
import { type ResolvedTag, resolveTag, unverified } from './client/resolve-tag.ts'
import { lookupFlags, openSession, parseSubject, type Subject, wantsJson } from './client/session.ts'
import { failureOf } from './reading.ts'
import { exitCodes, jsonFlag, type Verb, type VerbContext } from './verb.ts'

/** `mooring resolve NAME[:TAG]` */
export const resolve: Verb = {
  name: 'resolve',
  usage: 'NAME[:TAG] [flags]',
  summary: 'Find the digest of a tag through ENS and check it: by the contract, and by our own verifier.',
  notes: ['Without TAG: latest. Exit code 0: present, 3: proven absent, 4: unverified or refused.'],
  flags: [...connectionFlags, ...lookupFlags, jsonFlag],
  run: async (context) => {
    const subject = parseSubject(context, 'NAME[:TAG]')
    const resolved = await resolveSubject(context, subject)
    const { resolution, message } = resolved
    if (resolution.error !== null) context.note(`mooring: ${resolution.error}: ${message}`)
    context.print(wantsJson(context) ? JSON.stringify(resolution) : describe(resolved))
    if (resolution.error === 'ChainUnavailable') return exitCodes.failed
    return { present: exitCodes.done, absent: exitCodes.absent, unverified: exitCodes.unverified }[resolution.status]
  },
}

async function resolveSubject(context: VerbContext, subject: Subject): Promise<ResolvedTag> {
  try {
    return await resolveTag(await openSession(context, subject), subject)
  } catch (error) {
    const failure = failureOf(error)
    return { resolution: unverified(subject, failure.error), message: failure.message, gateway: null }
  }
}

function describe({ resolution, gateway }: ResolvedTag): string {
  const { name, tag, status, digest, size, mediaType, swarmReference, version, epoch, viaEns } = resolution
  const subject = `${name}:${tag}`
  if (status === 'unverified') return `${subject}  unverified: nothing can be said about this tag`
  const list = `  list     version ${version}, epoch ${epoch}, from ${gateway}`
  if (status === 'absent') return `${subject}  proven absent\n${list}`
  return [
    `${subject}  ${digest}`,
    `  what     ${mediaType}, ${size} bytes`,
    ...(swarmReference === ZERO_REFERENCE ? [] : [`  swarm    ${swarmReference}`]),
    list,
    `  checked  by our verifier, and by the contract through ENS (${viaEns === digest ? 'they agree' : 'they differ'})`,
  ].join('\n')
}
