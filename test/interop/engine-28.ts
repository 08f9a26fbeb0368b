import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { findProgram, run } from './run.ts'

// Docker Engine 28 or later, which Debian 12 and 13 do not have: from a newer suite of the Debian that this machine installs from, with
// everything it needs, unpacked into a folder. Nothing of the machine's own packages is touched.

const suites = ['forky', 'sid']
const wantedMajor = 28

/** Where the engine lies, or would: a folder with a system of its own, kept between runs. */
export const engineFolder = join(process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'mooring/docker-engine')

/** Whether the engine lies there. */
export function hasEngine(): boolean {
  return existsSync(join(engineFolder, 'usr/sbin/dockerd'))
}

/** Unpacks the engine into its folder (80 MB to fetch, 300 MB on disk). @throws saying what could not be had */
export async function installEngine(): Promise<void> {
  const missing = ['apt-get', 'dpkg-deb', 'unshare', 'nsenter'].filter((name) => findProgram(name) === undefined)
  if (missing.length > 0) throw new Error(`it is taken from a newer Debian, and ${missing.join(', ')} is not here`)
  mkdirSync(join(engineFolder, '..'), { recursive: true })
  const work = mkdtempSync(`${engineFolder}-`)
  try {
    await fetchPackages(work)
    const root = join(work, 'root')
    await unpackPackages(join(work, 'cache/archives'), root)
    renameSync(root, engineFolder)
  } finally {
    rmSync(work, { recursive: true, force: true })
  }
}

/** Fetches docker.io and what it depends on, from the first suite that has it new enough, with apt's state in `work`. */
async function fetchPackages(work: string): Promise<void> {
  const mirror = await findMirror()
  const seen: string[] = []
  for (const suite of suites) {
    const flags = writeAptState(work, mirror, suite)
    await run('apt-get', [...flags, '-qq', 'update'], { timeoutMs: 300_000 })
    const policy = await run('apt-cache', [...flags, 'policy', 'docker.io'])
    const version = /Candidate: (\S+)/.exec(policy)?.[1] ?? 'none'
    seen.push(`${suite} has ${version}`)
    if (Number.parseInt(version, 10) < wantedMajor || version === 'none') continue
    const packages = ['docker.io', 'docker-cli']
    await run('apt-get', [...flags, '-qq', '--yes', '--download-only', 'install', ...packages], { timeoutMs: 600_000 })
    return
  }
  throw new Error(`docker.io ${wantedMajor} was wanted from ${mirror}: ${seen.join(', ')}`)
}

/** The Debian that this machine installs from. */
async function findMirror(): Promise<string> {
  const targets = await run('apt-get', ['indextargets', '--format', '$(REPO_URI) $(ORIGIN)', 'Created-By: Packages'])
  const mirror = /^(\S+\/debian\/?) Debian$/m.exec(targets)?.[1]
  if (mirror === undefined) throw new Error('apt-get indextargets names no Debian to take it from')
  return mirror
}

/** Settings that replace the machine's sources and state and keep the rest, such as a proxy; no package counts as installed. */
function writeAptState(work: string, mirror: string, suite: string): string[] {
  for (const folder of ['lists/partial', 'cache/archives/partial', 'none']) {
    mkdirSync(join(work, folder), { recursive: true })
  }
  const keyring = '/usr/share/keyrings/debian-archive-keyring.gpg'
  writeFileSync(join(work, 'sources.list'), `deb [signed-by=${keyring}] ${mirror} ${suite} main\n`)
  writeFileSync(join(work, 'status'), '')
  const settings = {
    'Dir::Etc::sourcelist': join(work, 'sources.list'),
    'Dir::Etc::sourceparts': join(work, 'none'),
    'Dir::Etc::preferencesparts': join(work, 'none'),
    'Dir::State': work,
    'Dir::State::status': join(work, 'status'),
    'Dir::Cache': join(work, 'cache'),
    'APT::Install-Recommends': 'false',
    'APT::Sandbox::User': 'root',
    'APT::Update::Error-Mode': 'any',
    'Debug::NoLocking': 'true',
  }
  return Object.entries(settings).flatMap(([key, value]) => ['-o', `${key}=${value}`])
}

/** Unpacks packages without running any of their scripts. */
async function unpackPackages(archives: string, root: string): Promise<void> {
  for (const folder of ['usr/bin', 'usr/sbin', 'usr/lib', 'usr/lib64', 'proc', 'sys', 'dev', 'tmp', 'run']) {
    mkdirSync(join(root, folder), { recursive: true })
  }
  for (const folder of ['bin', 'sbin', 'lib', 'lib64']) symlinkSync(`usr/${folder}`, join(root, folder))
  for (const file of readdirSync(archives).filter((name) => name.endsWith('.deb'))) {
    await run('dpkg-deb', ['--extract', join(archives, file), root])
  }
}
