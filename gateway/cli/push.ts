import { ConfigError, type Flag, readInteger, readText, readUrls } from '../config.ts'
import { OciError } from '../oci/error.ts'
import { visible } from '../oci/visible.ts'
import { GatewayUnavailable } from './client/ccip.ts'
import { connectionFlags } from './client/connect.ts'
import { openSession, parseSubject, type Session, type Subject, wantsJson } from './client/session.ts'
import { endSignerAfter } from './client/signers/client-signer.ts'
import { openSigner, signerFlags, signerKind } from './client/signers/open-signer.ts'
import { withLogins } from './logins/carry-logins.ts'
import { type PublishingPlace, readBase } from './publishing/base.ts'
import { publishingFailureOf } from './publishing/failure.ts'
import { publishTag } from './publishing/publish-tag.ts'
import type { Uploads } from './push/blob-upload.ts'
import { openImageSource } from './push/image-source.ts'
import { type PushedImage, pushImage, putTag } from './push/push-image.ts'
import { refusalIn } from './push/registry-answer.ts'
import { ArchiveError } from './push/tar-entries.ts'
import { openUploadMemory } from './push/upload-memory.ts'
import type { ReadingFailure } from './reading.ts'
import { exitCodes, jsonFlag, type Verb, type VerbContext } from './verb.ts'

const flags: readonly Flag[] = [
  {
    name: 'part-size',
    value: 'MB',
    help: 'the most that one request brings (default 90; less where the gateway says so)',
  },
  { name: 'image', value: 'TAG', help: 'which image, where IMAGE holds several' },
  ...signerFlags,
]

/** `mooring push IMAGE NAME:TAG` */
export const push: Verb = {
  name: 'push',
  usage: 'IMAGE NAME:TAG --gateway URL [--part-size MB] [--key-file F] [flags]',
  summary: 'Push an image in parts that fit through any gateway: layers of any size, going on where it was cut off.',
  notes: [
    'IMAGE is an OCI image layout (a folder, or a tar archive of one), what docker save writes, or an image that docker has.',
    'A gateway without a key (a Worker) keeps the content and cannot publish the tag: with --key-file that is done here.',
  ],
  flags: [...flags, ...connectionFlags, jsonFlag],
  run: (context) => withLogins(context, () => runPush(context)),
}

async function runPush(context: VerbContext): Promise<number> {
  const { path, subject } = parseArguments(context)
  const gateway = readGateway(context)
  const uploads = uploadsTo(context, `${gateway}/v2/${subject.repository}`)
  signerKind(context.settings)
  const outcome: Outcome = { ...nothing, name: subject.ensName, tag: subject.tag, gateway }
  const source = await openImageSource(path, readText(context.settings, 'image'), context.environment).catch(asUsage)
  try {
    const image = await pushImage(source, uploads)
    Object.assign(outcome, { digest: image.root.digest, sent: image.sent, there: image.there })
    await publish({ context, subject, gateway }, image, outcome)
    context.print(wantsJson(context) ? JSON.stringify(outcome) : describe(outcome))
    return outcome.ok ? exitCodes.done : exitCodes.failed
  } catch (error) {
    const { error: name, message, code } = pushFailureOf(error)
    context.note(`mooring: ${name}: ${message}`)
    if (wantsJson(context)) context.print(JSON.stringify({ ...outcome, ok: false, error: name }))
    return code
  } finally {
    await source.close()
  }
}

/** The JSON of `mooring push`: contents that were sent, and that were there; `published` is true once the tag is in the signed list. */
type Outcome = {
  ok: boolean
  name: string
  tag: string
  gateway: string
  digest: string | null
  sent: number
  there: number
  published: boolean
  version: number | null
  error: string | null
}

const nothing = { ok: false, digest: null, sent: 0, there: 0, published: false, version: null, error: null }

const MEGABYTE = 1_000_000

function parseArguments(context: VerbContext): { path: string; subject: Subject } {
  const [path, name, ...more] = context.positionals
  if (path === undefined)
    throw new ConfigError('IMAGE', null, 'an OCI image layout, or a tar archive of one or of docker save')
  if (name?.includes(':') !== true) throw new ConfigError('NAME:TAG', name ?? null, 'a name with a tag')
  if (more.length > 0) throw new ConfigError('NAME:TAG', more.join(' '), 'IMAGE and NAME:TAG and no more')
  return { path, subject: parseSubject({ ...context, positionals: [name] }, 'NAME[:TAG]') }
}

function readGateway({ settings }: VerbContext): string {
  const [gateway, ...others] = readUrls(settings, 'gateway')
  if (gateway !== undefined && others.length === 0) return gateway
  throw new ConfigError(
    '--gateway',
    gateway === undefined ? null : [gateway, ...others].join(' '),
    'the URL of one gateway',
  )
}

function uploadsTo(context: VerbContext, repositoryUrl: string): Uploads {
  const { settings, note } = context
  const partBytes = readInteger(settings, 'part-size', 1, 1_000_000, 90) * MEGABYTE
  const memory = openUploadMemory(context)
  const onProgress: Uploads['onProgress'] = (digest, doneBytes, size) => {
    const percent = Math.floor((100 * doneBytes) / size)
    note(
      `${digest.slice(0, 19)}...  ${(doneBytes / MEGABYTE).toFixed(1)} of ${(size / MEGABYTE).toFixed(1)} MB, ${percent} %`,
    )
  }
  return { repositoryUrl, reach: 'given', partBytes, memory, onProgress, note }
}

function asUsage(error: unknown): never {
  if (error instanceof ArchiveError) throw new ConfigError('IMAGE', error.message, 'an image that can be read')
  throw error
}

type Publishing = {
  context: VerbContext
  subject: Subject
  gateway: string
}

/** By the gateway where it holds the key, else by the signer that was given here; without one the content waits. */
async function publish({ context, subject, gateway }: Publishing, image: PushedImage, outcome: Outcome): Promise<void> {
  const isSignedHere = signerKind(context.settings) !== null
  const { repository, tag } = subject
  const answer = await putTag(`${gateway}/v2/${repository}`, tag, image)
  if (answer.status === 201) {
    const warning = answer.headers.get('warning')
    if (warning !== null) context.note(`the gateway warns: ${visible(warning)}`)
    const isStaged = warning?.includes('staged') === true
    Object.assign(outcome, { ok: true, published: !isStaged })
    if (!isStaged || !isSignedHere) return
  }
  if (!isSignedHere) {
    const { code, message } = refusalIn(answer, gateway)
    context.note(`mooring: ${code}: ${message}`)
    context.note(`all content is at ${gateway}; only the tag is not published. Next, by who holds a publisher's key:`)
    context.note(`  mooring push ${context.positionals.join(' ')} --gateway ${gateway} --key-file FILE`)
    outcome.error = code
    return
  }
  const session = await openSession(context, subject)
  await signHere(context, session, { gateway, repository, reach: 'given' }, tag, image)
  // As what a next list may be built on: its timestamp, where the policy asks for one, comes later.
  const list = await readBase(session, { gateway, repository, reach: 'given' })
  const shown = list?.entries.get(tag)?.digest
  if (list === null || shown !== image.root.digest)
    throw new GatewayUnavailable(`${gateway} took the list and shows ${shown ?? 'no such tag'}`)
  Object.assign(outcome, { ok: true, published: true, version: Number(list.signed.list.version) })
}

async function signHere(
  { settings, note }: VerbContext,
  session: Session,
  place: PublishingPlace,
  tag: string,
  { root, swarmReference }: PushedImage,
): Promise<void> {
  const signer = await openSigner({ settings, chainId: session.onChain.domain.chainId, note })
  if (signer === null) return
  const { digest, size, mediaType } = root
  const publish = () => publishTag(session, place, signer, tag, { digest, size, mediaType, swarmReference })
  await endSignerAfter(signer, publish, () => `${session.onChain.ensName}:${tag} is published at ${place.gateway}.`)
}

function pushFailureOf(error: unknown): ReadingFailure {
  const code = exitCodes.failed
  if (error instanceof ArchiveError) return { error: 'BadImage', message: error.message, code }
  if (error instanceof OciError) return { error: error.items[0]?.code ?? 'BadImage', message: error.message, code }
  return publishingFailureOf(error)
}

function describe({ name, tag, digest, gateway, sent, there, published, version }: Outcome): string {
  const list = published
    ? `published${version === null ? '' : `, version ${version}, signed here and verified`}`
    : 'not published'
  return [
    `${name}:${tag}  ${digest}`,
    `  content  ${sent} sent, ${there} there already, at ${gateway}`,
    `  tag      ${list}`,
  ].join('\n')
}
