import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { renameSync, writeFileSync } from 'node:fs'
import { mkdir, mkdtemp, readdir, readFile, readlink, rm, stat, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import {
  addCredentialHelper,
  changeConfig,
  type DockerConfig,
  removeCredentialHelper,
} from '../../gateway/cli/logins/docker-config.ts'
import { withFileLock } from '../../gateway/cli/logins/file-lock.ts'

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'mooring-docker-config-'))
})
afterAll(() => rm(folder, { recursive: true, force: true }))

let homes = 0
/** A folder of docker's own with this configuration. */
async function newConfig(config: object | null) {
  const home = join(folder, `${++homes}`)
  await mkdir(home)
  const file = join(home, 'config.json')
  if (config !== null) await writeFile(file, JSON.stringify(config))
  return {
    environment: { DOCKER_CONFIG: home },
    home,
    file,
    read: async () => JSON.parse(await readFile(file, 'utf8')) as Record<string, unknown>,
  }
}

const hosts = Array.from({ length: 12 }, (_, at) => `gateway-${at}.example`)
const allHosts = Object.fromEntries(hosts.map((host) => [host, 'mooring']))
const auths = { 'other.example': { auth: 'c2VjcmV0' } }

describe('several logins at once change one configuration of docker', () => {
  test('in one process: no entry is lost, what else docker knew stays, and nothing is left beside it', async () => {
    const { environment, home, read } = await newConfig({ auths })
    expect(new Set(await Promise.all(hosts.map((host) => addCredentialHelper(environment, host))))).toEqual(
      new Set([true]),
    )
    expect(await read()).toEqual({ auths, credHelpers: allHosts })
    await Promise.all(hosts.slice(1).map((host) => removeCredentialHelper(environment, host)))
    expect(await read()).toEqual({ auths, credHelpers: { [hosts[0] as string]: 'mooring' } })
    expect(await readdir(home)).toEqual(['config.json'])
  })

  test('in several processes, where none was yet', async () => {
    const { environment, home, read } = await newConfig(null)
    const source = new URL('../../gateway/cli/logins/docker-config.ts', import.meta.url).href
    const script = `const { addCredentialHelper } = await import(${JSON.stringify(source)})
      for (const host of process.argv.slice(1)) await addCredentialHelper({ DOCKER_CONFIG: process.env.CONFIG }, host)`
    const env = { ...process.env, CONFIG: environment.DOCKER_CONFIG }
    const children = [0, 4, 8].map((from) => {
      const args = ['--import', 'tsx', '--input-type', 'module', '--eval', script, ...hosts.slice(from, from + 4)]
      return spawn(process.execPath, args, { env, stdio: 'inherit' })
    })
    const codes = await Promise.all(children.map(async (child) => (await once(child, 'close'))[0]))
    expect(codes).toEqual([0, 0, 0])
    expect(await read()).toEqual({ credHelpers: allHosts })
    expect(await readdir(home)).toEqual(['config.json'])
  })

  test('what docker, which takes no lock, writes meanwhile is kept', async () => {
    const { file, read } = await newConfig({})
    let calls = 0
    const changed = await changeConfig(file, (config) => {
      calls += 1
      // The first call only looks whether anything is to be done.
      if (calls === 2) {
        writeFileSync(`${file}.docker`, JSON.stringify({ auths }))
        renameSync(`${file}.docker`, file)
      }
      return { ...config, credHelpers: { 'gateway.example': 'mooring' } }
    })
    expect([changed, calls]).toEqual([true, 3])
    expect(await read()).toEqual({ auths, credHelpers: { 'gateway.example': 'mooring' } })
  })

  test('a file that is written all the time is given up, and left as its other writer has it', async () => {
    const { file, home, read } = await newConfig({ turn: 0 })
    let turn = 0
    const changing = changeConfig(file, (config) => {
      turn += 1
      writeFileSync(file, JSON.stringify({ turn }))
      return { ...config, credHelpers: {} }
    })
    await expect(changing).rejects.toThrow(/config\.json: saw "a file that changes all the time", wanted /)
    expect([await read(), await readdir(home)]).toEqual([{ turn }, ['config.json']])
  })
})

describe('the lock', () => {
  const add = (config: DockerConfig) => ({ ...config, credHelpers: { ...config.credHelpers, 'a.example': 'mooring' } })
  const soon = { abandonedAfterMs: 40, retryMs: 2 }

  test('somebody waits while it is held, and comes in when it is given back', async () => {
    const { file, read } = await newConfig({})
    let changing: Promise<boolean> = Promise.resolve(false)
    await withFileLock(`${file}.mooring-lock`, async () => {
      changing = changeConfig(file, add)
      await sleep(60)
      expect(await read()).toEqual({})
    })
    expect([await changing, await read()]).toEqual([true, add({})])
  })

  test('one that a killed process left is removed, and then there is none', async () => {
    const { file, home, read } = await newConfig({})
    await writeFile(`${file}.mooring-lock`, '1-left')
    await writeFile(`${file}.mooring-lock-other`, 'of somebody else')
    expect(await changeConfig(file, add, soon)).toBe(true)
    expect(await read()).toEqual(add({}))
    expect(await readdir(home)).toEqual(['config.json', 'config.json.mooring-lock-other'])
  })

  test('one that cannot be removed is named, and nothing is changed', async () => {
    const { file, read } = await newConfig({})
    await writeFile(`${file}.mooring-lock`, '1-left')
    await writeFile(`${file}.mooring-lock.removing`, '1-left')
    await expect(changeConfig(file, add, soon)).rejects.toThrow(
      /is still there: .* remove .*config\.json\.mooring-lock/,
    )
    expect(await read()).toEqual({})
  })

  test('nothing is locked or written where nothing is to be done', async () => {
    const { file, home, environment } = await newConfig({ credHelpers: { 'a.example': 'mooring' } })
    const { ino } = await stat(file)
    await writeFile(`${file}.mooring-lock`, 'held')
    expect(await addCredentialHelper(environment, 'a.example')).toBe(false)
    expect(await removeCredentialHelper(environment, 'b.example')).toBe(false)
    expect(await removeCredentialHelper({ DOCKER_CONFIG: join(home, 'none') }, 'a.example')).toBe(false)
    expect([(await stat(file)).ino, await readdir(home)]).toEqual([ino, ['config.json', 'config.json.mooring-lock']])
  })
})

test('a configuration that is a link stays one, and is changed where it lies', async () => {
  const { file, home, read, environment } = await newConfig(null)
  await mkdir(join(home, 'settings'))
  await writeFile(join(home, 'settings/docker.json'), JSON.stringify({ auths }))
  await symlink('settings/docker.json', file)
  expect(await addCredentialHelper(environment, 'a.example')).toBe(true)
  expect(await readlink(file)).toBe('settings/docker.json')
  expect(await read()).toEqual({ auths, credHelpers: { 'a.example': 'mooring' } })
})
