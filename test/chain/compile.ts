import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import type { Abi, Hex } from 'viem'

/** The compiler's JavaScript build, which forge uses here too. */
const solc: { compile(input: string): string } = createRequire(import.meta.url)('solc')

/** A compiled contract. */
export type Compiled = { abi: Abi; bytecode: Hex }

type Output = {
  errors?: { severity: string; formattedMessage: string }[]
  contracts: Record<string, Record<string, { abi: Abi; evm: { bytecode: { object: string } } }>>
}

/** Compiles a file of this folder's `contracts/` that imports nothing. @throws Error with the compiler's words */
export function compile(file: string): Record<string, Compiled> {
  const content = readFileSync(new URL(`./contracts/${file}`, import.meta.url), 'utf8')
  const outputSelection = { '*': { '*': ['abi', 'evm.bytecode.object'] } }
  const settings = { outputSelection, evmVersion: 'cancun' }
  const input = { language: 'Solidity', sources: { [file]: { content } }, settings }
  const { errors = [], contracts } = JSON.parse(solc.compile(JSON.stringify(input))) as Output
  const faults = errors.filter(({ severity }) => severity === 'error')
  if (faults.length > 0) throw new Error(faults.map(({ formattedMessage }) => formattedMessage).join('\n'))
  const compiled = Object.entries(contracts[file] ?? {}).map(([name, { abi, evm }]) => {
    return [name, { abi, bytecode: `0x${evm.bytecode.object}` }] as const
  })
  return Object.fromEntries(compiled)
}
