import { mutatedInput } from './mutate.ts'
import type { FuzzedParser } from './parsers/parser.ts'
import { createRandom } from './random.ts'
import { type StepCounter, startStepCounter } from './steps.ts'

/** An input on which a parser threw what it does not say it throws. */
export type Uncaught = { position: number; input: Uint8Array; error: unknown }

/** What came of the inputs of one parser. */
export type ParserResult = { name: string; inputs: number; accepted: number; uncaught: readonly Uncaught[] }

/** How the work over one shape of input grows: steps for each byte, over sizes that double. */
export type Growth = { name: string; shape: string; bytes: readonly number[]; steps: readonly number[]; ratio: number }

/** One that throws for everything would pass; so would one that takes everything. */
const leastShare = 0.005
const maxUncaught = 20

/** Input number `position` of a seed: the parser's own seeds first, then what is made from them. Each can be made again alone. */
export async function inputOf(parser: FuzzedParser, seed: string, position: number): Promise<Uint8Array> {
  return parser.seeds[position] ?? mutatedInput(parser, createRandom(`${seed}/${parser.name}/${position}`))
}

/** Feeds a parser `count` inputs, or as many as it takes to find enough that are wrong. */
export async function fuzzParser(parser: FuzzedParser, seed: string, count: number): Promise<ParserResult> {
  const uncaught: Uncaught[] = []
  let [accepted, position] = [0, 0]
  for (; position < count && uncaught.length < maxUncaught; position++) {
    const input = await inputOf(parser, seed, position)
    const outcome = await tryInput(parser, input)
    if (outcome === 'accepted') accepted++
    else if (outcome !== 'refused') uncaught.push({ position, input, error: outcome.error })
    if (outcome === 'refused' && position < parser.seeds.length) {
      uncaught.push({ position, input, error: new Error('an input that should be taken is refused') })
    }
  }
  return { name: parser.name, inputs: position, accepted, uncaught }
}

async function tryInput(parser: FuzzedParser, input: Uint8Array): Promise<'accepted' | 'refused' | { error: unknown }> {
  try {
    await parser.parse(input)
    return 'accepted'
  } catch (error) {
    return parser.isDocumented(error) ? 'refused' : { error }
  }
}

/** Why a result is no good, one line each: with the input in hex and its number, from which it is made again. */
export function faultsOf({ name, inputs, accepted, uncaught }: ParserResult, seed: string): string[] {
  const lines = uncaught.map(({ position, input, error }) => {
    const said = error instanceof Error ? `${error.name}: ${error.message}` : String(error)
    const hex = Buffer.from(input).toString('hex')
    const again = `npm run fuzz -- --parser '${name}' --parser-seed ${seed} --case ${position}`
    return `${name} ${position}: ${said.slice(0, 300)}; input 0x${hex}; ${again}`
  })
  const isTelling = accepted >= leastShare * inputs && accepted < inputs
  if (inputs < 1_000 || isTelling || uncaught.length > 0) return lines
  return [`${name}: ${accepted} of ${inputs} inputs are taken, so they show little`]
}

const smallest = 64
const doublings = 3
/** Eight times the input: sorting makes 1.5 of it; the square would be 8. */
const mostGrowth = 2

/** Counts the steps of a parser over each of its shapes in sizes that double. */
export async function growthOf(parser: FuzzedParser, counter: StepCounter): Promise<Growth[]> {
  const growths: Growth[] = []
  for (const [shape, make] of Object.entries(parser.shapes)) {
    const inputs: Uint8Array[] = []
    for (let doubled = 0; doubled <= doublings; doubled++) inputs.push(await make(smallest * 2 ** doubled))
    // What is made once and kept counts for nobody.
    await tryInput(parser, inputs[0] as Uint8Array)
    const steps: number[] = []
    for (const input of inputs) steps.push(await counter.count(() => tryInput(parser, input)))
    const bytes = inputs.map(({ length }) => length)
    const perByte = steps.map((each, at) => each / (bytes[at] as number))
    growths.push({ name: parser.name, shape, bytes, steps, ratio: (perByte.at(-1) as number) / (perByte[0] as number) })
  }
  return growths
}

/** All parsers' growths. */
export async function measureGrowth(parsers: readonly FuzzedParser[]): Promise<Growth[]> {
  const counter = await startStepCounter()
  try {
    const growths: Growth[] = []
    for (const parser of parsers) growths.push(...(await growthOf(parser, counter)))
    return growths
  } finally {
    await counter.close()
  }
}

/** Why a growth is none that is allowed, or null. */
export function faultOfGrowth({ name, shape, bytes, steps, ratio }: Growth): string | null {
  if (steps.some((each) => each === 0)) return `${name}, ${shape}: no step was counted`
  if (ratio <= mostGrowth) return null
  const seen = bytes.map((each, at) => `${steps[at]} for ${each}`).join(', ')
  return `${name}, ${shape}: work grows faster than the input: steps for bytes ${seen}`
}
