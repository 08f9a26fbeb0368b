import { type Bee, BeeError } from './bee.ts'

/** What is named and could not be had: which reference, and what each node said. A caller answers 503 and says when to try again. */
export class SwarmUnavailable extends Error {
  override readonly name = 'SwarmUnavailable'
  constructor(
    message: string,
    /** The longest that a node asked for, in seconds. */
    readonly retryAfterSeconds?: number,
  ) {
    super(message)
  }
}

/** Which node did what, remembered between reads: those that failed of late are asked after the others. */
export type Standing = {
  /** In the order in which to ask. */
  list(): readonly Bee[]
  demote(bee: Bee, seconds: number): void
}

/** @param now milliseconds */
export function createStanding(bees: readonly Bee[], now: () => number): Standing {
  const until = new Map<Bee, number>()
  const rank = (bee: Bee): number => Math.max(0, (until.get(bee) ?? 0) - now())
  return {
    list: () => [...bees].sort((a, b) => rank(a) - rank(b)),
    demote: (bee, seconds) => void until.set(bee, Math.max(until.get(bee) ?? 0, now() + seconds * 1000)),
  }
}

/** A node that gave wrong bytes may be corrupt or hostile; others recover sooner. */
const lieSeconds = 600
const stallSeconds = 60
const absenceSeconds = 5

/** What came does not hash to what was asked for. */
export class WrongBytes extends Error {
  override readonly name = 'WrongBytes'
}

/** Whom one read asks: after a failure the next node, until each has failed since the last success. */
export type Rota = {
  bee: Bee
  succeeded(): void
  /** Goes on to the next node. @throws SwarmUnavailable when none is left, or the error itself when it is no node's fault */
  failed(error: unknown): void
}

/** Tries of each node between two successes; what cannot change in a second try counts twice. */
const maxTries = 2

/** @param what is read, for messages */
export function createRota(standing: Standing, what: string): Rota {
  const bees = standing.list()
  const tries = new Map<Bee, number>()
  const said = new Map<Bee, string>()
  let retryAfterSeconds: number | undefined
  let at = 0
  const current = () => bees[at % bees.length] as Bee
  const next = () =>
    bees.findIndex((_, step) => (tries.get(bees[(at + 1 + step) % bees.length] as Bee) ?? 0) < maxTries)
  return {
    get bee() {
      return current()
    },
    succeeded() {
      tries.clear()
      said.clear()
    },
    failed(error) {
      const bee = current()
      if (!(error instanceof BeeError) && !(error instanceof WrongBytes)) throw error
      tries.set(bee, (tries.get(bee) ?? 0) + (isWorthAnotherTry(error) ? 1 : maxTries))
      said.set(bee, error.message)
      standing.demote(bee, secondsFor(error))
      if (error instanceof BeeError) retryAfterSeconds = Math.max(retryAfterSeconds ?? 0, error.retryAfterSeconds ?? 0)
      const step = next()
      if (step >= 0) at = (at + 1 + step) % bees.length
      else
        throw new SwarmUnavailable(
          `${what} cannot be had: ${[...said.values()].join('; ')}`,
          retryAfterSeconds || undefined,
        )
    },
  }
}

function isWorthAnotherTry(error: BeeError | WrongBytes): boolean {
  return error instanceof BeeError && /^(?:unavailable|stalled)$/.test(error.fault)
}

function secondsFor(error: BeeError | WrongBytes): number {
  if (error instanceof WrongBytes || error.fault === 'nonsense') return lieSeconds
  return error.fault === 'stalled' ? stallSeconds : absenceSeconds
}
