import { beforeAll, expect, test } from 'vitest'
import { goodParser, refusingParser, squareParser, throwingParser, walkingParser } from './fixtures/sham-parsers.ts'
import { parsers } from './parsers/index.ts'
import { faultOfGrowth, faultsOf, fuzzParser, type Growth, inputOf, measureGrowth } from './run-parsers.ts'

const shams = [goodParser, squareParser, walkingParser]

// First of all: what ran before is not counted.
let growths: Growth[]
beforeAll(async () => {
  growths = await measureGrowth([...shams, ...parsers])
})

test('no parser throws what it does not say, takes its seeds and refuses something', async () => {
  expect(parsers.map(({ name }) => name)).toHaveLength(new Set(parsers.map(({ name }) => name)).size)
  for (const parser of parsers) {
    const result = await fuzzParser(parser, 'npm test', 400)
    expect(faultsOf(result, 'npm test')).toEqual([])
    expect([parser.name, result.accepted >= parser.seeds.length, result.inputs]).toEqual([parser.name, true, 400])
  }
})

test('the work of every parser grows no faster than its input', () => {
  const ours = growths.filter(({ name }) => !shams.some((sham) => sham.name === name))
  expect(ours.length).toBeGreaterThan(30)
  expect(ours.map(faultOfGrowth).filter((fault) => fault !== null)).toEqual([])
})

test('work that grows with the square of the input is found, in code and in what code calls', () => {
  const faults = Object.fromEntries(growths.map((growth) => [growth.name, faultOfGrowth(growth)]))
  expect(faults.good).toBeNull()
  expect(faults.square).toContain('work grows faster than the input')
  expect(faults.walking).toContain('work grows faster than the input')
})

test('what a parser does not say it throws is found, with the input and how to make it again', async () => {
  expect(faultsOf(await fuzzParser(goodParser, 's', 1_000), 's')).toEqual([])
  const [fault = ''] = faultsOf(await fuzzParser(throwingParser, 's', 1_000), 's')
  const found =
    /^throwing (\d+): TypeError: .*; input 0x([0-9a-f]*); npm run fuzz -- --parser 'throwing' --parser-seed s --case \1$/.exec(
      fault,
    )
  const again = await inputOf(throwingParser, 's', Number(found?.[1]))
  expect(Buffer.from(again).toString('hex')).toBe(found?.[2])
  expect(() => throwingParser.parse(again)).toThrow(TypeError)
})

test('a parser that refuses its own seeds, and so everything, is found', async () => {
  expect(faultsOf(await fuzzParser(refusingParser, 's', 1_000), 's')[0]).toContain('should be taken is refused')
})

test('a seed makes the same inputs every time, another one others', async () => {
  for (const parser of parsers) {
    const at = async (seed: string) => {
      const inputs = [20, 21, 22, 23].map((position) => inputOf(parser, seed, position))
      return (await Promise.all(inputs)).map((input) => Buffer.from(input).toString('hex')).join(' ')
    }
    expect(await at('one')).toBe(await at('one'))
    expect(await at('one')).not.toBe(await at('two'))
  }
})
