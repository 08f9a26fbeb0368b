import type { Digest } from '../oci/digest.ts'
import { connectionFlags } from './client/connect.ts'
import { checkContent, type Expected } from './client/content.ts'
import { firstThatHolds, readWholeList } from './client/read-list.ts'
import { type Resolution, resolveTag } from './client/resolve-tag.ts'
import { lookupFlags, openSession, parseSubject, type Session, type Subject, wantsJson } from './client/session.ts'
import { failureOf } from './reading.ts'
import { exitCodes, jsonFlag, type Verb, type VerbContext } from './verb.ts'

/** The JSON of `mooring verify`. */
type Verification = {
  ok: boolean
  name: string
  tag: string
  digest: string | null
  checks: { name: string; ok: boolean; detail: string }[]
  error: string | null
}

/** `mooring verify NAME[:TAG]` */
export const verify: Verb = {
  name: 'verify',
  usage: 'NAME[:TAG] [flags]',
  summary: 'Check a tag down to the last byte: chain, list, proof, manifests, configs and layers.',
  notes: ['Without TAG: latest. Exit code 0: all of it holds, 3: proven absent, 4: something is refused or missing.'],
  flags: [...connectionFlags, ...lookupFlags, jsonFlag],
  run: async (context) => {
    const subject = parseSubject(context, 'NAME[:TAG]')
    const { ensName: name, tag } = subject
    const verification: Verification = { ok: false, name, tag, digest: null, checks: [], error: null }
    const say = (check: Verification['checks'][number]) => {
      verification.checks.push(check)
      if (!wantsJson(context)) context.print(`  ${check.ok ? 'ok  ' : 'FAIL'}  ${check.name}  ${check.detail}`)
    }
    const code = await runChecks(context, subject, verification, say)
    context.print(wantsJson(context) ? JSON.stringify(verification) : conclude(verification, code))
    return code
  },
}

type Say = (check: { name: string; ok: boolean; detail: string }) => void

async function runChecks(
  context: VerbContext,
  subject: Subject,
  verification: Verification,
  say: Say,
): Promise<number> {
  let step = 'chain'
  try {
    const session = await openSession(context, subject)
    say(await describeChain(session))
    step = 'tag'
    const { resolution, message } = await resolveTag(session, subject)
    if (resolution.error !== null) return fail(context, verification, say, step, resolution.error, message ?? '')
    verification.digest = resolution.digest
    say({ name: step, ok: true, detail: `${resolution.digest ?? 'proven absent'}, by contract and verifier` })
    step = 'list'
    const list = await readWholeList(session, subject.repository)
    say({
      name: step,
      ok: true,
      detail: `version ${list.signed.list.version}, ${list.entries.size} entries rebuild the root`,
    })
    step = 'content'
    if (resolution.digest !== null) await checkAllContent(session, subject, expectedOf(resolution), say)
    verification.ok = true
    return resolution.status === 'present' ? exitCodes.done : exitCodes.absent
  } catch (error) {
    const failure = failureOf(error)
    fail(context, verification, say, step, failure.error, failure.message)
    return failure.code
  }
}

function fail(
  context: VerbContext,
  verification: Verification,
  say: Say,
  step: string,
  error: string,
  message: string,
): number {
  verification.error = error
  say({ name: step, ok: false, detail: `${error}: ${message}` })
  context.note(`mooring: ${error}: ${message}`)
  return exitCodes.unverified
}

async function describeChain({ onChain }: Session) {
  const { chainId, blockNumber, authorityName, owner, policy } = await onChain.readAuthority()
  const signers = `${policy.threshold} of ${policy.publishers.length} publishers`
  const detail = `${authorityName} belongs to ${owner} (${signers}), chain ${chainId}, block ${blockNumber}`
  return { name: 'chain', ok: true, detail }
}

function expectedOf({ digest, size, mediaType, swarmReference }: Resolution): Expected {
  const content = { digest: digest as Digest, size: size ?? 0, mediaType: mediaType ?? '' }
  return swarmReference === null ? content : { ...content, swarmReference }
}

/** All of it from one gateway; the next one when that fails. */
async function checkAllContent(session: Session, subject: Subject, root: Expected, say: Say): Promise<void> {
  const held = await firstThatHolds(session, async (gateway) => {
    const checks = []
    const content = checkContent(`${gateway}/v2/${subject.repository}`, root, undefined, session.onChain.reach)
    for await (const check of content) checks.push(check)
    return checks
  })
  for (const { name, expected, skipped } of held) {
    const detail = `${expected.digest}, ${expected.size} bytes${skipped ? ', kept elsewhere: not read' : ''}`
    say({ name, ok: true, detail })
  }
}

function conclude({ name, tag, digest, checks, error }: Verification, code: number): string {
  if (code === exitCodes.absent) return `${name}:${tag}  proven absent`
  if (error !== null) return `${name}:${tag}  refused: ${error}`
  return `${name}:${tag}  ${digest}  verified, ${checks.length} checks`
}
