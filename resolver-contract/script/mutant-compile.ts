import { cpSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'

type Source = { content: string }
type Artifact = { abi: unknown; evm: { bytecode: { object: string } }; storageLayout: unknown }
type Output = {
  errors?: { severity: string; formattedMessage: string }[]
  contracts?: Record<string, Record<string, Artifact>>
}
type Solc = { compile(input: string, callbacks: { import(path: string): { contents: string } }): string }

const solc = createRequire(import.meta.url)('solc') as Solc

/** What vectors run against and mutants change; the contracts of development are taken as they are. */
const contracts = {
  MooringResolver: 'resolver-contract/src/MooringResolver.sol',
  EnsOwnership: 'resolver-contract/src/EnsOwnership.sol',
  FormatHarness: 'resolver-contract/test/FormatHarness.sol',
} as const
const asTheyAre = ['TestRegistrar', 'TestNameWrapper']

/** Few steps: half the compiler's time. Whatever the steps, what a mutant breaks is broken; gas is not measured. */
export const fewSteps = 'dhfoDgvulfnTUtnIf:'

const settings = {
  viaIR: true,
  evmVersion: 'cancun',
  optimizer: {
    enabled: true,
    runs: 200,
    details: { yul: true, yulDetails: { stackAllocation: true, optimizerSteps: fewSteps } },
  },
  outputSelection: { '*': { '*': ['abi', 'evm.bytecode.object', 'storageLayout'] } },
}

/** A folder beside the copied sources where the vector runner finds its compiled contracts. */
export function prepareVectors(folder: string): void {
  const root = vectorsRoot(folder)
  mkdirSync(join(root, 'resolver-contract/out'), { recursive: true })
  cpSync(join(folder, 'resolver-contract/script'), join(root, 'resolver-contract/script'), { recursive: true })
  for (const shared of ['node_modules', 'test']) symlinkSync(join(folder, shared), join(root, shared))
  for (const name of asTheyAre) {
    cpSync(join(folder, `resolver-contract/out/${name}.sol`), join(root, `resolver-contract/out/${name}.sol`), {
      recursive: true,
    })
  }
}

export function vectorsRoot(folder: string): string {
  return join(folder, 'for-vectors')
}

/** Compiles sources for the vector runner: those given, and the copied ones for all others. @throws when they do not compile */
export function compileForVectors(folder: string, given: ReadonlyMap<string, string> = new Map()): void {
  const read = (path: string): Source => ({ content: given.get(path) ?? readFileSync(join(folder, path), 'utf8') })
  const sources = Object.fromEntries(Object.values(contracts).map((path) => [path, read(path)]))
  const input = JSON.stringify({ language: 'Solidity', sources, settings })
  const find = (path: string) => ({ contents: read(path.startsWith('@') ? `node_modules/${path}` : path).content })
  const { errors = [], contracts: compiled } = JSON.parse(solc.compile(input, { import: find })) as Output
  const error = errors.find(({ severity }) => severity === 'error')
  if (error !== undefined) throw new Error(`a mutant does not compile: ${error.formattedMessage}`)
  for (const [name, path] of Object.entries(contracts)) writeArtifact(folder, name, compiled?.[path]?.[name])
}

function writeArtifact(folder: string, name: string, artifact: Artifact | undefined): void {
  if (artifact === undefined) throw new Error(`the compiler gave no ${name}`)
  const { abi, evm, storageLayout } = artifact
  const to = join(vectorsRoot(folder), `resolver-contract/out/${name}.sol`)
  mkdirSync(to, { recursive: true })
  const text = JSON.stringify({ abi, bytecode: { object: `0x${evm.bytecode.object}` }, storageLayout })
  writeFileSync(join(to, `${name}.json`), text)
}
