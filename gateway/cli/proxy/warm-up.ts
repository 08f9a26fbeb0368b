import { setImmediate } from 'node:timers/promises'
import type { Address, Hex } from 'viem'
import { createProxyApp } from '../../proxy/app.ts'
import type { ContentSource, ServedName } from '../../proxy/reader.ts'
import { isSignatureValid } from '../../tags/signature.ts'
import type { Patience } from '../client/patience.ts'
import { createGatewaySource } from './gateway-source.ts'
import { listenOnLoopback } from './listening.ts'

/**
 * What a first pull runs, run once before it: the first signature check builds the curve's tables, and all that a layer passes through is
 * compiled as it goes, which takes many times as long as later and is not to be part of somebody's pull. Others run in between.
 * False if an example that holds is not found to hold, which would be a fault of this program. @throws when no port can be had
 */
export async function warmUp(): Promise<boolean> {
  return (await checkSignatures()) && (await passLayer())
}

/** A signature made once by a key that nobody has any more. */
const example: { signer: Address; hash: Hex; signature: Hex } = {
  signer: '0xf03263794927ebe208cddfd670fbfd3362c0f4d4',
  hash: '0x69157903647e49b35eb950b78b1b32768cedb7b2cc27b3b52ec6ca692410751b',
  signature:
    '0x08407922560d7379c023ce1a51092ab4000f2d5ef2dd2563777ec9046b7e4cec713aae0de87669f93e9666fa9eb6b273c4e8d69696d8427583a44dbd2ddfbd501b',
}
const signatureChecks = 8

async function checkSignatures(): Promise<boolean> {
  let isValid = true
  for (let round = 0; round < signatureChecks; round += 1) {
    await setImmediate()
    const { signer, hash, signature } = example
    isValid = (await isSignatureValid(signer, hash, signature, async () => undefined)) && isValid
  }
  return isValid
}

const repository = 'layer.eth'
const piece = new Uint8Array(64 * 1024)
const pieces = 256
const digestOfPieces = 'sha256:080acf35a507ac9849cfcba47dc2ad83e01b75663a516279c8b9d243b719643e'

/** A layer that nobody asked for, from one proxy to another as from a gateway to this one. */
async function passLayer(): Promise<boolean> {
  const near = createExampleApp({ from: 'memory', open: openPieces, measure: measurePieces, blame: () => undefined })
  const listening = await listenOnLoopback(near, 0)
  try {
    const place = { url: listening.url, reach: 'given', repository } as const
    const far = createExampleApp(createGatewaySource(place, patience, () => undefined))
    const answer = await far.fetch(new Request(`${listening.url}/v2/${repository}/blobs/${digestOfPieces}`))
    let received = 0
    const reader = answer.body?.getReader()
    for (let read = await reader?.read(); read && !read.done; read = await reader?.read()) received += read.value.length
    return received === piece.length * pieces
  } finally {
    await listening.close()
  }
}

const patience: Patience = { firstByteMs: 10_000, windowMs: 10_000, leastBytes: 1 }

function createExampleApp(source: ContentSource) {
  const served: ServedName = {
    resolve: async () => undefined,
    listTags: async () => [],
    sources: () => [source],
    readReferrers: () => Promise.reject(new Error('an example has no referrers')),
  }
  return createProxyApp({ reader: { openName: async () => served }, clock: Date.now, log: () => undefined })
}

async function openPieces() {
  return { size: await measurePieces(), body: somePieces(), close: () => undefined }
}

async function* somePieces() {
  for (let count = 0; count < pieces; count += 1) yield piece
}

async function measurePieces(): Promise<number> {
  return piece.length * pieces
}
