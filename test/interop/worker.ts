import { rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type DevChain, startDevChain } from '../../gateway/cli/dev-chain.ts'
import { freePort } from '../e2e/world.ts'
import { addressOf, testKeys } from '../keys.ts'
import { makeFolder } from './image.ts'
import { chainFlags, type Mooring, resolvingOn, runMooring } from './mooring.ts'
import { type Bundle, bundleWorker, migrateDatabase, startBundle } from './workerd.ts'

/** A Worker in workerd beside a chain of its own, whose resolver names it. */
export type MooringWorker = Mooring & {
  chain: Pick<DevChain, 'chainId' | 'addresses'>
  /** The lines that it logged, errors of workerd among them. */
  said: readonly string[]
}

/**
 * Starts what `wrangler deploy` sends, which holds no key, with ENS names that the test owner holds. `bundle`: built already; otherwise it
 * is built here. `more`: vars beside those that it needs.
 */
export async function startWorker(
  names: readonly string[],
  { bundle, more = {} }: { bundle?: Bundle; more?: Readonly<Record<string, string>> } = {},
): Promise<MooringWorker> {
  const folder = makeFolder()
  const port = await freePort()
  const publisher = addressOf(testKeys.owner)
  const chain = await startDevChain({ gatewayUrls: [`http://127.0.0.1:${port}`], names, publisher })
  const { ensRegistry, resolver } = chain.addresses
  const contracts = { rpc: chain.rpc, ...chain.addresses }
  const said: string[] = []
  const vars = {
    ...{ MOORING_RPC: chain.rpc, MOORING_CHAIN_ID: `${chain.chainId}` },
    ...{ MOORING_ENS_REGISTRY: ensRegistry, MOORING_RESOLVER: resolver, ...more },
  }
  const close = async () => {
    await chain.close()
    rmSync(folder, { recursive: true, force: true })
  }
  try {
    await migrateDatabase(folder)
    const built = bundle ?? (await bundleWorker(folder))
    const worker = await startBundle({ bundle: built, states: folder, port, vars, said })
    const gateway = `http://localhost:${port}`
    const stop = async () => {
      await worker.stop()
      await close()
    }
    const keyFile = join(folder, 'publisher.key')
    writeFileSync(keyFile, testKeys.owner, { mode: 0o600 })
    const signing = ['--gateway', gateway, '--key-file', keyFile, '--state', join(folder, 'state')]
    const publish: Mooring['publish'] = async (layout, nameAndTag) =>
      JSON.parse(await runMooring(['push', layout.folder, nameAndTag, '--json', ...signing, ...chainFlags(contracts)]))
    return {
      chain,
      gateway,
      host: `localhost:${port}`,
      port,
      ...resolvingOn(contracts),
      said,
      stop,
      publish,
    }
  } catch (error) {
    await close()
    throw error
  }
}
