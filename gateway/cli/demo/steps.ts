/** One step of the demo as its JSON has it. */
export type Step = { name: string; ok: boolean; ms: number; detail: string }

/** Runs steps one after another and says how each went. */
export type StepLog = {
  readonly steps: readonly Step[]
  /** `work` resolves to its value and one line about it; when it throws the step has failed, and so has the demo. @throws the same */
  run<Value>(name: string, work: () => Promise<readonly [value: Value, detail: string]>): Promise<Value>
}

/** A log that tells each finished step to `say`. `clockMs` counts milliseconds from anywhere. */
export function createStepLog(say: (step: Step) => void, clockMs: () => number): StepLog {
  const steps: Step[] = []
  const end = (step: Step) => {
    steps.push(step)
    say(step)
  }
  return {
    steps,
    async run(name, work) {
      const begun = clockMs()
      const elapsed = () => Math.round(clockMs() - begun)
      try {
        const [value, detail] = await work()
        end({ name, ok: true, ms: elapsed(), detail })
        return value
      } catch (error) {
        const detail = error instanceof Error ? error.message : String(error)
        end({ name, ok: false, ms: elapsed(), detail: detail.split('\n', 1)[0] ?? detail })
        throw error
      }
    },
  }
}
