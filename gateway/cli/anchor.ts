import type { Hex } from 'viem'
import { ConfigError, readInteger, readSwitch, readText, type Settings } from '../config.ts'
import type { NameAuthority } from '../tags/authority.ts'
import { MAX_VERSION } from '../tags/entry.ts'
import { ZERO_HASH } from '../tags/list.ts'
import { readWholeList } from './client/read-list.ts'
import { parseSubject } from './client/session.ts'
import { callAnchor } from './owner/calls.ts'
import { type OwnedName, type PlannedChange, runChange, type StateView } from './owner/change.ts'
import { changeFlags } from './owner/flags.ts'
import type { Verb } from './verb.ts'

/** `mooring anchor NAME` */
export const anchor: Verb = {
  name: 'anchor',
  usage: 'NAME [--version V --list HASH | --clear] [flags]',
  summary: 'Anchor a list on chain: it needs no signature, and no other list stands at its version.',
  notes: [
    "Without --version and --list: the gateway's current list, read whole and verified.",
    'For owners whose contract signs nothing (ERC-1271), and to pin a release. Anchoring raises the floor; clearing does not lower it.',
  ],
  flags: [
    { name: 'version', value: 'V', help: 'version of the list to anchor' },
    { name: 'list', value: 'HASH', help: 'its list hash: 0x and 64 hex digits' },
    { name: 'clear', value: null, help: 'anchor nothing' },
    ...changeFlags,
  ],
  run: async (context) => {
    const subject = parseSubject(context, 'NAME')
    const given = readGiven(context.settings)
    return runChange(context, subject, async (name) => {
      if (given === 'clear') return planClear(name)
      if (given !== 'current') return planAnchor(name, given)
      const { signed } = await readWholeList(name.session, subject.repository)
      return planAnchor(name, { version: signed.list.version, list: signed.hash })
    })
  },
}

type Anchored = { version: bigint; list: Hex }

/** @throws ConfigError for half of an anchor, or for an anchor together with --clear */
function readGiven(settings: Settings): Anchored | 'clear' | 'current' {
  const list = readText(settings, 'list')
  const hasVersion = settings.has('version')
  if (readSwitch(settings, 'clear')) {
    if (!hasVersion && list === undefined) return 'clear'
    throw new ConfigError('--clear', 'it beside --version or --list', 'one of the two')
  }
  if (!hasVersion && list === undefined) return 'current'
  if (list === undefined) throw new ConfigError('--list', null, 'the hash of the list with that --version')
  if (!hasVersion) throw new ConfigError('--version', null, 'the version of the list with that --list')
  if (!/^0x[0-9a-fA-F]{64}$/.test(list) || BigInt(list) === 0n) {
    throw new ConfigError('--list', list, 'a list hash: 0x and 64 hex digits, not zero')
  }
  return { version: BigInt(readInteger(settings, 'version', 1, MAX_VERSION)), list: list.toLowerCase() as Hex }
}

/** @throws ConfigError for a version below the floor: nothing would be accepted there, anchored or not */
function planAnchor({ target, authority }: OwnedName, anchored: Anchored): PlannedChange {
  const { version, list } = anchored
  const { minVersion, anchorVersion, anchorHash } = authority
  if (version < minVersion) {
    throw new ConfigError('--version', `${version}`, `at least ${minVersion}, the floor of ${authority.ensName}`)
  }
  const stands = anchorHash === list && anchorVersion === version
  return {
    transaction: stands ? null : callAnchor(target, anchored),
    view: viewAnchor,
    afterwards: { ...authority, minVersion: version, anchorVersion: version, anchorHash: list },
    consequence: `version ${version} is this list and no other, with or without signatures; lists below it are refused`,
  }
}

function planClear({ target, authority }: OwnedName): PlannedChange {
  const { anchorHash, anchorVersion, minVersion } = authority
  return {
    transaction: anchorHash === ZERO_HASH ? null : callAnchor(target, null),
    view: viewAnchor,
    afterwards: { ...authority, anchorVersion: 0n, anchorHash: ZERO_HASH },
    consequence: `version ${anchorVersion} needs its signatures again; the floor stays at ${minVersion}`,
  }
}

function viewAnchor({ anchorVersion, anchorHash, minVersion }: NameAuthority): StateView {
  const hasAnchor = anchorHash !== ZERO_HASH
  return {
    anchorVersion: hasAnchor ? Number(anchorVersion) : null,
    anchorHash: hasAnchor ? anchorHash : null,
    minVersion: Number(minVersion),
  }
}
