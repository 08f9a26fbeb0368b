import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import { applyMutant } from '../../resolver-contract/mutants/mutant.ts'
import { solidityMutants } from '../../resolver-contract/mutants/solidity.ts'
import { typescriptMutants } from '../../resolver-contract/mutants/typescript.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))
const sets = [
  ['typescript', typescriptMutants],
  ['solidity', solidityMutants],
] as const

describe('mutants of the verifier', () => {
  test.each(sets)('%s: at least 60, each with a name of its own, and its text once in its file', (_, mutants) => {
    expect(mutants.length).toBeGreaterThanOrEqual(60)
    expect(new Set(mutants.map(({ file, name }) => `${file} ${name}`)).size).toBe(mutants.length)
    for (const mutant of mutants) expect(() => applyMutant(mutant, sourceOf(mutant.file))).not.toThrow()
  })

  test('a mutant whose text is not there, is there twice, or changes nothing is refused', () => {
    const mutant = { name: 'x', file: 'y', before: 'a', after: 'b' }
    expect(applyMutant(mutant, 'cac')).toBe('cbc')
    expect(() => applyMutant(mutant, 'ccc')).toThrow('0 times')
    expect(() => applyMutant(mutant, 'aca')).toThrow('2 times')
    expect(() => applyMutant({ ...mutant, after: 'a' }, 'cac')).toThrow('changes nothing')
  })

  test.each(sets)('%s: the kept table of the last run has every one of them killed', (language, mutants) => {
    const table = readFileSync(join(root, `resolver-contract/mutants/result-${language}.md`), 'utf8')
    const killed = table.split('\n').filter((row) => row.startsWith('| ') && !/\| (SURVIVED|NOT RUN) \|$/.test(row))
    const missing = mutants.filter(({ file, name }) => !killed.some((row) => row.startsWith(`| ${file} | ${name} |`)))
    expect(missing.map(({ name }) => name)).toEqual([])
  })
})

function sourceOf(file: string): string {
  return readFileSync(join(root, file), 'utf8')
}
