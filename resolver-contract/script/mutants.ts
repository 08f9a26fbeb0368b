// `npm run mutants`: every mutant must make some vector or test fail. Works on a copy; writes resolver-contract/mutants/result-*.md.
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { applyMutant, type Mutant } from '../mutants/mutant.ts'
import { solidityMutants } from '../mutants/solidity.ts'
import { typescriptMutants } from '../mutants/typescript.ts'
import { packageRoot } from './forge.mjs'
import {
  killBySolidityTests,
  killBySwitches,
  killByTypescriptTests,
  prepareSolidity,
  type Verdict,
} from './mutant-tests.ts'

const usage = `npm run mutants [-- --language typescript|solidity] [--match PATTERN]
  Puts each hand-made mutant into a copy of the sources and runs what should kill it, until something fails. Long.
  --language L     only those of one language
  --match PATTERN  only those whose name or file matches; the others keep their rows in the table
  --left           only those that the table does not call killed
  --part I/N       every N-th of them only, beginning with number I: several may run side by side`

type Language = 'typescript' | 'solidity'
type Way = {
  mutants: readonly Mutant[]
  prepare?: (folder: string) => void
  /** The quick way, by vectors and for many at once: those that do not fit are left out. */
  killTogether?: (folder: string, mutants: readonly Mutant[]) => AsyncGenerator<Row>
  /** All that may notice, or all but the vectors. */
  kill(folder: string, withoutVectors: boolean): Promise<Verdict>
}

const languages: Readonly<Record<Language, Way>> = {
  typescript: { mutants: typescriptMutants, kill: killByTypescriptTests },
  solidity: {
    mutants: solidityMutants,
    prepare: prepareSolidity,
    killTogether: killBySwitches,
    kill: killBySolidityTests,
  },
}

const { values } = parseArgs({
  options: {
    language: { type: 'string', default: '' },
    match: { type: 'string', default: '' },
    left: { type: 'boolean', default: false },
    part: { type: 'string', default: '1/1' },
    help: { type: 'boolean', default: false },
  },
})

/** What the tests read; the compiler's output comes along, so that it compiles only what a mutant touches. */
const copied = ['gateway', 'test', 'docs', 'resolver-contract', 'package.json', 'tsconfig.json', 'vitest.config.ts']

function copySources(): string {
  const folder = mkdtempSync(join(tmpdir(), 'mooring-mutants-'))
  for (const path of copied)
    cpSync(join(packageRoot, path), join(folder, path), { recursive: true, preserveTimestamps: true })
  symlinkSync(join(packageRoot, 'node_modules'), join(folder, 'node_modules'))
  return folder
}

type Row = { mutant: Mutant; verdict: Verdict }

async function runMutants(language: Language, mutants: readonly Mutant[]): Promise<Row[]> {
  const folder = copySources()
  const { prepare, killTogether, kill } = languages[language]
  const rows: Row[] = []
  const keep = (row: Row) => {
    rows.push(row)
    report(row)
    writeTable(language, rows)
  }
  try {
    prepare?.(folder)
    const pastVectors = new Set<Mutant>()
    for await (const row of killTogether?.(folder, mutants) ?? []) {
      if (row.verdict.killedBy === undefined) pastVectors.add(row.mutant)
      else keep(row)
    }
    const left = mutants.filter((mutant) => !rows.some((row) => row.mutant === mutant))
    const unchanged = left.length > 0 ? await kill(folder, false) : { killedBy: undefined }
    if (unchanged.killedBy !== undefined) throw new Error(`without a mutant already fails: ${unchanged.killedBy}`)
    for (const mutant of left) {
      const verdict = await runMutant(folder, mutant, () => kill(folder, pastVectors.has(mutant)))
      keep({ mutant, verdict })
    }
    return rows
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

async function runMutant(folder: string, mutant: Mutant, kill: () => Promise<Verdict>): Promise<Verdict> {
  const path = join(folder, mutant.file)
  const source = readFileSync(path, 'utf8')
  writeFileSync(path, applyMutant(mutant, source))
  const verdict = await kill()
  writeFileSync(path, source)
  return verdict
}

function report({ mutant, verdict }: Row): void {
  const said = verdict.killedBy === undefined ? 'FAIL survived' : 'ok   killed  '
  print(`${said} ${mutant.file}: ${mutant.name} (${verdict.killedBy ?? 'by nothing'})`)
}

/**
 * The kept table: what each mutant breaks, and the first vector or test that noticed. Rows of mutants that did not run now stay.
 */
function writeTable(language: Language, rows: readonly Row[]): void {
  const path = tablePath(language)
  const results = readResults(path)
  for (const { mutant, verdict } of rows) results.set(keyOf(mutant), cell(verdict.killedBy ?? survived))
  const { mutants } = languages[language]
  const lines = mutants.map((mutant) => `${keyOf(mutant)} ${results.get(keyOf(mutant)) ?? notRun} |`)
  const killed = mutants.filter((mutant) => ![survived, notRun, undefined].includes(results.get(keyOf(mutant))))
  const head = `# Mutants of the ${language} verifier\n\nWritten by \`npm run mutants\`: ${killed.length} of ${mutants.length} killed.\n\n`
  writeFileSync(path, `${head}| file | what is wrong | killed by |\n| --- | --- | --- |\n${lines.join('\n')}\n`)
}

function tablePath(language: Language): string {
  return join(packageRoot, `resolver-contract/mutants/result-${language}.md`)
}

const survived = 'SURVIVED'
const notRun = 'NOT RUN'

/** The front of a mutant's row in the table. */
function keyOf({ file, name }: Mutant): string {
  return `| ${file} | ${cell(name)} |`
}

function readResults(path: string): Map<string, string> {
  const text = existsSync(path) ? readFileSync(path, 'utf8') : ''
  const rows = text.matchAll(/^(\| resolver-contract[^|]* \|.*? \|) (.*) \|$|^(\| gateway[^|]* \|.*? \|) (.*) \|$/gm)
  return new Map([...rows].map(([, a, b, c, d]) => [a ?? (c as string), b ?? (d as string)]))
}

function cell(text: string): string {
  return text.replaceAll('|', '\\|').replaceAll('\n', ' ')
}

function print(line: string): void {
  process.stdout.write(`${line}\n`)
}

async function main(): Promise<boolean> {
  const named = (Object.keys(languages) as Language[]).filter(
    (each) => values.language === '' || each === values.language,
  )
  if (named.length === 0) throw new Error(`--language ${values.language}: it is typescript or solidity`)
  const pattern = new RegExp(values.match, 'i')
  const [part = 1, parts = 1] = values.part.split('/').map(Number)
  let [killed, alive] = [0, 0]
  for (const language of named) {
    const results = readResults(tablePath(language))
    const isLeft = (mutant: Mutant) => [survived, notRun, undefined].includes(results.get(keyOf(mutant)))
    const chosen = languages[language].mutants.filter((mutant) => !values.left || isLeft(mutant))
    const matching = chosen.filter(({ name, file }) => pattern.test(`${file} ${name}`))
    const mutants = matching.filter((_, position) => position % parts === part - 1)
    for (const mutant of mutants) applyMutant(mutant, readFileSync(join(packageRoot, mutant.file), 'utf8'))
    const rows = mutants.length > 0 ? await runMutants(language, mutants) : []
    killed += rows.filter(({ verdict }) => verdict.killedBy !== undefined).length
    alive += rows.filter(({ verdict }) => verdict.killedBy === undefined).length
  }
  print(`${killed} passed, ${alive} failed`)
  return alive === 0
}

if (values.help) print(usage)
else process.exitCode = (await main()) ? 0 : 1
