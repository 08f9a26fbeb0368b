/** Work that must not run side by side: each key's pieces one after another, different keys independently. */
export type Turns = <Result>(key: string, work: () => Promise<Result>) => Promise<Result>

/** Turns within this process; a piece that fails does not hold up the next. */
export function createTurns(): Turns {
  const last = new Map<string, Promise<unknown>>()
  return (key, work) => {
    const mine = (last.get(key) ?? Promise.resolve()).then(work, work)
    const settled = mine.catch(() => undefined)
    last.set(key, settled)
    settled.then(() => last.get(key) === settled && last.delete(key))
    return mine
  }
}
