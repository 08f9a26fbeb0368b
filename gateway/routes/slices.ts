/** Runs a long computation to its end, letting other work run at each of its yields. */
export async function runInSlices<Result>(work: Generator<void, Result>, pause: () => Promise<void>): Promise<Result> {
  for (let step = work.next(); ; step = work.next()) {
    if (step.done) return step.value
    await pause()
  }
}
