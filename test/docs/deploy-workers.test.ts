import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { verbs } from '../../gateway/cli/run.ts'
import { collectionFlags } from '../../gateway/collection-config.ts'
import { environmentKey, gatewayFlags } from '../../gateway/config.ts'
import { swarmFlags } from '../../gateway/swarm-config.ts'
import { workerFlags } from '../../worker/config.ts'

const read = (path: string) => readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8')
const guide = read('docs/deploy-workers.md')
const wrangler = read('wrangler.toml')
const manifest = JSON.parse(read('package.json')) as { scripts: Record<string, string> }

/** Indented blocks, line by line. */
const lines = guide
  .split('\n')
  .filter((line) => /^ {4,}\S/.test(line))
  .map((line) => line.trim())
/** What is set in code inside sentences. */
const codes = [...guide.matchAll(/`([^`\n]+)`/g)].map(([, code = '']) => code)
/** `key = "value"` of wrangler.toml, those that are commented out too. */
const settings = [...wrangler.matchAll(/^(?:# )?(\w+) = "([^"]*)"/gm)].map(([, key = '', value = '']) => ({
  key,
  value,
}))
const settingOf = (key: string) => settings.find((setting) => setting.key === key)?.value

test('every command of mooring on the page exists, with its flags', () => {
  const commands = [...lines, ...codes].filter((text) => text.startsWith('mooring ') && !text.includes('`'))
  expect(commands.length).toBeGreaterThan(6)
  for (const command of commands) {
    const [, name = '', ...words] = command.split(/\s+/)
    const verb = verbs.find((each) => each.name === name)
    expect([command, verb?.name]).toEqual([command, name])
    for (const word of words.filter((each) => each.startsWith('--'))) {
      expect([command, verb?.flags.some((flag) => `--${flag.name}` === word)]).toEqual([command, true])
    }
  }
})

test('every flag that a sentence names is one of a command on the page', () => {
  const flags = new Set(verbs.flatMap((verb) => verb.flags.map(({ name }) => `--${name}`)))
  for (const code of codes.filter((text) => text.startsWith('--')))
    expect([code, flags.has(code.split(' ')[0] ?? '')]).toEqual([code, true])
})

test('every MOORING_ key on the page is one of the gateway, and every one in wrangler.toml is on the page', () => {
  const known = new Set(
    [...gatewayFlags, ...collectionFlags, ...swarmFlags, ...workerFlags].map(({ name }) => environmentKey(name)),
  )
  const named = new Set(guide.match(/MOORING_[A-Z_]+\b/g))
  expect([...named].filter((key) => !known.has(key) && key !== 'MOORING_')).toEqual([])
  const set = settings.map(({ key }) => key).filter((key) => key.startsWith('MOORING_'))
  expect(set.length).toBeGreaterThan(4)
  expect(set.filter((key) => !named.has(key) || !known.has(key))).toEqual([])
})

test('bindings, names and times on the page are those of wrangler.toml', () => {
  const bindings = [...wrangler.matchAll(/^(?:binding|name) = "([A-Z]+)"$/gm)].map(([, name = '']) => name)
  expect(bindings).toEqual(['DB', 'BLOBS', 'REPOSITORIES'])
  for (const binding of bindings) expect(guide).toContain(`| \`${binding}\` |`)
  expect(lines).toContain(`npx wrangler d1 create ${settingOf('database_name')}`)
  expect(lines).toContain(`npx wrangler d1 migrations apply ${settingOf('database_name')} --remote`)
  expect(lines).toContain(`npx wrangler r2 bucket create ${settingOf('bucket_name')}`)
  expect(guide).toContain(`https://${settingOf('name')}.ACCOUNT.workers.dev`)
  expect(guide).toContain(`Durable Object class \`${settingOf('class_name')}\``)
  expect(lines).toContain(`compatibility_date = "${settingOf('compatibility_date')}"`)
  const [, cron = ''] = /crons = \["([^"]+)"\]/.exec(wrangler) ?? []
  expect(guide).toContain(`cron \`${cron}\``)
  expect(wrangler).toContain('[limits]')
})

test('every script of npm on the page exists', () => {
  const named = [...guide.matchAll(/npm run ([\w:-]+)/g)].map(([, name = '']) => name)
  expect(named.length).toBeGreaterThan(0)
  expect(named.filter((name) => manifest.scripts[name] === undefined)).toEqual([])
})
