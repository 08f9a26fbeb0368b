import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Hex } from 'viem'
import { buildDemoImage } from '../../gateway/cli/demo/image.ts'
import { pushImage } from '../../gateway/cli/demo/push.ts'
import { type DevChain, startDevChain } from '../../gateway/cli/dev-chain.ts'
import type { Config } from '../../gateway/config.ts'
import { encodeTagLookup } from '../../gateway/ens/lookup.ts'
import { repositoryOf } from '../../gateway/ens/name.ts'
import { type Gateway, startGateway } from '../../gateway/serve.ts'
import { askBoth } from '../chain/judges.ts'
import { freePort } from '../e2e/world.ts'
import { addressOf, testKeys } from '../fixtures.ts'
import { command } from './command.ts'

/** A chain with names of their own for each command, a publishing gateway of their owner, and a key file for each test key. */
export type OwnerWorld = {
  chain: DevChain
  gateway: Gateway
  keyFiles: Record<keyof typeof testKeys, string>
  chainFlags: readonly string[]
  close(): Promise<void>
}

/** All names belong to the key `owner`, which is the gateway's publisher; every test key has ether. */
export async function startOwnerWorld(names: readonly string[]): Promise<OwnerWorld> {
  const folder = await mkdtemp(join(tmpdir(), 'mooring-owner-'))
  const keyFiles = { owner: '', other: '', third: '' }
  for (const who of ['owner', 'other', 'third'] as const) {
    keyFiles[who] = join(folder, `${who}.key`)
    await writeFile(keyFiles[who], testKeys[who], { mode: 0o600 })
  }
  const port = await freePort()
  const publisher = addressOf(testKeys.owner)
  const chain = await startDevChain({ gatewayUrls: [`http://127.0.0.1:${port}`], names, publisher })
  const { ensRegistry, resolver, universalResolver } = chain.addresses
  const config: Config = {
    ...{ port, host: '127.0.0.1', dataDir: join(folder, 'data'), rpcUrls: [chain.rpc], chainId: chain.chainId },
    ...{ ensRegistry, resolver, publisherKeyFile: keyFiles.owner, insecureNoAuth: false },
  }
  const gateway = await startGateway(config, { log: () => {} })
  const chainFlags = ['--rpc', chain.rpc, '--ens-registry', ensRegistry, '--universal-resolver', universalResolver]
  const close = async () => {
    await gateway.close()
    await chain.close()
    await rm(folder, { recursive: true })
  }
  return { chain, gateway, keyFiles, chainFlags: [...chainFlags, '--state', join(folder, 'state')], close }
}

/** Runs an owner's command with `--json`; `json` is the one value that it printed. */
export async function run(world: OwnerWorld, ...args: string[]) {
  const { code, out, err } = await command([...args, '--json', ...world.chainFlags])
  return { code, err, json: out === '' ? null : (JSON.parse(out) as Record<string, unknown>) }
}

/** The same for people; without a terminal nothing is asked. */
export function runForPeople(world: OwnerWorld, ...args: string[]) {
  return command([...args, ...world.chainFlags])
}

/** Publishes a tag of a name through its gateway. */
export async function publish(world: OwnerWorld, ensName: string, tag: string): Promise<void> {
  await pushImage(`${world.gateway.url}/v2/${repositoryOf(ensName)}`, buildDemoImage(tag), [tag])
}

/** What a gateway answers now when a tag is looked up: kept, it is an answer from before. */
export type KeptAnswer = { callData: Hex; response: Hex; version: number; hash: Hex }

/** Keeps the answer to a lookup of a tag. */
export async function keepAnswer(world: OwnerWorld, ensName: string, tag: string): Promise<KeptAnswer> {
  const url = `${world.gateway.url}/v2/${repositoryOf(ensName)}/_mooring/proof/${tag}`
  const answer = (await (await fetch(url)).json()) as { response: Hex; hash: Hex; list: { version: number } }
  const callData = encodeTagLookup(ensName, tag, 'text')
  return { callData, response: answer.response, version: answer.list.version, hash: answer.hash }
}

/** What contract and verifier say of a kept answer today: a digest, or the name of an error; both, when they differ. */
export async function judge({ chain }: OwnerWorld, { callData, response }: KeptAnswer): Promise<string> {
  const { contract, verifier } = await askBoth(chain, callData, response)
  return contract === verifier ? contract : `${contract} in the contract, ${verifier} in the verifier`
}
