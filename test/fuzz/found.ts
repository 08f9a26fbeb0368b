import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { FuzzCase } from './draft.ts'
import type { Outcome } from './outcome.ts'
import type { Disagreement } from './run.ts'
import { askVerifier } from './verifier.ts'

/**
 * Where disagreements go: below a folder that both vector runners take as MOORING_VECTORS. One that was looked into becomes a case of
 * test/ens/vector-cases/disagreements.ts, with the outcome that is right.
 */
const folder = fileURLToPath(new URL('found/lookup', import.meta.url))

/** Writes a disagreement in the form of docs/vectors.md, each side with what it said, and its untouched twin. @returns the file */
export async function writeDisagreement({ each, contract, verifier }: Disagreement): Promise<string> {
  const twin = each.twin()
  const kept = await askVerifier(twin.chain, twin.request, twin.response)
  const vectors = [vectorOf(each, each.name, contract, verifier), vectorOf(twin, `${each.name} (twin)`, kept, kept)]
  mkdirSync(folder, { recursive: true })
  const path = join(folder, `${each.name.replace(/[^a-z0-9]+/gi, '-').slice(0, 100)}.json`)
  writeFileSync(path, `[\n${vectors.map((vector) => JSON.stringify(vector)).join(',\n')}\n]\n`)
  return path
}

function vectorOf({ chain, request, response }: FuzzCase, name: string, contract: Outcome, verifier: Outcome) {
  const asked = { name, row: null, chain, localTime: chain.blockTime, memory: null, request, response }
  return { ...asked, contract: outcomeJson(contract), verifier: outcomeJson(verifier) }
}

/** A revert without a name is any revert. */
function outcomeJson(outcome: Outcome) {
  if ('ok' in outcome) return outcome
  return /^[A-Z]\w+$/.test(outcome.error) ? outcome : { revert: true }
}
