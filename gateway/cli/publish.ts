import { type Hex, isHex } from 'viem'
import { ConfigError, readAddress, readSwitch, readText, type Settings } from '../config.ts'
import { entryToJson } from '../tags/json.ts'
import { MAX_SIGNATURE_BYTES } from '../tags/signature.ts'
import { GatewayUnavailable } from './client/ccip.ts'
import { connectionFlags } from './client/connect.ts'
import { openSession, parseSubject, type Session, wantsJson } from './client/session.ts'
import type { SigningEnd } from './client/signers/client-signer.ts'
import { openSigner, signerFlags, signerKind } from './client/signers/open-signer.ts'
import { readGlobs } from './globs.ts'
import { withLogins } from './logins/carry-logins.ts'
import { publishingFailureOf } from './publishing/failure.ts'
import { carryToOthers, levelLead, type Standing } from './publishing/other-gateways.ts'
import { placesOf } from './publishing/places.ts'
import { publishImported, publishStaged } from './publishing/publish-name.ts'
import { safeMessageOf } from './publishing/safe-message.ts'
import type { PublishRun, Settled } from './publishing/settle-draft.ts'
import { stampPublished } from './publishing/stamp.ts'
import { openUploadMemory } from './push/upload-memory.ts'
import { exitCodes, jsonFlag, type Verb, type VerbContext } from './verb.ts'

/** `mooring publish NAME` */
export const publish: Verb = {
  name: 'publish',
  usage: 'NAME [--gateway URL]... [--tag GLOB]... [--dry-run] [--yes] [signer] [flags]',
  summary: 'Sign and publish what was pushed to a gateway that holds no key, after checking all of it here.',
  notes: [
    'Every staged manifest is read and hashed, the list is built here from the last verified one, and the difference is shown before anybody signs.',
    'It goes through the first gateway that the chain names, then the same list and its content to the others. With --gateway those given',
    'are all there are. With nothing new to publish, gateways that stayed behind are brought up.',
    'Several publishers: --export FILE, then --import FILE at the next one. A Safe: --safe ADDRESS, then again with --safe-signature.',
    'Where the owner can sign nothing: --anchored, then mooring anchor, then --anchored again.',
  ],
  flags: [
    { name: 'tag', value: 'GLOB', repeatable: true, help: 'only staged tags like this one, such as v[0-9]*' },
    { name: 'dry-run', value: null, help: 'show what would be published; sign and send nothing' },
    { name: 'yes', value: null, help: 'do not ask' },
    ...signerFlags,
    { name: 'export', value: 'FILE', help: 'write the list with the signatures so far, for the next publisher' },
    { name: 'import', value: 'FILE', repeatable: true, help: 'go on with a list that others exported' },
    { name: 'safe', value: 'ADDRESS', help: 'a Safe signs (ERC-1271): prints the message for its owners' },
    { name: 'safe-signature', value: 'HEX', help: "the Safe's signature, 0x alone when it was approved on chain" },
    { name: 'anchored', value: null, help: 'the owner anchors the list on chain in place of a signature' },
    { name: 'renew', value: null, help: 'sign the list anew where no tag changes: lists live for 90 days' },
    { name: 'discard-unsigned', value: null, help: 'forget a list that was shown to a signer before and not signed' },
    ...connectionFlags,
    jsonFlag,
  ],
  run: (context) => withLogins(context, () => runPublish(context)),
}

async function runPublish(context: VerbContext): Promise<number> {
  const subject = parseSubject(context, 'NAME')
  const asked = readAsked(context.settings)
  const outcome: Outcome = { ...nothing, name: subject.ensName }
  let run: PublishRun | null = null
  let end: SigningEnd = { ok: false, text: '' }
  try {
    const session = await openSession(context, subject)
    const places = await placesOf(session, subject.repository)
    outcome.gateway = places.lead.gateway
    run = await openRun(context, session, places.lead, asked)
    const round = { session, places, memory: openUploadMemory(context), say: run.say, warn: context.note }
    await levelLead(round, !run.dryRun)
    const settled = await publishAsked(run, asked)
    report(run, settled, outcome)
    reportStanding(await carryToOthers(round, settled), outcome)
    end = { ok: true, text: endTextOf(settled.at(-1), run.place.gateway) }
    if (wantsJson(context)) context.print(JSON.stringify(outcome))
    else if (outcome.safeMessage !== null) context.print(JSON.stringify(outcome.safeMessage.typedData))
    return exitCodes.done
  } catch (error) {
    const { error: name, message, code } = publishingFailureOf(error)
    end.text = `${name}: ${message}`
    context.note(`mooring: ${name}: ${message}`)
    if (wantsJson(context)) context.print(JSON.stringify({ ...outcome, error: name }))
    return code
  } finally {
    await run?.signer?.close(end)
  }
}

/** For who looks at the signer's page. */
function endTextOf(last: Settled | undefined, gateway: string): string {
  if (last === undefined) return 'Nothing waits to be published: nothing was signed.'
  const { name, version } = last.draft.list
  if (last.came === 'taken') return `Version ${version} of ${name} is published at ${gateway}.`
  return `Version ${version} of ${name} is signed and not published yet: the terminal says what comes next.`
}

/** The JSON of `mooring publish`; `changes` as those of `mooring history`. */
type Outcome = {
  name: string
  published: boolean
  version: number | null
  listHash: Hex | null
  changes: { tag: string; before: object | null; after: object | null }[]
  /** The one that it was published through. */
  gateway: string | null
  /** That one and the others, and how each stands to the list; empty where nothing was sent. */
  gateways: Standing['gateways']
  /** Who signed it. */
  signers: string[]
  exported: string | null
  safeMessage: ReturnType<typeof safeMessageOf> | null
  error: string | null
}

const nothing = {
  ...{ published: false, version: null, listHash: null, changes: [], gateway: null, gateways: [], signers: [] },
  ...{ exported: null, safeMessage: null, error: null },
}

/** What the flags ask for. */
type Asked = ReturnType<typeof readAsked>

/** @throws ConfigError for what does not go together */
function readAsked(settings: Settings) {
  const importFiles = (settings.get('import') ?? []).map(({ text }) => text)
  const wanted = {
    globs: readGlobs(settings, 'tag'),
    renew: readSwitch(settings, 'renew'),
    discardUnsigned: readSwitch(settings, 'discard-unsigned'),
  }
  if (importFiles.length > 0 && (wanted.globs.length > 0 || wanted.renew)) {
    throw new ConfigError('--import', 'it beside --tag or --renew', 'it alone: what it changes is in the file')
  }
  const safe = readAddress(settings, 'safe')
  const signature = readText(settings, 'safe-signature')
  if (signature !== undefined && safe === undefined) throw new ConfigError('--safe', null, 'the address of the Safe')
  if (safe !== undefined && readSwitch(settings, 'anchored')) {
    throw new ConfigError('--anchored', 'it beside --safe', 'one of the two')
  }
  signerKind(settings)
  return {
    importFiles,
    wanted,
    safe: safe === undefined ? null : { address: safe, signature: readSignature(signature) },
  }
}

function readSignature(text: string | undefined): Hex | null {
  if (text === undefined) return null
  const isBytes = isHex(text) && text.length % 2 === 0 && text.length <= 2 + 2 * MAX_SIGNATURE_BYTES
  if (isBytes) return text.toLowerCase() as Hex
  throw new ConfigError(
    '--safe-signature',
    `${text.length} characters`,
    `0x and hex digits, at most ${MAX_SIGNATURE_BYTES} bytes`,
  )
}

async function openRun(
  context: VerbContext,
  session: Session,
  place: PublishRun['place'],
  { safe }: Asked,
): Promise<PublishRun> {
  const { settings, note, ask } = context
  const { chainId } = session.onChain.domain
  const dryRun = readSwitch(settings, 'dry-run')
  return {
    ...{ session, safe, dryRun, ask, place },
    signer: dryRun ? null : await openSigner({ settings, chainId, note }),
    anchored: readSwitch(settings, 'anchored'),
    yes: readSwitch(settings, 'yes'),
    exportFile: readText(settings, 'export') ?? null,
    // stdout is for the one JSON value, or for the message that a Safe signs.
    say: wantsJson(context) || safe !== null ? note : context.print,
  }
}

async function publishAsked(run: PublishRun, { importFiles, wanted }: Asked): Promise<Settled[]> {
  const settled = importFiles.length > 0 ? [await publishImported(run, importFiles)] : await publishStaged(run, wanted)
  const { session, place, signer, say } = run
  if (settled.some(({ came }) => came === 'taken')) await stampPublished(session, place, signer, say)
  return settled
}

function report(run: PublishRun, settled: readonly Settled[], outcome: Outcome): void {
  const last = settled.at(-1)
  if (last === undefined) return
  const { list, hash, signatures } = last.draft
  const isShown = last.came === 'shown'
  Object.assign(outcome, {
    published: settled.some(({ came }) => came === 'taken'),
    version: Number(list.version),
    // It would have another one when it is signed: it holds the time.
    listHash: isShown ? null : hash,
    changes: settled.flatMap(({ moves }) => moves.map(changeOf)),
    signers: signatures.map(({ signer }) => signer),
    exported: last.came === 'exported' ? run.exportFile : null,
  })
  const isForSafe = run.safe !== null && run.safe.signature === null && !isShown
  if (isForSafe && run.safe)
    outcome.safeMessage = safeMessageOf(run.session.onChain.domain.chainId, run.safe.address, hash)
}

/** Published is what one gateway at least shows. @throws GatewayUnavailable where the one that said so does not, and no other */
function reportStanding({ gateways, isPublished }: Standing, outcome: Outcome): void {
  outcome.gateways = gateways
  if (!outcome.published || isPublished) return
  outcome.published = false
  throw new GatewayUnavailable(`no gateway shows version ${outcome.version}: the same command sends it again`)
}

function changeOf({ tag, before, after }: Settled['moves'][number]) {
  return { tag, before: before && entryToJson(before), after: after && entryToJson(after) }
}
