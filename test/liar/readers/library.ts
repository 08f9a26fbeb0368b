import { createClient, http } from 'viem'
import {
  createStorageState,
  GatewayUnavailable,
  Refusal,
  verifyManifest,
  verifyTag,
} from '../../../gateway/library/index.ts'
import { type LiarWorld, twoGateways } from '../world.ts'
import { judge, type Question, type Reader, refused } from './reader.ts'

const timeoutMs = 4000

/** `verifyTag` and `verifyManifest`, as a program that imports them uses them. */
export function openLibrary(world: LiarWorld): Reader {
  const client = createClient({ transport: http(world.chain.rpc, { retryCount: 0 }), cacheTime: 0 })
  const items = new Map<string, string>()
  const storage = {
    getItem: (key: string) => items.get(key) ?? null,
    setItem: (key: string, text: string) => void items.set(key, text),
  }
  const state = createStorageState(storage)
  const { ensRegistry } = world.chain.addresses
  const read = async (question: Question) => {
    const { scene, tag } = question
    const isDoubled = scene.ensName.split('.').length === 2
    const gateways = isDoubled ? twoGateways(world.liar.url, scene.ensName) : [world.liar.url]
    const found = await verifyTag({ client, name: scene.ensName, tag, gateways, state, ensRegistry, timeoutMs })
    if (found.status === 'absent') return judge(question, null)
    const { entry, evidence } = found
    const bytes = await readBytes(`${evidence.gateway}/v2/${scene.repository}/manifests/${entry.digest}`, entry.size)
    await verifyManifest(entry, bytes)
    return judge(question, entry.digest)
  }
  return {
    name: 'library',
    column: 'library',
    kinds: ['pull'],
    ask: (question) =>
      read(question).catch((error: Error) => {
        if (error instanceof Refusal) return refused(error.reason, error.message)
        if (error instanceof GatewayUnavailable) return refused('GatewayUnavailable', error.message)
        throw error
      }),
  }
}

/** At most one byte more than the entry says. @throws GatewayUnavailable */
async function readBytes(url: string, size: number): Promise<Uint8Array> {
  const pieces: Uint8Array[] = []
  let received = 0
  try {
    const response = await fetch(url, { redirect: 'error', signal: AbortSignal.timeout(timeoutMs) })
    if (response.status !== 200) throw new GatewayUnavailable(`${url} answers ${response.status}`)
    for await (const piece of response.body as unknown as AsyncIterable<Uint8Array>) {
      pieces.push(piece)
      received += piece.length
      if (received > size) break
    }
  } catch (error) {
    throw new GatewayUnavailable((error as Error).message)
  }
  return Buffer.concat(pieces)
}
