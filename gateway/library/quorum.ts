import { ChainUnavailable } from '../chain/chain-reader.ts'
import type { Block, Rpc } from '../chain/rpc.ts'
import { Refusal } from '../tags/refusal.ts'

/** One endpoint of a chain. `label` is what errors call it: no secret, so not the path of a URL. `openRpc` is called for each question. */
export type Endpoint = { label: string; openRpc: () => Rpc }

/** All endpoints that are asked; each must agree with every other. */
export type Endpoints = readonly [Endpoint, ...Endpoint[]]

/** The pause between two tries to find a block that all endpoints have; tests bring their own. */
export type Pause = () => Promise<void>

/** Protocol 3.1, row 10. */
const maxBlockAgeSeconds = 15n * 60n
/**
 * Between the newest and the oldest of the endpoints' latest blocks: ten blocks of mainnet. Honest endpoints are one or two apart; one
 * that may hold all others back by more could hide a revocation for as long.
 */
const maxLagSeconds = 120n
/** At the tip of a chain honest endpoints may be on two forks for a block. */
const maxTries = 3
const pauseMs = 500

/**
 * The block at which all endpoints are asked: the lowest of their latest ones, and each must say the same hash and time of it. Latest and
 * not finalized, because a revocation counts from the next block on (protocol 3) and a finalized block is about as old as row 10 allows.
 * @throws Refusal RpcDisagree; ChainStale for an endpoint that is behind the others; ChainUnavailable
 */
export async function pinBlock(endpoints: Endpoints, pause: Pause = pauseAtTip): Promise<Block> {
  for (let tries = 1; ; tries++) {
    try {
      return await pinOnce(endpoints)
    } catch (error) {
      const mayPass = error instanceof Refusal ? error.reason === 'RpcDisagree' : error instanceof ChainUnavailable
      if (!mayPass || endpoints.length === 1 || tries === maxTries) throw error
      await pause()
    }
  }
}

async function pinOnce(endpoints: Endpoints): Promise<Block> {
  const latest = await askEach(endpoints, ({ openRpc }) => openRpc().latestBlock())
  const newest = latest.reduce((one, other) => (other.time > one.time ? other : one))
  if (latest.some(({ time }) => newest.time - time > maxLagSeconds)) {
    const said = sayings(endpoints, latest, (block) => `block ${block.number}, ${newest.time - block.time} s behind`)
    throw new Refusal('ChainStale', `RPC endpoints are more than ${maxLagSeconds} s apart: ${said}`)
  }
  const lowest = latest.reduce((one, other) => (other.number < one.number ? other : one))
  const blocks = await askEach(endpoints, ({ openRpc }, position) => {
    const own = latest[position]
    return own?.number === lowest.number ? own : openRpc().blockAt(lowest.number)
  })
  return agreed(endpoints, blocks, `block ${lowest.number}`, ({ hash, time }) => `${hash} of ${time}`)
}

const pauseAtTip: Pause = () => new Promise((resolve) => setTimeout(resolve, pauseMs))

/** Row 10: a block that is older than 15 minutes by this client's clock (unix seconds). @throws Refusal ChainStale */
export function checkBlockAge(endpoints: Endpoints, { number, time }: Block, localTime: bigint): void {
  if (localTime - time <= maxBlockAgeSeconds) return
  const minutes = (localTime - time) / 60n
  const who = endpoints.map(({ label }) => label).join(' and ')
  throw new Refusal('ChainStale', `the chain's latest block ${number} is ${minutes} minutes old, says ${who}`)
}

/** One question to every endpoint, whose answers must be the same text. @throws Refusal RpcDisagree with who said what; ChainUnavailable */
export async function askAll<Answer>(
  endpoints: Endpoints,
  what: string,
  ask: (endpoint: Endpoint, position: number) => Answer | Promise<Answer>,
  textOf: (answer: Answer) => string,
): Promise<Answer> {
  return agreed(endpoints, await askEach(endpoints, ask), what, textOf)
}

/** @throws Refusal with who said what, when the texts are not all the same */
export function agreed<Answer>(
  endpoints: Endpoints,
  answers: readonly Answer[],
  what: string,
  textOf: (answer: Answer) => string,
): Answer {
  const texts = new Set(answers.map(textOf))
  if (texts.size === 1) return answers[0] as Answer
  throw new Refusal('RpcDisagree', `the RPC endpoints disagree about ${what}: ${sayings(endpoints, answers, textOf)}`)
}

function sayings<Answer>(endpoints: Endpoints, answers: readonly Answer[], textOf: (answer: Answer) => string): string {
  return endpoints.map(({ label }, position) => `${label} says ${textOf(answers[position] as Answer)}`).join('; ')
}

/** The answers in the order of the endpoints; one that cannot be asked is named. @throws ChainUnavailable, and whatever `ask` throws */
export function askEach<Answer>(
  endpoints: Endpoints,
  ask: (endpoint: Endpoint, position: number) => Answer | Promise<Answer>,
): Promise<Answer[]> {
  const answers = endpoints.map(async (endpoint, position) => {
    try {
      return await ask(endpoint, position)
    } catch (error) {
      const isPlain = error instanceof ChainUnavailable && error.constructor === ChainUnavailable
      if (!isPlain || endpoints.length === 1) throw error
      throw new ChainUnavailable(`${endpoint.label}: ${error.message}`, { cause: error })
    }
  })
  return Promise.all(answers)
}
