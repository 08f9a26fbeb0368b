import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { formatVectors } from './vector-suite.ts'

const { MOORING_VECTORS } = process.env
const folder = MOORING_VECTORS ?? fileURLToPath(new URL('../vectors', import.meta.url))

function read<Case>(file: string): Case[] | null {
  const path = join(folder, file)
  return existsSync(path) ? (JSON.parse(readFileSync(path, 'utf8')) as Case[]) : null
}

formatVectors(read, { areOurs: MOORING_VECTORS === undefined })
