// The static analysers, each installed where it is missing, pinned, in a folder that git does not see.
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { forge, packageRoot } from './forge.mjs'
import type { Finding, Impact } from './triage.ts'

const analysisFolder = join(packageRoot, 'resolver-contract/analysis')
const workFolder = join(packageRoot, 'resolver-contract/cache/analysis')
const buildFolder = join(workFolder, 'build')
const sourceFolder = 'resolver-contract/src'

/** Exact versions: another version finds other things, and then somebody has to read them. */
const versions = { 'slither-analyzer': '0.11.6', mythril: '0.24.8', solhint: '6.2.4' }

/** Compiles the contracts alone, with the syntax trees that slither reads. @throws when they do not compile */
export function buildForAnalysis(): void {
  const folders = ['--out', buildFolder, '--cache-path', join(workFolder, 'forge-cache')]
  const more = ['--ast', '--build-info', '--build-info-path', join(buildFolder, 'build-info'), '--force']
  const { status } = forge(['build', sourceFolder, ...folders, ...more], 'pipe')
  if (status !== 0) throw new Error(`the contracts do not compile: forge ended with ${status}`)
}

/** Slither's detectors, and each function of ours with an unchecked block. */
export function runSlither(): Finding[] {
  const python = join(pythonWith('slither-analyzer'), 'python')
  const { stdout } = run(python, [join(analysisFolder, 'findings.py'), packageRoot, buildFolder])
  const { contracts, findings }: { contracts: string[]; findings: Finding[] } = JSON.parse(stdout)
  if (!contracts.includes('MooringResolver')) throw new Error(`slither read ${contracts.join(', ')}, not our contract`)
  return findings
}

/** Rules that mean money or authority; the rest of what solhint is told to look for is low. */
const graveRules =
  /^(avoid-(call-value|suicide|tx-origin)|check-send-result|multiple-sends|no-unchecked-calls|reentrancy|no-inline-assembly|state-visibility)$/

type SolhintReport = { ruleId?: string; filePath: string; line: number }

/** Solhint with the rules of analysis/solhint.json, on the sources alone. */
export function runSolhint(): Finding[] {
  const binary = join(nodeModulesWith('solhint'), '.bin/solhint')
  const options = ['--config', join(analysisFolder, 'solhint.json'), '--formatter', 'json', '--noPrompt', '--disc']
  const { stdout } = run(binary, [...options, `${sourceFolder}/*.sol`, `${sourceFolder}/lib/*.sol`], [0, 1])
  const reports: SolhintReport[] = JSON.parse(stdout)
  const findings = reports.flatMap(({ ruleId, filePath, line }): Finding[] => {
    if (ruleId === undefined) return []
    const lines = readFileSync(join(packageRoot, filePath), 'utf8').split('\n')
    const impact = graveRules.test(ruleId) ? 'high' : 'low'
    return [{ check: ruleId, impact, where: enclosing(lines, line) ?? filePath, what: '' }]
  })
  return [...new Map(findings.map((each) => [JSON.stringify(each), each])).values()]
}

/** `Contract.function` around a line of a source; undefined above its first contract. */
function enclosing(lines: readonly string[], line: number): string | undefined {
  const above = lines.slice(0, line).reverse()
  const find = (pattern: RegExp) => above.map((text) => pattern.exec(text)?.slice(1).find(Boolean)).find(Boolean)
  const inside = find(/^ {4}(?:function (\w+)|(constructor|fallback|receive)\b|(?:event|error) (\w+)|struct (\w+))/)
  const contract = find(/^(?:abstract )?(?:contract|library|interface) (\w+)/)
  return contract && [contract, inside].filter(Boolean).join('.')
}

const mythrilSeconds = 300
/** What solc checks itself since 0.8 is left out; unchecked blocks are listed by slither's part. */
const mythrilModules =
  'AccidentallyKillable,ArbitraryJump,ArbitraryStorage,ArbitraryDelegateCall,EtherThief,ExternalCalls,MultipleSends,StateChangeAfterCall,TxOrigin,UncheckedRetval,UnexpectedEther'

type MythrilIssue = { title: string; severity: string; function: string }

/** Mythril's symbolic execution of the deployed code, for at most five minutes a contract: it may find less on a slow machine. */
export function runMythril(): Finding[] {
  const binary = join(pythonWith('mythril'), 'myth')
  return ['EnsOwnership', 'MooringResolver'].flatMap((contract) => {
    const artifact = JSON.parse(readFileSync(join(buildFolder, `${contract}.sol/${contract}.json`), 'utf8'))
    const codeFile = join(workFolder, `${contract}.hex`)
    writeFileSync(codeFile, artifact.deployedBytecode.object.slice(2))
    const limits = ['--execution-timeout', `${mythrilSeconds}`, '-m', mythrilModules, '-o', 'json']
    const { stdout } = run(binary, ['analyze', '-f', codeFile, '--bin-runtime', ...limits], [0, 1])
    const { error, issues }: { error: string | null; issues: MythrilIssue[] } = JSON.parse(stdout)
    if (error !== null) throw new Error(`mythril: ${error}`)
    return issues.map(({ title, severity, function: name }) => {
      return { check: title, impact: severity.toLowerCase() as Impact, where: `${contract}.${name}`, what: '' }
    })
  })
}

/** The bin folder of a virtual environment that has the package in its pinned version. */
function pythonWith(packageName: 'slither-analyzer' | 'mythril'): string {
  const version = versions[packageName]
  const folder = join(workFolder, `${packageName}-${version}`)
  const bin = join(folder, 'bin')
  const mark = join(folder, 'installed')
  if (existsSync(mark)) return bin
  mkdirSync(workFolder, { recursive: true })
  console.error(`installing ${packageName} ${version} into a virtual environment`)
  run('python3', ['-m', 'venv', '--clear', folder])
  run(join(bin, 'python'), [
    '-m',
    'pip',
    'install',
    '--quiet',
    '--disable-pip-version-check',
    `${packageName}==${version}`,
  ])
  writeFileSync(mark, `${version}\n`)
  return bin
}

function nodeModulesWith(packageName: 'solhint'): string {
  const version = versions[packageName]
  const folder = join(workFolder, `${packageName}-${version}`)
  const modules = join(folder, 'node_modules')
  if (existsSync(modules) && readdirSync(modules).includes(packageName)) return modules
  mkdirSync(folder, { recursive: true })
  writeFileSync(join(folder, 'package.json'), '{ "private": true }\n')
  console.error(`installing ${packageName} ${version}`)
  run('npm', [
    'install',
    '--prefix',
    folder,
    '--no-save',
    '--no-audit',
    '--no-fund',
    '--silent',
    `${packageName}@${version}`,
  ])
  return modules
}

/** @throws with the end of what the program wrote when it does not end as wanted */
function run(program: string, args: readonly string[], wanted: readonly number[] = [0]): { stdout: string } {
  const { error, status, stdout, stderr } = spawnSync(program, args, {
    cwd: packageRoot,
    encoding: 'utf8',
    maxBuffer: 256 * 1024 * 1024,
  })
  if (error) throw new Error(`${program}: ${error.message}`)
  if (status === null || !wanted.includes(status)) {
    throw new Error(`${program} ${args[0]} ended with ${status}: ${(stderr || stdout).trim().slice(-800)}`)
  }
  return { stdout }
}
