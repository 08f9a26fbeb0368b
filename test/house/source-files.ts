import { existsSync, readdirSync, readFileSync } from 'node:fs'

const root = new URL('../../', import.meta.url)

/** Files of the repository by path with their text: those under the given folders (`''` is the root, not deep) that `wanted` accepts. */
export function readSources(folders: readonly string[], wanted: RegExp): Map<string, string> {
  const files = folders.flatMap((folder) => listFiles(folder)).filter((path) => wanted.test(path))
  return new Map(files.sort().map((path) => [path, readFileSync(new URL(path, root), 'utf8')]))
}

function listFiles(folder: string): string[] {
  const url = new URL(folder === '' ? '.' : `${folder}/`, root)
  if (!existsSync(url)) return []
  return readdirSync(url, { withFileTypes: true }).flatMap((entry) => {
    const path = folder === '' ? entry.name : `${folder}/${entry.name}`
    if (entry.isFile()) return [path]
    return folder !== '' && !ignored.has(entry.name) ? listFiles(path) : []
  })
}

const ignored = new Set(['node_modules', 'dist', 'cache', 'out', 'bin'])

/** The code without comments, so that a rule about code is not broken by prose. Strings stay. */
export function withoutComments(source: string): string {
  return source.replace(/\/\*[\s\S]*?\*\//g, '').replace(/(^|\s)\/\/.*$/gm, '$1')
}
