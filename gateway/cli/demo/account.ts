import { createClient, http } from 'viem'
import { generatePrivateKey } from 'viem/accounts'
import { getEnsText } from 'viem/actions'
import { encodeTagLookup } from '../../ens/lookup.ts'
import { repositoryOf } from '../../ens/name.ts'
import { verifyLookup } from '../../ens/verify.ts'
import type { Digest } from '../../oci/digest.ts'
import { createKeySigner } from '../../signer.ts'
import { fetchResponse } from '../client/ccip.ts'
import { checkContent, type Expected } from '../client/content.ts'
import { fetchBounded } from '../client/http.ts'
import { refusalOf } from '../client/look-up.ts'
import { resolveTag } from '../client/resolve-tag.ts'
import type { Session } from '../client/session.ts'
import { readTextViaEns } from '../client/via-ens.ts'
import { answerForOtherTag, forgeDigest, type Lie, type LyingGateway, replay, signAsStranger } from './liar.ts'

/** The tags that the demo pushes, the one asked for last. */
export const demoTags = ['1.0', 'latest'] as const

/** The digest of a tag as any ENS client reads it: viem's getEnsText, strict, with its own CCIP-Read. @throws when there is none */
export async function resolveWithViem(session: Session, ensName: string): Promise<string> {
  const { rpcUrls, universalResolver } = session.connection
  const client = createClient({ transport: http(rpcUrls[0]) })
  const options = { name: ensName, strict: true, universalResolverAddress: universalResolver }
  const text = await getEnsText(client, { ...options, key: 'oci-tag[latest]' })
  if (text === null) throw new Error(`ENS has no oci-tag[latest] of ${ensName}`)
  return text
}

/**
 * A tag that is there and one that is not, by our verifier and by the contract, which must agree; what the first one is.
 * @throws when they do not, or it is not the digest that ENS gave
 */
export async function verifyBothWays(session: Session, ensName: string, wanted: string): Promise<Expected> {
  const subject = { ensName, repository: repositoryOf(ensName), tag: 'latest' }
  const { resolution, message } = await resolveTag(session, subject)
  const { status, digest, size, mediaType, swarmReference, error } = resolution
  if (status !== 'present' || digest !== wanted)
    throw new Error(`${ensName}:latest is ${status} (${error}: ${message})`)
  const absent = await resolveTag(session, { ...subject, tag: 'nobody-pushed-this' })
  if (absent.resolution.status !== 'absent') throw new Error(`a tag that nobody pushed is ${absent.resolution.status}`)
  const content = { digest: digest as Digest, size: size as number, mediaType: mediaType as string }
  return swarmReference === null ? content : { ...content, swarmReference }
}

/** Pulls the tag as a client would, and everything below it. @throws when a byte is wrong or missing */
export async function pullBack(repositoryUrl: string, latest: Expected): Promise<string> {
  const { digest, mediaType, size } = latest
  const url = `${repositoryUrl}/manifests/latest`
  const answer = await fetchBounded({ url, reach: 'given', headers: { accept: mediaType }, timeoutMs: 10_000 }, size)
  const header = answer.headers.get('docker-content-digest')
  if (answer.status !== 200 || header !== digest)
    throw new Error(`GET ${url} answers ${answer.status}, digest ${header}`)
  const counts = { index: 0, manifest: 0, blob: 0 }
  for await (const { name } of checkContent(repositoryUrl, latest)) counts[name]++
  return `${counts.index} index, ${counts.manifest} manifests, ${counts.blob} blobs, every digest checked`
}

/** An old answer of the honest gateway, for the liar to replay. */
export async function keepOldAnswer(session: Session, ensName: string): Promise<Lie> {
  const callData = encodeTagLookup(ensName, 'latest', 'text')
  const { domain, gateways } = session.onChain
  return replay(await fetchResponse(gateways[0] ?? '', domain, callData))
}

/**
 * Lets a gateway lie about `latest` and asks both judges. The contract knows no client's past, so an old list that has not expired is
 * the verifier's alone to refuse. @throws when a lie is believed
 */
export async function refuseLies(session: Session, ensName: string, liar: LyingGateway, old: Lie): Promise<string> {
  const [gateway = ''] = session.onChain.gateways
  const { domain } = session.onChain
  const lies: [name: string, lie: Lie, expected: string][] = [
    ['forged digest', forgeDigest(gateway, domain), 'BadProof'],
    ["another tag's proof", answerForOtherTag(gateway, domain, demoTags[0]), 'BadProof'],
    ["a stranger's list", signAsStranger(gateway, domain, createKeySigner(generatePrivateKey())), 'NotPublisher'],
  ]
  const refused: string[] = []
  for (const [name, lie, expected] of lies) {
    liar.tell(lie)
    const [verifier, contract] = [await askVerifier(session, ensName, liar), await askContract(session, ensName, liar)]
    if (verifier !== expected || contract !== expected) {
      throw new Error(`${name}: the verifier says ${verifier}, the contract ${contract}, wanted ${expected}`)
    }
    refused.push(`${name}: ${expected}`)
  }
  liar.tell(old)
  const rollback = await askVerifier(session, ensName, liar)
  if (rollback !== 'Rollback') throw new Error(`an older list: the verifier says ${rollback}, wanted Rollback`)
  return `${refused.join(', ')} (contract and verifier); an older list: Rollback (verifier, which remembers)`
}

/** The name of the verifier's refusal, or that it believed. */
async function askVerifier(session: Session, ensName: string, liar: LyingGateway): Promise<string> {
  const { onChain, localTime } = session
  const callData = encodeTagLookup(ensName, 'latest', 'text')
  try {
    const response = await fetchResponse(liar.url, onChain.domain, callData)
    const { node } = await onChain.readAuthority()
    const memory = await session.memory.recall(onChain.domain, node)
    const { readAuthority } = onChain
    await verifyLookup({ callData, response, readAuthority, localTime, memory })
    return 'present'
  } catch (error) {
    return refusalOf(error)?.reason ?? 'nothing'
  }
}

/** The name of the contract's error, or what its callback returned. */
async function askContract(session: Session, ensName: string, liar: LyingGateway): Promise<string> {
  const { rpcUrls, universalResolver } = session.connection
  const respond = (callData: `0x${string}`) => fetchResponse(liar.url, session.onChain.domain, callData)
  const options = { rpcUrl: rpcUrls[0], universalResolver, ensName, key: 'oci-tag[latest]', respond }
  const { text, error } = await readTextViaEns(options)
  return text ?? error ?? 'nothing'
}

/** Enough of a digest to recognise it. */
export function shortDigest(digest: string): string {
  return `${digest.slice(0, 19)}...`
}
