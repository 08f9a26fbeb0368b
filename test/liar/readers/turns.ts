/** Programs that run at once: more of them only wait for each other. */
const most = 8

let running = 0
const waiting: (() => void)[] = []

/** Runs something when it is its turn. */
export async function turn<Result>(work: () => Promise<Result>): Promise<Result> {
  if (running >= most) await new Promise<void>((go) => waiting.push(go))
  else running += 1
  try {
    return await work()
  } finally {
    const next = waiting.shift()
    if (next) next()
    else running -= 1
  }
}
