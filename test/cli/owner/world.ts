import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Connection } from '../../../gateway/cli/client/connect.ts'
import { type DevChain, type DevName, startDevChain } from '../../../gateway/cli/dev-chain.ts'
import { parseCommandLine } from '../../../gateway/cli/flags.ts'
import { ownerFlags } from '../../../gateway/cli/owner/flags.ts'
import type { VerbContext } from '../../../gateway/cli/verb.ts'
import { addressOf, testKeys } from '../../fixtures.ts'

/** A chain where `acme.eth` is the owner's and `bob.eth` somebody else's, and key files for both. */
export type OwnerWorld = {
  chain: DevChain
  connection: Connection
  folder: string
  ownerKey: string
  otherKey: string
  /** How a command finds this chain. */
  chainFlags: readonly string[]
  /** And the Mooring resolver there. */
  flags: readonly string[]
  close(): Promise<void>
}

export async function startOwnerWorld(names: readonly DevName[] = []): Promise<OwnerWorld> {
  const folder = await mkdtemp(join(tmpdir(), 'mooring-owner-'))
  const ownerKey = join(folder, 'owner.key')
  const otherKey = join(folder, 'other.key')
  await writeFile(ownerKey, testKeys.owner, { mode: 0o600 })
  await writeFile(otherKey, testKeys.other, { mode: 0o600 })
  const chain = await startDevChain({
    gatewayUrls: [],
    names: ['acme.eth', { name: 'bob.eth', owner: addressOf(testKeys.other) }, ...names],
    publisher: addressOf(testKeys.owner),
  })
  const { ensRegistry, universalResolver, resolver } = chain.addresses
  const chainFlags = ['--rpc', chain.rpc, '--ens-registry', ensRegistry, '--universal-resolver', universalResolver]
  const connection: Connection = {
    ...{ chainId: chain.chainId, chainName: 'test', rpcUrls: [chain.rpc], ensRegistry, universalResolver },
    ...{ gateways: null, allowsPlainHttp: true },
  }
  const close = async () => {
    await chain.close()
    await rm(folder, { recursive: true })
  }
  const flags = [...chainFlags, '--resolver', resolver]
  return { chain, connection, folder, ownerKey, otherKey, chainFlags, flags, close }
}

/** A verb's context as a command line makes it, and what was printed. `answer` sits at the terminal; null for no terminal. */
export function contextOf(args: readonly string[], answer: boolean | null = null) {
  const out: string[] = []
  const err: string[] = []
  const asked: string[] = []
  const { positionals, settings } = parseCommandLine(ownerFlags, args, {})
  const ask = async (question: string) => {
    asked.push(question)
    return answer === true
  }
  const context: VerbContext = {
    ...{ positionals, settings, environment: {}, waitForStop: async () => {} },
    print: (line) => out.push(line),
    note: (line) => err.push(line),
    ...(answer === null ? {} : { ask }),
  }
  return { context, settings, out, err, asked }
}
