import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer, type IncomingMessage, request as openRequest } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Address } from 'viem'
import { createViemChain } from '../../gateway/chain/viem-chain.ts'
import { buildDemoImage, type DemoImage } from '../../gateway/cli/demo/image.ts'
import { pushImage } from '../../gateway/cli/demo/push.ts'
import { type DevChain, startDevChain } from '../../gateway/cli/dev-chain.ts'
import { callSetPolicy } from '../../gateway/cli/owner/calls.ts'
import type { Transaction } from '../../gateway/cli/owner/transaction.ts'
import { runCommandLine } from '../../gateway/cli/run.ts'
import { type Gateway, startGateway } from '../../gateway/serve.ts'
import { ZERO_REFERENCE } from '../../gateway/tags/entry.ts'
import { type EntryJson, entryToJson } from '../../gateway/tags/json.ts'
import { addressOf, testKeys } from '../fixtures.ts'

/** A staged change as the endpoint writes it. */
export type Staged = { tag: string; entry: EntryJson | null; stagedAt: number; stagedBy: string }

/** What stands between client and relay: it tells of what is staged, and may answer in the relay's place. */
export type Front = {
  url: string
  staged: Staged[]
  /** A status and body in place of the relay's answer, or null. Called before the relay is asked. */
  meddle: (method: string, path: string, body: string) => Promise<Meddled | null>
  /** Bodies of `PUT list` that came, in order. */
  puts: string[]
  /** What `Authorization` headers came, in order. */
  authorizations: string[]
  close(): Promise<void>
}

type Meddled = { status: number; body: string; headers?: Record<string, string> }

/** A chain, a relay gateway that holds no key, a front before it, and key files. */
export type PublishingWorld = {
  chain: DevChain
  relay: Gateway
  front: Front
  folder: string
  keyFiles: Record<keyof typeof testKeys, string>
  flags: readonly string[]
  close(): Promise<void>
}

export async function startPublishingWorld(
  names: readonly string[],
  { remembers = false } = {},
): Promise<PublishingWorld> {
  const folder = await mkdtemp(join(tmpdir(), 'mooring-publishing-'))
  const keyFiles = { owner: '', other: '', third: '' }
  for (const who of ['owner', 'other', 'third'] as const) {
    keyFiles[who] = join(folder, `${who}.key`)
    await writeFile(keyFiles[who], testKeys[who], { mode: 0o600 })
  }
  const chain = await startDevChain({ gatewayUrls: [], names, publisher: addressOf(testKeys.owner) })
  const { ensRegistry, universalResolver } = chain.addresses
  const relay = await startRelay(chain, join(folder, 'relay'), { remembers })
  const front = await startFront(relay.url)
  const flags = ['--rpc', chain.rpc, '--ens-registry', ensRegistry, '--universal-resolver', universalResolver]
  const close = async () => {
    await front.close()
    await relay.close()
    await chain.close()
    await rm(folder, { recursive: true })
  }
  return { chain, relay, front, folder, keyFiles, flags: [...flags, '--gateway', front.url], close }
}

/** A gateway without a key; `logins`: one that asks for them; `remembers`: for 15 s what the chain said, as gateways do. */
export function startRelay(
  chain: DevChain,
  dataDir: string,
  { logins = false, remembers = false } = {},
): Promise<Gateway> {
  const { ensRegistry, resolver } = chain.addresses
  return startGateway(
    {
      ...{ port: 0, host: '127.0.0.1', dataDir, rpcUrls: [chain.rpc], chainId: chain.chainId },
      ...{ ensRegistry, resolver, publisherKeyFile: null, insecureNoAuth: false },
      ...(logins && { logins: { htpasswdFile: null, tokenKeyFiles: [] } }),
    },
    {
      log: () => {},
      // As the chain says at every moment: no test waits for 15 s.
      ...(!remembers && {
        chain: createViemChain({ rpcUrl: chain.rpc, chainId: chain.chainId, ensRegistry, resolver }),
      }),
    },
  )
}

/** What stands before a gateway; `port` 0 takes a free one. */
export async function startFront(target: string, port = 0): Promise<Front> {
  const nothing = { url: '', staged: [], puts: [], authorizations: [] }
  const front: Front = { ...nothing, meddle: async () => null, close: async () => {} }
  const server = createServer(async (incoming, outgoing) => {
    const body = await bodyOf(incoming)
    const path = incoming.url ?? '/'
    if (incoming.method === 'PUT' && path.endsWith('/_mooring/list')) front.puts.push(body.toString())
    if (incoming.headers.authorization) front.authorizations.push(incoming.headers.authorization)
    const meddled = await front.meddle(incoming.method ?? 'GET', path, body.toString())
    const answer = meddled ?? stagedAnswer(front, path)
    if (answer !== null) return void outgoing.writeHead(answer.status, answer.headers).end(answer.body)
    const { method = 'GET', headers } = incoming
    const passed = openRequest(
      target + path,
      { method, headers: { ...headers, host: new URL(target).host } },
      (relayed) => {
        outgoing.writeHead(relayed.statusCode ?? 502, relayed.headers)
        relayed.pipe(outgoing)
      },
    )
    passed.end(body)
  })
  await new Promise<void>((listening) => server.listen(port, '127.0.0.1', listening))
  front.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  front.close = () => new Promise<void>((closed) => server.close(() => closed()).closeAllConnections())
  return front
}

async function bodyOf(incoming: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = []
  for await (const chunk of incoming as AsyncIterable<Buffer>) chunks.push(chunk)
  return Buffer.concat(chunks)
}

function stagedAnswer({ staged }: Front, path: string): Meddled | null {
  if (!path.endsWith('/_mooring/staged')) return null
  const [, , first] = path.split('/')
  return { status: 200, body: JSON.stringify({ name: first, base: null, changes: staged }) }
}

/** Pushes an image's content by digest, and tells what the staged change of a tag to it looks like. */
export async function stageImage(world: PublishingWorld, ensName: string, tag: string, text: string): Promise<Staged> {
  const image = buildDemoImage(text)
  await pushImage(`${world.relay.url}/v2/${ensName}`, image, [])
  await putIndex(world, ensName, image)
  const { digest, mediaType, bytes } = image.imageIndex
  const entry = { digest, size: bytes.length, mediaType, swarmReference: ZERO_REFERENCE, updatedVersion: 0, flags: 0 }
  return { tag, entry: entryToJson(entry), stagedAt: 1_800_000_000, stagedBy: addressOf(testKeys.third) }
}

async function putIndex({ relay }: PublishingWorld, ensName: string, { imageIndex }: DemoImage): Promise<void> {
  const url = `${relay.url}/v2/${ensName}/manifests/${imageIndex.digest}`
  const answer = await fetch(url, {
    method: 'PUT',
    headers: { 'content-type': imageIndex.mediaType },
    body: Buffer.from(imageIndex.bytes),
  })
  if (answer.status !== 201) throw new Error(await answer.text())
}

/** Runs a command with `--json` and a memory of its own; `answers` sits at the terminal, none: nobody does. */
export async function run(
  world: Pick<PublishingWorld, 'flags' | 'folder'>,
  state: string,
  args: readonly string[],
  answers: boolean[] = [],
) {
  const out: string[] = []
  const err: string[] = []
  const asked: string[] = []
  const ask = async (question: string) => {
    asked.push(question)
    return answers[asked.length - 1] ?? false
  }
  const code = await runCommandLine([...args, ...world.flags, '--state', join(world.folder, state), '--json'], {
    environment: { HOME: world.folder },
    print: (line) => out.push(line),
    note: (line) => err.push(line),
    waitForStop: async () => {},
    ...(answers.length > 0 && { ask }),
  })
  const [line = 'null'] = out
  return { code, err: err.join('\n'), asked, json: JSON.parse(line) as Record<string, unknown> & { changes: Change[] } }
}

type Change = { tag: string; before: EntryJson | null; after: EntryJson | null }

/** Sends a transaction of the names' owner. */
export async function sendAsOwner({ chain }: PublishingWorld, { to, data }: Transaction): Promise<void> {
  await chain.send({ from: addressOf(testKeys.owner), to, data })
}

/** Sets who publishes a name. */
export async function setPolicy(
  world: PublishingWorld,
  ensName: string,
  publishers: readonly Address[],
  threshold: number,
): Promise<void> {
  const target = { resolver: world.chain.addresses.resolver, ensName }
  const policy = { publishers: publishers.toSorted(), threshold, timestamper: null, maxAgeSeconds: 0 }
  await sendAsOwner(world, callSetPolicy(target, policy))
}

/** Writes an image as an OCI image layout, for `mooring push`. */
export async function writeLayout(folder: string, text: string): Promise<string> {
  const { blobs, manifests, imageIndex } = buildDemoImage(text)
  const layout = join(folder, `layout-${text}`)
  await mkdir(join(layout, 'blobs', 'sha256'), { recursive: true })
  for (const { digest, bytes } of [...blobs, ...manifests, imageIndex]) {
    await writeFile(join(layout, 'blobs', 'sha256', digest.slice('sha256:'.length)), bytes)
  }
  const { mediaType, digest, bytes } = imageIndex
  const root = { schemaVersion: 2, manifests: [{ mediaType, digest, size: bytes.length }] }
  await writeFile(join(layout, 'oci-layout'), JSON.stringify({ imageLayoutVersion: '1.0.0' }))
  await writeFile(join(layout, 'index.json'), JSON.stringify(root))
  return layout
}
