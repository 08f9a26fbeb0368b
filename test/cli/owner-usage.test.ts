import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { decodeFunctionData, zeroAddress } from 'viem'
import { afterAll, beforeAll, expect, test } from 'vitest'
import {
  callAnchor,
  callCheckpoint,
  callReset,
  callRevoke,
  callRevokeBySignature,
  callSetFallback,
  callSetGateways,
  callSetPolicy,
  OWNER_ALONE,
} from '../../gateway/cli/owner/calls.ts'
import type { Transaction } from '../../gateway/cli/owner/transaction.ts'
import { mooringResolverAbi } from '../../gateway/ens/abi.ts'
import { encodeDnsName, nodeOf } from '../../gateway/ens/name.ts'
import { NO_DELEGATIONS, ZERO_HASH } from '../../gateway/tags/list.ts'
import { addressOf, testDomain, testKeys } from '../fixtures.ts'
import { command } from './command.ts'

const one = `0x${'11'.repeat(20)}` as const
const two = `0x${'22'.repeat(20)}` as const
const list = `0x${'ab'.repeat(32)}` as const
const nine = Array.from({ length: 9 }, (_, at) => `0x${`${at + 1}`.repeat(40)}`).join(',')

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'mooring-usage-'))
  await writeFile(join(folder, 'key'), testKeys.owner, { mode: 0o600 })
})
afterAll(() => rm(folder, { recursive: true }))

/** All of these are refused before the chain is asked: none is named that could be. */
const usage: readonly [args: readonly string[], line: RegExp][] = [
  [['policy'], /NAME: saw nothing, wanted an ENS name/],
  [['policy', 'acme.eth'], /policy: saw nothing, wanted show, set or clear/],
  [['policy', 'acme.eth', 'get'], /policy: saw "get", wanted show, set or clear/],
  [['policy', 'acme.eth', 'show', 'all'], /policy: saw "all", wanted nothing behind/],
  [
    ['policy', 'acme.eth', 'clear', '--threshold', '1'],
    /--threshold: saw "1", wanted it with set only, not with clear/,
  ],
  [['policy', 'acme.eth', 'set'], /--publisher: saw nothing, wanted an address at least; clear is for the owner alone/],
  [['policy', 'acme.eth', 'set', '--publisher', '0x12'], /--publisher: saw "0x12", wanted an address/],
  [
    ['policy', 'acme.eth', 'set', '--publisher', zeroAddress],
    /--publisher: saw "0x0+", wanted an address that is not zero/,
  ],
  [
    ['policy', 'acme.eth', 'set', '--publisher', `${one},${one}`],
    /--publisher: saw "0x1+ twice", wanted each publisher once/,
  ],
  [
    ['policy', 'acme.eth', 'set', '--publisher', nine, '--threshold', '1'],
    /--publisher: saw "9 addresses", wanted at most 8/,
  ],
  [['policy', 'acme.eth', 'set', '--publisher', `${one},${two}`], /--threshold: saw nothing, wanted how many of the 2/],
  ...['0', '3', '-1', '1.5'].map((threshold): [string[], RegExp] => [
    ['policy', 'acme.eth', 'set', '--publisher', `${one},${two}`, `--threshold=${threshold}`],
    new RegExp(`--threshold: saw "${threshold}", wanted a whole number from 1 to 2`),
  ]),
  ...['3599', '604801', '0'].map((seconds): [string[], RegExp] => [
    ['policy', 'acme.eth', 'set', '--publisher', one, '--timestamper', two, '--max-age', seconds],
    new RegExp(`--max-age: saw "${seconds}", wanted a whole number from 3600 to 604800`),
  ]),
  [
    ['policy', 'acme.eth', 'set', '--publisher', one, '--timestamper', two],
    /--max-age: saw nothing, wanted seconds from/,
  ],
  [
    ['policy', 'acme.eth', 'set', '--publisher', one, '--max-age', '3600'],
    /--timestamper: saw nothing, wanted the address/,
  ],
  [
    ['policy', 'acme.eth', 'set', '--publisher', one, '--timestamper', zeroAddress, '--max-age', '3600'],
    /--timestamper: saw "0x0+", wanted an address that is not zero/,
  ],
  [['revoke', 'acme.eth'], /KEY: saw nothing, wanted the address to revoke/],
  [['revoke', 'acme.eth', zeroAddress], /KEY: saw "0x0+", wanted the address to revoke, not zero/],
  [['revoke', 'acme.eth', one, two], /revoke: saw "0x2+", wanted one name and one key/],
  [['revoke', 'acme.eth', one, '--sign-only'], /--sign-only: saw "true", wanted it together with --relay/],
  [['revoke', 'acme.eth', one, '--signature', '0x1'], /--signature: saw "0x1", wanted 1 to 8192 bytes in hex/],
  [['revoke', 'acme.eth', '--relay'], /--key-file: saw nothing, wanted the file of the key that revokes itself/],
  [['revoke', 'acme.eth', '--relay', '--key-file', '/nowhere/key'], /--key-file: saw "\/nowhere\/key"/],
  [['reset'], /NAME: saw nothing/],
  [['reset', 'acme.eth:latest'], /NAME: saw "acme.eth:latest", wanted a name without a tag/],
  [['anchor', 'acme.eth', '--version', '3'], /--list: saw nothing, wanted the hash/],
  [['anchor', 'acme.eth', '--list', list], /--version: saw nothing, wanted the version/],
  [
    ['anchor', 'acme.eth', '--version', '0', '--list', list],
    /--version: saw "0", wanted a whole number from 1 to 9007199254740991/,
  ],
  [['anchor', 'acme.eth', '--version', '9007199254740992', '--list', list], /--version: saw "9007199254740992"/],
  [['anchor', 'acme.eth', '--version', '1', '--list', ZERO_HASH], /--list: saw "0x0+", wanted a list hash/],
  [['anchor', 'acme.eth', '--version', '1', '--list', '0xab'], /--list: saw "0xab", wanted a list hash/],
  [
    ['anchor', 'acme.eth', '--clear', '--version', '1'],
    /--clear: saw "it beside --version or --list", wanted one of the two/,
  ],
  [['checkpoint', 'a', 'b'], /NAME: saw "a b", wanted one name/],
]

test.each(usage)('exit 2 and one line that names what is wrong: %j', async (args, line) => {
  const { code, out, err } = await command([...args, '--rpc', 'http://127.0.0.1:1', '--json'])
  expect(err).toMatch(new RegExp(`^mooring: (?:${line.source})`))
  expect({ code, lines: err.split('\n').length }).toEqual({ code: 2, lines: 1 })
  expect(JSON.parse(out)).toEqual({ ok: false, error: 'Usage', message: err.slice('mooring: '.length) })
})

test('revoke --relay: a KEY that is not the one of the key file is refused', async () => {
  const relay = ['--relay', '--key-file', join(folder, 'key'), '--rpc', 'http://127.0.0.1:1']
  const { code, err } = await command(['revoke', 'acme.eth', one, ...relay])
  expect(code).toBe(2)
  expect(err).toBe(
    `mooring: KEY: saw "${one}", wanted ${addressOf(testKeys.owner)}, the address of --key-file, or nothing`,
  )
})

test.each(['policy', 'revoke', 'reset', 'anchor', 'checkpoint'])('%s --help shows what it takes', async (verb) => {
  const { code, out } = await command([verb, '--help'])
  expect(code).toBe(0)
  expect(out).toMatch(new RegExp(`^usage: mooring ${verb} NAME`))
  for (const flag of ['key-file', 'rpc-signer', 'calldata', 'dry-run', 'json']) expect(out).toContain(`--${flag}`)
})

const target = { resolver: testDomain.resolver, ensName: 'web.acme.eth' }
const name = encodeDnsName('web.acme.eth')
const header = {
  ...{ owner: one, epoch: 1n, version: 2n, previous: list, root: list, count: 3n, delegations: NO_DELEGATIONS },
  ...{ issuedAt: 4n, expiresAt: 5n },
}
const signatures = [{ signer: one, signature: `0x${'33'.repeat(65)}` as const }]
const signedList = {
  ...{
    list: { ...header, name: 'web.acme.eth', node: nodeOf('web.acme.eth') },
    hash: list,
    signatures,
    timestamp: null,
  },
}
const policy = { publishers: [one, two], threshold: 2, timestamper: one, maxAgeSeconds: 3600 }

const calls: readonly [functionName: string, Transaction, args: readonly unknown[]][] = [
  [
    'setPolicy',
    callSetPolicy(target, policy),
    [{ publishers: [one, two], threshold: 2, timestamper: one, maxAge: 3600 }],
  ],
  [
    'setPolicy',
    callSetPolicy(target, OWNER_ALONE),
    [{ publishers: [], threshold: 1, timestamper: zeroAddress, maxAge: 0 }],
  ],
  ['setGateways', callSetGateways(target, ['https://a.example']), [['https://a.example']]],
  ['setFallback', callSetFallback(target, two), [two]],
  ['setFallback', callSetFallback(target, null), [zeroAddress]],
  ['revoke', callRevoke(target, two), [two]],
  ['revokeBySignature', callRevokeBySignature(target, two, '0x1234'), [two, '0x1234']],
  ['reset', callReset(target), []],
  ['anchor', callAnchor(target, { version: 7n, list }), [7n, list]],
  ['anchor', callAnchor(target, null), [0n, ZERO_HASH]],
  ['checkpoint', callCheckpoint(target, signedList), [header, signatures]],
]

test.each(calls)(
  'protocol 3: %s is called on the resolver with the DNS-encoded name: %j',
  (functionName, call, args) => {
    expect(call.to).toBe(testDomain.resolver)
    expect(call.summary).toMatch(/web\.acme\.eth/)
    const decoded = decodeFunctionData({ abi: mooringResolverAbi, data: call.data })
    expect(decoded).toEqual({ functionName, args: [name, ...args] })
  },
)
