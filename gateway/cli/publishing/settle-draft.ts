import { writeFile } from 'node:fs/promises'
import type { Address, Hex } from 'viem'
import { ConfigError } from '../../config.ts'
import { Refusal } from '../../tags/refusal.ts'
import type { WholeList } from '../client/read-list.ts'
import type { Session } from '../client/session.ts'
import type { ClientSigner } from '../client/signers/client-signer.ts'
import type { PublishingPlace } from './base.ts'
import { describeDifference } from './difference.ts'
import { type Draft, renderDraft } from './draft.ts'
import { PublishRefused } from './failure.ts'
import type { Move } from './moves.ts'
import { safeMessageOf } from './safe-message.ts'
import { sendDraft } from './send.ts'
import { addSignature, checkDraft, checkPublisher, isComplete, signDraft, signedListsOf } from './sign.ts'

/** One run of `mooring publish`: for whom, where, and what was asked for. */
export type PublishRun = {
  session: Session
  place: PublishingPlace
  /** Null where nobody signs here. */
  signer: ClientSigner | null
  /** A contract that signs by ERC-1271; its signature once it has one. */
  safe: { address: Address; signature: Hex | null } | null
  /** The owner anchors the list on chain: it needs no signature. */
  anchored: boolean
  /** Show what would be published, and no more. */
  dryRun: boolean
  /** Nobody is asked. */
  yes: boolean
  exportFile: string | null
  ask: ((question: string) => Promise<boolean>) | undefined
  /** The account for people. */
  say(line: string): void
}

/** What came of one draft: `lost` against another publisher's list, `taken` by the gateway, or not sent. */
export type Settled = {
  draft: Draft
  moves: readonly Move[]
  came: 'shown' | 'exported' | 'waiting' | 'taken' | 'lost'
}

/**
 * The one way in which every list ends that is made here or was brought: shown, agreed to, signed, and sent once the chain would take it;
 * else written to a file, or kept until the rest comes. @throws ConfigError, Refusal, PublishRefused, SignerRefused, RegistryRefused
 */
export async function settleDraft(
  run: PublishRun,
  base: WholeList | null,
  made: Draft,
  moves: readonly Move[],
): Promise<Settled> {
  const { session, say } = run
  const { policy } = await session.onChain.readAuthority()
  const lines = describeDifference(base, made, moves, policy)
  for (const line of lines) say(line)
  if (run.dryRun) return { draft: made, moves, came: 'shown' }
  await checkWhoSigns(run, made)
  await askFirst(run)
  const draft = await addSignatures(run, base, made, lines)
  if (run.exportFile !== null) return exportDraft(run, draft, moves)
  if (!(await isComplete(session, draft))) return waitForRest(run, draft, moves)
  return send(run, base, draft, moves)
}

/** Before anybody is asked: whether a signature here would bring it anywhere. @throws ConfigError, Refusal */
async function checkWhoSigns(run: PublishRun, draft: Draft): Promise<void> {
  const { session, signer, safe, anchored, exportFile } = run
  const { policy, ensName } = await session.onChain.readAuthority()
  for (const address of [signer?.address, safe?.address])
    if (address !== undefined) await checkPublisher(session, address)
  if (anchored || exportFile !== null || (await isComplete(session, draft))) return
  const signers = new Set(draft.signatures.map((each) => each.signer))
  const before = signers.size
  for (const address of [signer?.address, safe?.address]) if (address !== undefined) signers.add(address)
  if (signers.size === 0) {
    const wanted = 'one of --key-file F, --keystore F, --rpc-signer URL, --browser, --safe ADDRESS and --anchored'
    throw new ConfigError('signer', null, wanted)
  }
  if (signers.size >= policy.threshold) return
  const short = `${policy.threshold} publishers of ${ensName} must sign, and ${signers.size} would have (${before} before)`
  const next = '--export FILE writes it for the next publisher, who runs mooring publish NAME --import FILE'
  throw new Refusal('ThresholdNotMet', `${short}: ${next}`)
}

/** @throws PublishRefused when the answer is no; ConfigError where nobody can be asked */
async function askFirst({ yes, ask, signer }: PublishRun): Promise<void> {
  if (yes) return
  const wanted = 'it where nobody sits at a terminal: the difference above was shown to nobody'
  if (ask === undefined) throw new ConfigError('--yes', null, wanted)
  if (await ask(signer === null ? 'Go on? [y/N] ' : `Sign as ${signer.address}? [y/N] `)) return
  throw new PublishRefused('NotConfirmed', 'nothing was signed or sent: the answer was no')
}

async function addSignatures(
  { session, signer, safe, anchored }: PublishRun,
  base: WholeList | null,
  made: Draft,
  lines: readonly string[],
): Promise<Draft> {
  let draft = made
  const isNew = signer !== null && !draft.signatures.some((each) => each.signer === signer.address)
  if (isNew) draft = await signDraft(session, signer, base, draft, lines)
  if (safe === null && !anchored) return draft
  // What a contract is asked to sign, or an owner to anchor, is as good as signed: it leaves this machine.
  await checkDraft(session, base, draft)
  await (await signedListsOf(session)).keep(draft, true)
  if (safe === null || safe.signature === null) return draft
  return addSignature(session, draft, { signer: safe.address, signature: safe.signature })
}

async function exportDraft(run: PublishRun, draft: Draft, moves: readonly Move[]): Promise<Settled> {
  const { session, say } = run
  const file = run.exportFile ?? ''
  await (await signedListsOf(session)).keep(draft, true)
  await writeFile(file, renderDraft(session.onChain.domain, draft), { flag: 'wx' }).catch((error: Error) => {
    throw new ConfigError('--export', file, `a file that can be written and is not there yet (${error.message})`)
  })
  const { policy, ensName } = await session.onChain.readAuthority()
  say(
    `  ${file} has ${draft.signatures.length} of ${policy.threshold} signatures; next: mooring publish ${ensName} --import ${file}`,
  )
  sayWhatIsMissing(run, draft)
  return { draft, moves, came: 'exported' }
}

function waitForRest(run: PublishRun, draft: Draft, moves: readonly Move[]): Settled {
  sayWhatIsMissing(run, draft)
  return { draft, moves, came: 'waiting' }
}

/** What somebody else must do now, in words that can be pasted. */
function sayWhatIsMissing({ safe, anchored, say, session }: PublishRun, { list, hash }: Draft): void {
  const { name, version } = list
  if (safe !== null && safe.signature === null) {
    const { hash: messageHash } = safeMessageOf(session.onChain.domain.chainId, safe.address, hash)
    say(`  the owners of the Safe ${safe.address} sign the message with hash ${messageHash}; then`)
    say(
      `    mooring publish ${name} --safe ${safe.address} --safe-signature 0x...   (0x alone when it was approved on chain)`,
    )
  }
  if (!anchored) return
  say(`  the owner anchors it: mooring anchor ${name} --version ${version} --list ${hash}; then`)
  say(`    mooring publish ${name} --anchored`)
}

async function send(run: PublishRun, base: WholeList | null, draft: Draft, moves: readonly Move[]): Promise<Settled> {
  const { session, place, say } = run
  await checkDraft(session, base, draft)
  if (!(await sendDraft(place, draft))) {
    say(`  ${place.gateway} has another list of this version: it came first`)
    return { draft, moves, came: 'lost' }
  }
  const { list, hash, signatures } = draft
  const entries = new Map(base?.entries ?? [])
  for (const { tag, after } of moves) after === null ? entries.delete(tag) : entries.set(tag, after)
  await session.memory.remember(
    session.onChain.domain,
    { list, hash, signatures, timestamp: null },
    { tags: 'all', entries },
  )
  say(`  published: version ${list.version} at ${place.gateway}`)
  return { draft, moves, came: 'taken' }
}
