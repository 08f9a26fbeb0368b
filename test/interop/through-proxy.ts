import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Client } from './client.ts'
import type { ImageLayout } from './image.ts'
import type { Lab } from './lab.ts'
import { runMooring } from './mooring.ts'
import { bindProgram, findProgram, type Program } from './run.ts'
import { type Behaviour, hostsFileText, type VerifyingProxy } from './verifying-proxy.ts'

/** A client that pulls `acme.eth/...` over plain HTTP from wherever its settings lead. */
export type NamePuller = {
  /** Part of repositories, so that clients do not meet. */
  client: string
  /** What `mooring proxy install` and `uninstall` are given so that they write where this client looks. */
  place: { flags: readonly string[]; env?: Record<string, string> }
  /** Takes no plain HTTP from a host without settings: it dials the decoy, and pulls nothing from there. */
  wantsTls?: true
  /** Pulls all of an image, checks it and forgets it. @throws with what the client said */
  pull(image: string, layout: ImageLayout): Promise<void>
}

function nothingOf(reason: string): NonNullable<Client['throughProxy']> {
  return { 'name as host': reason, 'lies refused': reason, 'silence refused': reason, uninstall: reason }
}

/** How the gateway fails, and what a client shows of the proxy's refusal: the error name, or at least the status. */
const lies: Partial<Record<Behaviour, RegExp>> = {
  'forged lookup': /BadProof|403 Forbidden/,
  'wrong manifest': /DigestMismatch|403 Forbidden/,
}
const silence = /503 Service Unavailable/

/**
 * The same pull with and without the files: the decoy that stands for the host `acme.eth` has every image, so it is asked whenever
 * settings lead there, and never while the files are in place.
 */
export function pullsThroughProxy(lab: Lab, puller: NamePuller): NonNullable<Client['throughProxy']> {
  if (process.getuid?.() !== 0) return nothingOf('the decoy takes ports 80 and 443, which needs root')
  const { client, place } = puller
  let images = 0
  /** Every pull is of an image that nobody saw before, under a tag that nobody asked for. */
  const pullFresh = async (before = '') => {
    const tag = `v${images++}`
    const layout = await lab.seedImage(`acme.eth/${client}-host`, tag)
    await puller.pull(`${before}acme.eth/${client}-host:${tag}`, layout)
  }
  const expectDecoy = async (proxy: VerifyingProxy) => {
    await pullFresh().catch((error: unknown) => {
      if (!puller.wantsTls) throw error
    })
    assert.ok(proxy.decoy.dialled() > 0, 'without settings the decoy is asked')
  }
  const settle = (...action: string[]) =>
    runMooring(['proxy', ...action, '--name', 'acme.eth', ...place.flags], 0, place.env)
  const expectRefused = async (proxy: VerifyingProxy, behaviour: Behaviour, shown: RegExp) => {
    proxy.behave('honest')
    await pullFresh()
    proxy.behave(behaviour)
    const refused: unknown = await pullFresh().catch((error: unknown) => error)
    proxy.behave('honest')
    assert.ok(refused instanceof Error, `${behaviour}: the image was pulled`)
    assert.match(refused.message, shown)
    assert.equal(proxy.decoy.dialled(), 0, `${behaviour}: another host was asked`)
    return refused.message
  }
  return {
    'name as host': async () => {
      const proxy = await lab.verifyingProxy()
      await expectDecoy(proxy)
      await settle('install', '--port', `${proxy.port}`)
      await pullFresh()
      await pullFresh(`localhost:${proxy.port}/`)
      assert.equal(proxy.decoy.dialled(), 0)
    },
    'lies refused': async () => {
      const proxy = await lab.verifyingProxy()
      const said: string[] = []
      for (const [lie, shown] of Object.entries(lies)) said.push(await expectRefused(proxy, lie as Behaviour, shown))
      const [ofTag, ofContent] = said.map((text) => /BadProof|DigestMismatch/.test(text))
      return ofTag ? 'shows the error name' : ofContent ? 'shows the error name of content, 403 of a tag' : 'shows 403'
    },
    'silence refused': async () => {
      await expectRefused(await lab.verifyingProxy(), 'silent', silence)
    },
    uninstall: async () => {
      const proxy = await lab.verifyingProxy()
      await pullFresh()
      assert.equal(proxy.decoy.dialled(), 0)
      await settle('uninstall')
      await expectDecoy(proxy)
    },
  }
}

/** As `bindProgram`, with what `decoyCommand` does to the program. */
export function bindWithDecoy(name: string, home: string, folders: Readonly<Record<string, string>> = {}): Program {
  const unshare = bindProgram('unshare', home)
  return (args, options) => unshare(decoyCommand(name, home, args, folders), options)
}

/**
 * Arguments of `unshare` that run a program where `acme.eth` is the decoy's address, by a hosts file in `home` that only it sees;
 * `folders` are seen in place of the machine's, by path.
 */
export function decoyCommand(
  name: string,
  home: string,
  args: readonly string[],
  folders: Readonly<Record<string, string>> = {},
): string[] {
  const hosts = join(home, 'hosts')
  writeFileSync(hosts, hostsFileText)
  const mounts = Object.entries({ '/etc/hosts': hosts, ...folders }).map(
    ([at, from]) => `mount --bind '${from}' '${at}'`,
  )
  const script = [...mounts, 'exec "$0" "$@"'].join(' && ')
  return ['--mount', 'sh', '-c', script, findProgram(name) ?? name, ...args]
}
