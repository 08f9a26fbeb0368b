import { existsSync } from 'node:fs'
import { expect, test } from 'vitest'
import { readSources, withoutComments } from './source-files.ts'

const rooms = ['gateway', 'worker', 'test', 'bench', 'scripts', 'resolver-contract', 'docs', '.ci']
const everything = readSources(['', ...rooms], /\.(ts|mjs|js|json|sol|sql|md|toml|npmrc)$|(^|\/)run$/)
const typescript = readSources(rooms, /\.(ts|mjs)$/)
const generated = /^(resolver-contract\/generated\/|gateway\/ens\/abi\.ts|test\/vectors\/|package-lock\.json)/

// What the mutants replace by what: rows of other files' text, of which there is no end.
const tables = /^resolver-contract\/mutants\/(solidity|typescript)\.ts$/

/** `path:line: text` for each line that matches; generated files and this one are left out. */
function linesWith(pattern: RegExp, sources: ReadonlyMap<string, string>): string[] {
  return [...sources]
    .filter(([path]) => !generated.test(path) && path !== 'test/house/rules.test.ts')
    .flatMap(([path, text]) =>
      text.split('\n').flatMap((line, at) => (pattern.test(line) ? [`${path}:${at + 1}: ${line.trim()}`] : [])),
    )
}

test('the house rules read real files', () => {
  expect(everything.size).toBeGreaterThan(40)
  expect(linesWith(/^ {2}"name": "mooring",$/, everything)).toEqual(['package.json:2: "name": "mooring",'])
})

test('no file names a path of somebody’s machine', () => {
  expect(linesWith(/(?:^|[\s"'`(=])\/(?:home|root|Users|work)\/|\.\.\/shared\b/, everything)).toEqual([])
})

test('no file names the address of a package registry', () => {
  const lock = new Map([['package-lock', everything.get('package-lock.json') ?? '']])
  const address = /registry\.(?:npmjs|yarnpkg)\.|npm\.pkg\.github|proxy\.golang\.org|_authToken|^registry=/
  expect(linesWith(address, new Map([...everything, ...lock]))).toEqual([])
})

type Locked = { resolved?: string; integrity?: string; os?: string[]; optionalDependencies?: Record<string, string> }

test('the lock file names no download address, has the hash of every package, and knows every platform', () => {
  const lock: { packages: Record<string, Locked> } = JSON.parse(everything.get('package-lock.json') ?? '')
  const packages = Object.entries(lock.packages).filter(([path]) => path !== '')
  expect(packages.length).toBeGreaterThan(100)
  expect(packages.filter(([, { resolved }]) => resolved !== undefined)).toEqual([])
  // Builds for other platforms may lack a hash; the file must name them all the same, or `npm ci` refuses it everywhere.
  expect(packages.filter(([, { integrity, os }]) => !integrity && !os)).toEqual([])
  const builds = packages.flatMap(([, { optionalDependencies = {} }]) => Object.keys(optionalDependencies))
  expect(builds.filter((name) => !packages.some(([path]) => path.endsWith(`node_modules/${name}`)))).toEqual([])
})

test('ERC-3668: each client of viem says who follows the URLs that a contract gives, and none leaves it to viem', () => {
  // The demo shows what any ENS client does, on a chain of its own.
  const sources = readSources(['gateway', 'worker'], /(?<!demo\/account)\.ts$/)
  const clients = [...sources].flatMap(([path, text]) =>
    [...text.matchAll(/\bcreate(?:Public)?Client\(\{(?:[^{}]|\{(?:[^{}]|\{[^{}]*\})*\})*\}\)/g)].map(([call]) => ({
      path,
      call,
    })),
  )
  expect(clients.length).toBeGreaterThan(5)
  const isCall = /\bcreate(?:Public)?Client\(/
  expect(clients.length).toBe(linesWith(isCall, sources).length)
  expect(clients.filter(({ call }) => !/\bccipRead: (?:false|\{ request: )/.test(call))).toEqual([])
})

test('nothing is left to do later', () => {
  expect(linesWith(/\b(?:TODO|FIXME|XXX|HACK)\b/, everything)).toEqual([])
})

test('no any, and no check of the compiler or linter is switched off', () => {
  const code = new Map(
    [...typescript].filter(([path]) => !tables.test(path)).map(([path, text]) => [path, withoutComments(text)]),
  )
  expect(linesWith(/(?::|\bas|<|,|\|)\s*any\b(?!['\w])/, code)).toEqual([])
  expect(linesWith(/@ts-(?:ignore|nocheck|expect-error)|biome-ignore/, typescript)).toEqual([])
})

test('files stay within 300 lines, suites within 600', () => {
  const long = [...typescript]
    .filter(([path]) => !generated.test(path) && !tables.test(path))
    .map(([path, text]) => ({ path, lines: text.split('\n').length, most: path.startsWith('test/') ? 600 : 300 }))
    .filter(({ lines, most }) => lines > most)
  expect(long).toEqual([])
})

test('every export under gateway/ says in a doc comment what it gives', () => {
  const undocumented = [...readSources(['gateway', 'worker'], /\.ts$/)]
    .filter(([path]) => !generated.test(path))
    .flatMap(([path, text]) => {
      const lines = text.split('\n')
      const declares =
        /^export (?:default |declare |abstract |async )*(?:function\*?|const|class|type|let|interface) (?!\{)\s*(\w+)/
      return lines.flatMap((line, at) => {
        const name = declares.exec(line)?.[1]
        return name && !/\*\/\s*$/.test(lines[at - 1] ?? '') ? [`${path}:${at + 1} ${name}`] : []
      })
    })
  expect(undocumented).toEqual([])
})

test('what package.json publishes and names exists', () => {
  const manifest = JSON.parse(everything.get('package.json') ?? '') as {
    files: string[]
    scripts: Record<string, string>
  }
  const promised = manifest.files.filter((path) => path !== 'dist')
  const scripts = Object.values(manifest.scripts).flatMap((script) => script.match(/[\w./-]+\.(?:mjs|ts)\b/g) ?? [])
  const missing = [...promised, ...scripts].filter((path) => !existsSync(new URL(`../../${path}`, import.meta.url)))
  expect(missing).toEqual([])
})
