import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { SwarmHash } from '../../gateway/swarm/hash.ts'
import { openSwarmHash } from '../../gateway/swarm/node-wasm.ts'
import { type Answer, type Asked, json, Refused, refusal } from './fake/answer.ts'
import { type Damage, damageAnswer, deliver, type Fault } from './fake/faults.ts'
import { forward } from './fake/forward.ts'
import { answerPostage, createPostage, type Postage } from './fake/postage.ts'
import { answerContent, type NodeState } from './fake/routes.ts'
import { type Chunks, MissingChunk } from './fake/tree.ts'

/** How a fake node is. */
export type FakeBeeOptions = {
  /** `dev`: as `bee dev`, which takes no single-owner chunks; `light`: as a node with a chain. */
  mode?: 'dev' | 'light'
  /** 2.8.1 adds redundancy to what does not ask for none. */
  version?: '2.8.0' | '2.8.1'
  /** A proxy before it forgets which redundancy level was asked for. */
  dropsLevel?: boolean
  /** The API of a real node, whose answers it gives in place of its own: what goes wrong is injected before them. */
  before?: string
}

/** A request that came, how many bytes of body went back, and the reference of what the fake stored for it. */
export type SeenRequest = {
  method: string
  path: string
  headers: IncomingMessage['headers']
  sentBytes: number
  stored?: string | undefined
}

/** A Bee node that was made up for tests, on loopback. What it stores and answers follows the real one; what goes wrong is injected. */
export type FakeBee = {
  beeUrl: string
  seen: SeenRequest[]
  chunks: Chunks
  postage: Postage
  /** While true it answers writes and readiness as a node does that has yet to catch up with the chain. */
  isSyncing: boolean
  /** Until what it gives back is called. The fault injected first that fits a request is the one that happens. */
  inject(fault: Fault): () => void
  /** A usable batch, without 0x. */
  buyBatch(depth?: number): string
  /** A batch's time is up: it is gone, and so is what it stamped. */
  expireBatch(postageBatchId: string): void
  /** Answers that have begun or are awaited, and have not ended. */
  openAnswers(): number
  /** Nobody there any more; `start` brings it back at the same address with what it stores. */
  stop(): Promise<void>
  start(): Promise<void>
  /** As a restart of a development node: all is gone. */
  forget(): void
}

/** Starts one. Stop it when done. */
export async function startFakeBee(options: FakeBeeOptions = {}): Promise<FakeBee> {
  const { mode = 'light', version = '2.8.0', dropsLevel = false, before } = options
  const hash: SwarmHash = await openSwarmHash()
  const faults: Fault[] = []
  const postage = createPostage(mode, version !== '2.8.0')
  const state: NodeState = { mode, version, hash, chunks: new Map(), tags: new Map(), postage, isSyncing: false }
  const open = new Set<ServerResponse>()
  const seen: SeenRequest[] = []
  const listener = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    open.add(response)
    response.once('close', () => open.delete(response))
    response.on('error', () => undefined)
    const entry: SeenRequest = {
      method: request.method ?? '',
      path: request.url ?? '',
      headers: request.headers,
      sentBytes: 0,
    }
    seen.push(entry)
    if (dropsLevel) delete request.headers['swarm-redundancy-level']
    const damage = takeFault(faults, entry)
    const ask = () => (before ? forward(before, request) : answerSafely(state, request, damage))
    const answer = isAnsweredBlind(damage) ? json(200, {}) : await ask().catch(() => refusal(502, 'nobody there'))
    if (answer.status === 201) entry.stored = referenceIn(answer)
    await deliver(response, damageAnswer(answer, damage), damage, (bytes) => {
      entry.sentBytes += bytes
    }).catch(() => response.destroy())
  }
  let server = createServer(listener)
  const port = await listen(server, 0)
  return {
    beeUrl: `http://127.0.0.1:${port}`,
    seen,
    postage,
    chunks: state.chunks,
    get isSyncing() {
      return state.isSyncing
    },
    set isSyncing(isSyncing) {
      state.isSyncing = isSyncing
    },
    inject: (fault) => injectFault(faults, { ...fault }),
    buyBatch: (depth = 20) => buyBatch(postage, depth),
    expireBatch: (postageBatchId) => expireBatch(state, postageBatchId),
    openAnswers: () => open.size,
    stop: () => stop(server),
    async start() {
      server = createServer(listener)
      await listen(server, port)
    },
    forget() {
      state.chunks.clear()
      state.tags.clear()
      postage.batches.clear()
    },
  }
}

function injectFault(faults: Fault[], fault: Fault): () => void {
  faults.push(fault)
  return () => {
    const at = faults.indexOf(fault)
    if (at >= 0) faults.splice(at, 1)
  }
}

function takeFault(faults: Fault[], { method, path, headers }: SeenRequest): Damage | undefined {
  const fault = faults.find(({ on, times = 1, onlyRanges }) => {
    return times > 0 && on.test(`${method} ${path}`) && (!onlyRanges || headers.range !== undefined)
  })
  if (fault?.after) {
    fault.after -= 1
    return undefined
  }
  if (fault?.times !== undefined) fault.times -= 1
  return fault?.damage
}

/** Such an answer does not depend on the request, whose body is not even read. */
function isAnsweredBlind(damage: Damage | undefined): boolean {
  return damage?.kind === 'answer' || damage?.kind === 'silence' || damage?.kind === 'reset'
}

async function answerSafely(state: NodeState, request: IncomingMessage, damage: Damage | undefined): Promise<Answer> {
  const url = new URL(request.url ?? '/', 'http://bee')
  const { method = '', headers } = request
  const path = url.pathname.replace(/^\/v1(?=\/(?:bytes|chunks|feeds|soc|tags)\b)/, '')
  const asked: Asked = { method, path, query: url.searchParams, headers, body: request }
  try {
    return answerPostage(state.postage, asked) ?? (await answerContent(state, asked, damage))
  } catch (error) {
    if (error instanceof Refused) return error.answer
    if (error instanceof MissingChunk) return refusal(404, 'Not Found')
    return refusal(500, `the fake failed: ${error}`)
  }
}

function referenceIn({ body }: Answer): string | undefined {
  return (JSON.parse(Buffer.concat([...body]).toString()) as { reference?: string }).reference
}

function buyBatch(postage: Postage, depth: number): string {
  const path = `/stamps/1000000000/${depth}`
  const asked = { method: 'POST', path, query: new URLSearchParams(), headers: {}, body: (async function* () {})() }
  answerPostage(postage, asked)
  return [...postage.batches.keys()].at(-1) as string
}

function expireBatch({ postage, chunks }: NodeState, postageBatchId: string): void {
  const expired = postage.batches.get(postageBatchId)
  postage.batches.delete(postageBatchId)
  const others = [...postage.batches.values()]
  for (const address of expired?.stamped ?? []) {
    if (!others.some(({ stamped }) => stamped.has(address))) chunks.delete(address)
  }
}

async function listen(server: Server, port: number): Promise<number> {
  await new Promise<void>((listening) => server.listen(port, '127.0.0.1', listening))
  return (server.address() as AddressInfo).port
}

function stop(server: Server): Promise<void> {
  return new Promise((stopped) => server.close(() => stopped()).closeAllConnections())
}
