import { type Address, type Hex, isHex, zeroAddress } from 'viem'
import { privateKeyToAddress, sign } from 'viem/accounts'
import { ConfigError, readAddress, readSwitch, readText, type Settings } from '../config.ts'
import { nodeOf } from '../ens/name.ts'
import type { Policy } from '../tags/authority.ts'
import { hashRevocation } from '../tags/list.ts'
import { isSignatureValid, MAX_SIGNATURE_BYTES } from '../tags/signature.ts'
import { parseSubject, type Subject, wantsJson } from './client/session.ts'
import { readKey } from './client/signers/key-file.ts'
import { callRevoke, callRevokeBySignature } from './owner/calls.ts'
import { type OwnedName, openOwnedName, type PlannedChange, runChange } from './owner/change.ts'
import { changeFlags } from './owner/flags.ts'
import { failureOf, reportFailure } from './reading.ts'
import { exitCodes, type Verb, type VerbContext } from './verb.ts'

/** `mooring revoke NAME KEY`, and `--relay` for a key that revokes itself */
export const revoke: Verb = {
  name: 'revoke',
  usage: 'NAME KEY [flags]   or   NAME --relay --key-file F [--sign-only] [flags]',
  summary: 'Revoke a key for good: by the owner, or by the key itself, whoever pays for it.',
  notes: [
    'By the owner: NAME KEY, and the owner signs the transaction.',
    'By the key: --relay --key-file F. The key in F signs its own revocation, which anyone may relay: --relayer-key-file, --rpc-signer or',
    '--calldata; without one the key pays itself. --sign-only prints the signature instead, for NAME KEY --signature HEX elsewhere or later.',
  ],
  flags: [
    { name: 'relay', value: null, help: 'the key in --key-file revokes itself' },
    { name: 'relayer-key-file', value: 'F', help: 'with --relay: the key that sends and pays' },
    { name: 'sign-only', value: null, help: 'with --relay: print the signed revocation, send nothing' },
    { name: 'signature', value: 'HEX', help: "relay the key's own revocation, signed before" },
    ...changeFlags,
  ],
  run: async (context) => {
    const [ensName, keyText, ...more] = context.positionals
    const subject = parseSubject({ ...context, positionals: ensName === undefined ? [] : [ensName] }, 'NAME')
    if (more.length > 0) throw new ConfigError('revoke', more.join(' '), 'one name and one key')
    if (readSwitch(context.settings, 'relay')) return revokeItself(context, subject, keyText)
    refuseWithoutRelay(context.settings)
    const key = parseKey(keyText)
    const signature = readSignature(context.settings)
    return runChange(context, subject, (name) => planRevocation(name, key, signature))
  },
}

async function revokeItself(context: VerbContext, subject: Subject, keyText: string | undefined): Promise<number> {
  if (!context.settings.has('key-file')) {
    throw new ConfigError('--key-file', null, 'the file of the key that revokes itself')
  }
  const privateKey = await readKey(context.settings)
  const key = privateKeyToAddress(privateKey).toLowerCase() as Address
  if (keyText !== undefined && parseKey(keyText) !== key) {
    throw new ConfigError('KEY', keyText, `${key}, the address of --key-file, or nothing`)
  }
  if (readSwitch(context.settings, 'sign-only')) return printSignature(context, subject, key, privateKey)
  const relayed = { ...context, settings: relayerOf(context.settings) }
  return runChange(relayed, subject, async (name) =>
    planRevocation(name, key, await signRevocation(name, key, privateKey)),
  )
}

/** The flags of whoever sends: the key that revokes itself only where nobody else does. */
function relayerOf(settings: Settings): Settings {
  const relayer = settings.get('relayer-key-file')
  const hasOther = settings.has('rpc-signer') || readSwitch(settings, 'calldata')
  const rest = [...settings].filter(([name]) => name !== 'key-file' && name !== 'relayer-key-file')
  if (relayer !== undefined) return new Map([...rest, ['key-file', relayer]])
  return hasOther ? new Map(rest) : settings
}

function refuseWithoutRelay(settings: Settings): void {
  for (const name of ['relayer-key-file', 'sign-only']) {
    const given = settings.get(name)?.[0]
    if (given !== undefined) throw new ConfigError(given.from, given.text, 'it together with --relay')
  }
}

/** @throws ConfigError */
function parseKey(text: string | undefined): Address {
  const key = text === undefined ? undefined : readAddress(new Map([['key', [{ from: 'KEY', text }]]]), 'key')
  if (key !== undefined && key !== zeroAddress) return key
  throw new ConfigError('KEY', text ?? null, 'the address to revoke, not zero')
}

function readSignature(settings: Settings): Hex | null {
  const text = readText(settings, 'signature')
  if (text === undefined) return null
  const isBytes = isHex(text) && text.length % 2 === 0 && text.length > 2 && text.length <= 2 + 2 * MAX_SIGNATURE_BYTES
  if (isBytes) return text.toLowerCase() as Hex
  throw new ConfigError('--signature', text, `1 to ${MAX_SIGNATURE_BYTES} bytes in hex with 0x`)
}

/** Protocol 2.2 `Revocation`: its node is the authority's. */
function claimOf({ authority }: OwnedName, key: Address) {
  return { node: nodeOf(authority.authorityName), owner: authority.owner, key }
}

function signRevocation(name: OwnedName, key: Address, privateKey: Hex): Promise<Hex> {
  return sign({ hash: hashRevocation(name.session.onChain.domain, claimOf(name, key)), privateKey, to: 'hex' })
}

async function printSignature(context: VerbContext, subject: Subject, key: Address, privateKey: Hex): Promise<number> {
  try {
    const name = await openOwnedName(context, subject)
    const { node, owner } = claimOf(name, key)
    const signature = await signRevocation(name, key, privateKey)
    const authority = name.authority.authorityName
    const signed = { ok: true, name: subject.ensName, authority, node, owner, key, signature }
    const relay = `mooring revoke ${subject.ensName} ${key} --signature ${signature}`
    context.note(`valid as long as ${owner} owns ${authority}; whoever has it can revoke ${key}`)
    context.print(wantsJson(context) ? JSON.stringify(signed) : relay)
    return exitCodes.done
  } catch (error) {
    return reportFailure(context, { ok: false, name: subject.ensName }, failureOf(error))
  }
}

/** `signature` null: the owner revokes. @throws ConfigError for a signature that is not the key's */
async function planRevocation(name: OwnedName, key: Address, signature: Hex | null): Promise<PlannedChange> {
  const { target, authority } = name
  if (signature !== null) await checkSignature(name, key, signature)
  const isRevoked = await authority.isRevoked(key)
  const call = signature === null ? callRevoke(target, key) : callRevokeBySignature(target, key, signature)
  return {
    transaction: isRevoked ? null : call,
    view: async (seen) => ({ key, revoked: await seen.isRevoked(key) }),
    afterwards: { ...authority, isRevoked: async (each) => each === key || authority.isRevoked(each) },
    consequence: `permanent for ${authority.authorityName} under this owner; ${await describeRest(name, key)}`,
  }
}

async function checkSignature(name: OwnedName, key: Address, signature: Hex): Promise<void> {
  const hash = hashRevocation(name.session.onChain.domain, claimOf(name, key))
  if (await isSignatureValid(key, hash, signature, name.authority.askContract)) return
  const { authorityName, owner } = name.authority
  throw new ConfigError('--signature', signature, `that of ${key} over its revocation for ${authorityName} of ${owner}`)
}

/** Who is left to sign. */
async function describeRest({ authority }: OwnedName, key: Address): Promise<string> {
  const { publishers, threshold, timestamper }: Policy = authority.policy
  if (timestamper === key) return 'nothing counts until the policy names another timestamper'
  if (!publishers.includes(key)) return 'it is no publisher now and can never become one'
  const left = []
  for (const each of publishers) if (each !== key && !(await authority.isRevoked(each))) left.push(each)
  if (left.length >= threshold)
    return `${left.length} of ${publishers.length} publishers remain, ${threshold} must sign`
  return `only ${left.length} of the ${threshold} publishers that must sign remain: set another policy, or nobody can publish`
}
