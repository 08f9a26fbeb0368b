import { posix } from 'node:path'
import { expect, test } from 'vitest'
import { readSources, withoutComments } from './source-files.ts'

const interfaces =
  'gateway/(store/(catalog|catalog-upkeep|content-store|logins|push-permissions|sql|staged-tags|swarm-announcements|swarm-ledger|tag-list-store)|chain/chain-reader|bee/(bee|swarm-reader)|swarm/(hash|reference))\\.ts'
// What routes share with what works beside them.
const besideRoutes = '(\\w+|list-body|manifest-record|valid-signatures)\\.ts$'
const isInterface = new RegExp(`^${interfaces}$`)
// What several drivers of a room stand on, and the files that put drivers of one home together for an entry.
const shared = /^gateway\/(store\/(fs|file-stream)|chain\/(rpc|ens-facts|resolver-calls|contract-signature))\.ts$/
const homes = /^gateway\/store\/(memory|node-stores)\.ts$/
const chooser = /^(gateway\/(serve(-swarm|-bees|-logins)?|offline)\.ts|gateway\/cli\/dev[\w-]*\.ts|worker\/)/
const pure = /^gateway\/(oci|tags|ens)\//
const impure =
  /\b(fetch|Date|Math\.random|process|performance|setTimeout|setInterval|console|globalThis)\b(?!['":?]|\s*:)/

// From a file (the first row that matches) to what it may import: a path of ours, or a package.
const arrows: readonly [from: RegExp, to: RegExp][] = [
  [/^gateway\/oci\//, /^(gateway\/oci\/|viem|@noble\/)/],
  [/^gateway\/tags\//, /^(gateway\/(tags|oci)\/|viem|@noble\/)/],
  [/^gateway\/ens\//, /^(gateway\/(ens|tags|oci)\/|viem|@noble\/)/],
  // Who callers are. The password file is Node's; nothing of its room loads it but an entry.
  [/^gateway\/auth\/htpasswd\.ts/, /^(gateway\/auth\/|node:(crypto|fs\/promises)$|bcryptjs)/],
  [/^gateway\/auth\//, /^(gateway\/(auth\/(?!htpasswd)|(oci|tags)\/|store\/logins\.ts|(access|throttle)\.ts)|viem)/],
  [
    /^gateway\/(store|chain)\//,
    /^(gateway\/((store|chain|oci|tags|ens|swarm)\/|bee\/(bee|swarm-reader)\.ts|package-root\.ts)|node:|viem|@noble\/|better-sqlite3|@cloudflare\/workers-types)/,
  ],
  [/^gateway\/swarm\/node-/, /^(gateway\/(swarm\/|package-root\.ts)|node:)/],
  // What a Worker imports, too: no Node, and nothing that only Node's side of the room has.
  [/^gateway\/swarm\//, /^(gateway\/(swarm\/(?!node-)|oci\/)|viem)/],
  [/^gateway\/bee\/control/, /^(gateway\/(bee|swarm|oci)\/|viem|@ethersphere\/bee-js)/],
  [/^gateway\/bee\//, /^(gateway\/(bee(?!\/control)|swarm(?!\/node-)|oci)\/|viem)/],
  [
    /^gateway\/routes\//,
    new RegExp(`^(gateway/((routes|auth(?!/htpasswd)|oci|tags|ens)/|${besideRoutes})|${interfaces}|viem)`),
  ],
  [
    /^gateway\/(app|errors|publisher)\.ts/,
    new RegExp(`^(gateway/((routes|auth(?!/htpasswd)|oci|tags|ens)/|${besideRoutes})|${interfaces}|viem|hono)`),
  ],
  // What a browser imports, too: no Node.
  [/^gateway\/library\//, /^(gateway\/((library|ens|tags|oci|chain)\/)|viem)/],
  // Node's side alone: the verifying proxy over the reading client, of which it knows the interface.
  [
    /^gateway\/proxy\//,
    /^(gateway\/((proxy|oci|tags|ens)\/|routes\/(answer|page)\.ts|(deps|errors|limits)\.ts)|viem|node:crypto)/,
  ],
  [chooser, /./],
  [/^gateway\/cli\//, /^(?!gateway\/(routes\/|store\/|app\.ts)|hono|better-sqlite3)/],
  [
    /^gateway\/[\w-]+\.ts/,
    new RegExp(
      `^(gateway/((oci|tags|ens)/|auth/logins\\.ts|swarm/(?!node-)|bee/(feed-|read-)|[\\w-]+\\.ts$)|${interfaces}|viem|@noble/|node:)`,
    ),
  ],
]

type Import = { to: string; typeOnly: boolean }

function importsOf(from: string, source: string): Import[] {
  const statements =
    /(?:import|export)\s+(type\s)?(?:[\w*\s{},]+?\sfrom\s*)?['"]([^'"\n]+)['"]|import\(\s*['"]([^'"]+)['"]/g
  return [...withoutComments(source).matchAll(statements)].map(([, type, named, dynamic]) => {
    const target = (named ?? dynamic) as string
    const to = target.startsWith('.') ? posix.join(posix.dirname(from), target) : target
    return { to, typeOnly: type !== undefined }
  })
}

function packageOf(specifier: string): string {
  return specifier.split('/', specifier.startsWith('@') ? 2 : 1).join('/')
}

/** The driver that a file is part of; undefined for what is no driver's. */
function driverOf(path: string): string | undefined {
  const file = /^gateway\/(?:store|chain)\/([\w-]+)\.ts$/.exec(path)?.[1]
  if (file === undefined || isInterface.test(path) || shared.test(path)) return undefined
  if (/^(sqlite|migrate|data-lock)$/.test(file)) return 'sqlite'
  if (/^(sql-|tag-list-rows)/.test(file)) return 'sql'
  const [, family] = /^(file|memory|swarm|r2)s?(?:-|$)/.exec(file) ?? []
  return homes.test(path) ? `home ${file}` : (family ?? file)
}

/** One line per wrong arrow among sources by path. */
function wrongArrows(sources: ReadonlyMap<string, string>): string[] {
  return [...sources].flatMap(([path, source]) => {
    const imports = importsOf(path, source)
    return [...wrongImports(path, imports), ...wrongLibraries(path, imports), ...impurities(path, source)]
  })
}

function wrongImports(path: string, imports: readonly Import[]): string[] {
  const allowed = arrows.find(([start]) => start.test(path))?.[1]
  const own = homes.test(path) ? undefined : driverOf(path)
  return imports
    .filter(({ to }) => !allowed?.test(to) || (own && driverOf(to) && driverOf(to) !== own))
    .map(({ to }) => `${path} must not import ${to}`)
}

function wrongLibraries(path: string, imports: readonly Import[]): string[] {
  const packages = imports
    .filter(({ to, typeOnly }) => !typeOnly && !/^(gateway|node:)/.test(to))
    .map(({ to }) => packageOf(to))
  const libraries = [...new Set(packages)]
  return driverOf(path) && libraries.length > 1 ? [`${path} imports ${libraries.join(' and ')}: one library each`] : []
}

function impurities(path: string, source: string): string[] {
  const found = pure.test(path) ? impure.exec(withoutComments(source)) : null
  return found ? [`${path} is pure and must not use ${found[1]}`] : []
}

test('every import under gateway/ and worker/ follows the arrows', () => {
  const sources = readSources(['gateway', 'worker'], /\.ts$/)
  expect(sources.size).toBeGreaterThan(20)
  expect(wrongArrows(sources)).toEqual([])
})

const refused: readonly [rule: string, path: string, good: string, bad: string][] = [
  ['oci imports nothing above it', 'gateway/oci/a.ts', `import './b.ts'`, `import type { A } from '../tags/a.ts'`],
  ['tags does not import ens', 'gateway/tags/a.ts', `import '../oci/b.ts'`, `export * from '../ens/name.ts'`],
  ['ens does not read the chain', 'gateway/ens/a.ts', `import 'viem'`, `await import('../chain/rpc.ts')`],
  ['a pure room reads no clock', 'gateway/tags/a.ts', '// Date.now() is not ours', 'const now = Date.now()'],
  ['a pure room calls no network', 'gateway/ens/a.ts', 'const prefetch = 1', `fetch('http://localhost')`],
  ['a route knows no driver', 'gateway/routes/a.ts', `import '../store/sql.ts'`, `import '../store/memory.ts'`],
  ['a Worker reads Swarm without bee-js', 'gateway/bee/reader.ts', `import './bee.ts'`, `import '@ethersphere/bee-js'`],
  ['bee-js is not reached through another file', 'gateway/bee/a.ts', `import './call.ts'`, `import './control.ts'`],
  ['a Worker reads Swarm without Node', 'gateway/bee/a.ts', `import '../swarm/hash.ts'`, `import 'node:buffer'`],
  [
    'a Worker hashes without Node',
    'gateway/swarm/a.ts',
    `import './hash.ts'`,
    `import { readFile } from 'node:fs/promises'`,
  ],
  ["a Worker's hash is not Node's", 'gateway/swarm/a.ts', `import './hash.ts'`, `export * from './node-wasm.ts'`],
  ['a Worker logs in without Node', 'gateway/auth/a.ts', `import './keys.ts'`, `import { compare } from 'bcryptjs'`],
  ["the password file is Node's", 'gateway/auth/a.ts', `import './token.ts'`, `import './htpasswd.ts'`],
  ['the app chooses no driver', 'gateway/app.ts', `import { Hono } from 'hono'`, `import './store/files.ts'`],
  ['the proxy knows no client', 'gateway/proxy/a.ts', `import '../oci/digest.ts'`, `import '../cli/client/http.ts'`],
  ['the command line never routes', 'gateway/cli/a.ts', `import '../ens/name.ts'`, `import '../routes/tags.ts'`],
  ['the library has no Node', 'gateway/library/a.ts', `import '../chain/rpc.ts'`, `import 'node:fs'`],
  ['the library is not the command line', 'gateway/library/a.ts', `import './b.ts'`, `import '../cli/flags.ts'`],
  [
    'a driver has one library',
    'gateway/store/a.ts',
    `import 'better-sqlite3'`,
    `import 'better-sqlite3'\nimport 'viem'`,
  ],
  ['drivers do not import each other', 'gateway/store/a.ts', `import './sql.ts'`, `import './b.ts'`],
]

test.each(refused)('arrows: %s', (_rule, path, good, bad) => {
  expect(wrongArrows(new Map([[path, good]]))).toEqual([])
  expect(wrongArrows(new Map([[path, bad]]))).toHaveLength(1)
})

/** All that an entry of ours loads, itself included: paths of ours, and packages. What is imported for its types alone is not loaded. */
function loadedBy(entry: string, sources: ReadonlyMap<string, string>): Set<string> {
  const loaded = new Set<string>([entry])
  for (const path of loaded) {
    const source = sources.get(path)
    if (source === undefined) continue
    for (const { to, typeOnly } of importsOf(path, source)) if (!typeOnly) loaded.add(to)
  }
  return loaded
}

test('a Worker loads no built-in of Node, no bee-js and no SQLite of its own', () => {
  const sources = readSources(['gateway', 'worker'], /\.ts$/)
  const outside = (entry: string) => [...loadedBy(entry, sources)].filter((path) => !/^(gateway|worker)\//.test(path))
  expect(outside('gateway/serve.ts')).toEqual(expect.arrayContaining(['node:http', 'better-sqlite3']))
  expect(new Set(outside('worker/index.ts').map(packageOf))).toEqual(new Set(['cloudflare:workers', 'hono', 'viem']))
})
