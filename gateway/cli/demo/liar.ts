import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Hex } from 'viem'
import { decodeResponse, encodeResponse, encodeTagLookup, parseLookup } from '../../ens/lookup.ts'
import type { Signer } from '../../signer.ts'
import { decodeTagEntry, encodeTagEntry, encodeTagKey, type TagEntry } from '../../tags/entry.ts'
import type { ListDomain, SignedList } from '../../tags/list.ts'
import { hashLeaf, hashPair, SENTINEL } from '../../tags/merkle.ts'
import type { Proof } from '../../tags/tree.ts'
import { fetchResponse } from '../client/ccip.ts'

/** Makes a dishonest answer to a callData. */
export type Lie = (callData: Hex) => Promise<Hex>

/** A gateway on loopback that tells one lie after another. */
export type LyingGateway = { url: string; tell(lie: Lie): void; close(): Promise<void> }

/** Starts it; until a lie is told it answers 500. */
export async function startLyingGateway(): Promise<LyingGateway> {
  let lie: Lie = () => Promise.reject(new Error('no lie yet'))
  const server = createServer((request, response) => {
    const callData = /\/(0x[0-9a-f]*)\.json$/.exec(request.url ?? '')?.[1] as Hex | undefined
    const answer = callData === undefined ? Promise.reject(new Error('callData')) : lie(callData)
    answer.then(
      (data) => response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify({ data })),
      () => response.writeHead(500, { 'content-type': 'application/json' }).end('{"message":"nothing to say"}'),
    )
  })
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening))
  const { port } = server.address() as AddressInfo
  const close = () => new Promise<void>((closed) => server.close(() => closed()).closeAllConnections())
  const tell = (next: Lie) => {
    lie = next
  }
  return { url: `http://127.0.0.1:${port}`, tell, close }
}

/** The digest that the lies point to: that of content nobody published. */
export const forgedDigest = `sha256:${'f0'.repeat(32)}` as const

/** The honest answer with another digest in the entry. */
export function forgeDigest(gateway: string, domain: ListDomain): Lie {
  return async (callData) => {
    const { signed, proof } = await askHonest(gateway, domain, callData)
    const entry = forge(proof, signed)
    return encodeResponse(signed, [{ ...proof, value: encodeTagEntry(entry) }])
  }
}

/** An honest answer, but to the question about another tag. */
export function answerForOtherTag(gateway: string, domain: ListDomain, otherTag: string): Lie {
  return (callData) => {
    const { ensName } = parseLookup(callData)
    return fetchResponse(gateway, domain, encodeTagLookup(ensName, otherTag, 'text'))
  }
}

/** A whole list of the liar's own, with a proof that holds, signed by a key that the name does not know. */
export function signAsStranger(gateway: string, domain: ListDomain, stranger: Signer): Lie {
  return async (callData) => {
    const { signed, proof } = await askHonest(gateway, domain, callData)
    const leaf = { key: proof.key, nextKey: '0x', value: encodeTagEntry(forge(proof, signed)) } as const
    const sentinel = hashLeaf({ ...SENTINEL, nextKey: proof.key })
    const list = { ...signed.list, root: hashPair(sentinel, hashLeaf(leaf)), count: 2n }
    const signature = await stranger.signList(domain, list)
    const own = { ...signed, list, signatures: [{ signer: stranger.address, signature }] }
    return encodeResponse(own, [{ ...leaf, path: [sentinel] }])
  }
}

/** The same answer every time, however old it is. */
export function replay(response: Hex): Lie {
  return async () => response
}

type Honest = { signed: Omit<SignedList, 'hash'>; proof: Proof }

async function askHonest(gateway: string, domain: ListDomain, callData: Hex): Promise<Honest> {
  const request = parseLookup(callData)
  const { signed, proofs } = decodeResponse(await fetchResponse(gateway, domain, callData), request)
  const [proof] = proofs
  const [record] = request.records
  if (proof === undefined || record?.kind !== 'tag' || proof.key !== encodeTagKey(record.tag)) {
    throw new Error('the tag to lie about is not there')
  }
  return { signed, proof }
}

function forge(proof: Proof, signed: Pick<SignedList, 'list'>): TagEntry {
  return { ...decodeTagEntry(proof.value, signed.list.version), digest: forgedDigest }
}
