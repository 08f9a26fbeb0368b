import { mkdir, open, readdir, readFile, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { ConfigError } from '../config.ts'
import type { StaticAnswers } from './client/static-answers.ts'

/** The file by which a folder, or a host, is known as a static gateway. */
export const STATIC_MARKER = 'mooring-static.json'

/** What the marker says: what was exported, and until when it is good. */
export type StaticMarker = {
  gateway: 'static'
  name: string
  chainId: number
  resolver: string
  epoch: number
  version: number
  listHash: string
  /** Unix seconds. */
  expiresAt: number
}

const HEADERS = ['/ccip/*', '/answers/*', `/${STATIC_MARKER}`]
  .map(
    (path) =>
      `${path}\n  Access-Control-Allow-Origin: *\n  Cache-Control: no-cache\n  Content-Type: application/json\n`,
  )
  .join('')

/**
 * Writes a static gateway into a folder, or the next version of one: answers by their content, which never change; then in one step
 * `_redirects`, the table that says which path gets which answer; last of all old answers go. Whoever serves the folder meanwhile has
 * the old version or the new one. @throws ConfigError for a folder with something else in it
 */
export async function writeStaticFolder(folder: string, answers: StaticAnswers, marker: StaticMarker): Promise<void> {
  await takeFolder(folder, marker)
  const inside = join(folder, 'answers')
  await mkdir(inside, { recursive: true })
  const there = new Set(await readdir(inside))
  for (const [file, body] of answers.bodies) if (!there.has(file)) await writeDurably(join(inside, file), body)
  await writeDurably(join(folder, '_headers'), HEADERS)
  await writeDurably(join(folder, '_redirects'), renderTable(answers))
  await writeMarker(folder, marker)
  for (const file of there) if (!answers.bodies.has(file)) await rm(join(inside, file), { force: true })
}

/** One line for each path, with status 200: the answer comes under the path that was asked, and not by way of a redirect. */
function renderTable({ paths }: StaticAnswers): string {
  return [...paths].map(([path, file]) => `/${path} /answers/${file} 200\n`).join('')
}

async function takeFolder(folder: string, marker: StaticMarker): Promise<void> {
  await mkdir(folder, { recursive: true })
  const there = await readdir(folder)
  // First of all, so that what a crash leaves is known as ours.
  if (there.length === 0) return writeMarker(folder, marker)
  const before = await readFile(join(folder, STATIC_MARKER), 'utf8').then(nameIn, () => null)
  if (before === marker.name) return
  const seen = before === null ? `${there[0]} is in it` : `the static gateway of ${before} is in it`
  throw new ConfigError(
    '--ccip',
    folder,
    `an empty folder, none, or one with the static gateway of ${marker.name}: ${seen}`,
  )
}

function nameIn(text: string): string | null {
  try {
    const { gateway, name } = JSON.parse(text) as Partial<StaticMarker>
    return gateway === 'static' && typeof name === 'string' ? name : null
  } catch {
    return null
  }
}

function writeMarker(folder: string, marker: StaticMarker): Promise<void> {
  return writeDurably(join(folder, STATIC_MARKER), `${JSON.stringify(marker)}\n`)
}

/** The whole file under its name, or what was there before. */
async function writeDurably(path: string, text: string): Promise<void> {
  const temporary = `${path}.part`
  const handle = await open(temporary, 'w', 0o644)
  try {
    await handle.writeFile(text)
    await handle.sync()
  } finally {
    await handle.close()
  }
  await rename(temporary, path)
}
