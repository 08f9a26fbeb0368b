/** Which of several gateways lied or failed a short while ago. */
export type Standing = {
  /** Best first: those that failed lately come last, the order given otherwise. */
  order(urls: readonly string[]): string[]
  blame(url: string): void
}

const blameMs = 60_000

/** Nobody has failed yet. `clock` in milliseconds. */
export function createStanding(clock: () => number): Standing {
  const blamedUntil = new Map<string, number>()
  const isBlamed = (url: string) => (blamedUntil.get(url) ?? 0) > clock()
  return {
    order: (urls) => [...urls.filter((url) => !isBlamed(url)), ...urls.filter(isBlamed)],
    blame(url) {
      blamedUntil.set(url, clock() + blameMs)
    },
  }
}
