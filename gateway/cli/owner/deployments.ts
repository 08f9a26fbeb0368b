import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Address, isAddress } from 'viem'
import { ConfigError, readAddress, type Settings } from '../../config.ts'
import { packageRoot } from '../../package-root.ts'
import { networkName } from '../client/network.ts'

/** The Mooring resolver of a chain: `--resolver`, else the deployment that this package ships; null when there is none. @throws ConfigError */
export function knownResolver(settings: Settings, chainId: number): Address | null {
  return readAddress(settings, 'resolver') ?? deployedResolver(deploymentFile(chainId))
}

/** As `knownResolver`. @throws ConfigError naming --resolver when there is none */
export function requireResolver(settings: Settings, chainId: number): Address {
  const resolver = knownResolver(settings, chainId)
  if (resolver !== null) return resolver
  const wanted = `the address of a Mooring resolver: this version knows no deployment on ${networkName(chainId)}`
  throw new ConfigError('--resolver', null, wanted)
}

/** Where a deployment is written down, by chain id. */
export function deploymentFile(chainId: number, folder: string = deploymentsFolder()): string {
  return join(folder, `${chainId}.json`)
}

/** The deployments that this package ships. */
export function deploymentsFolder(): string {
  return join(packageRoot(), 'resolver-contract', 'deployments')
}

/** The resolver's address in a deployment file; null when there is no such file. @throws Error when it is not one of ours */
export function deployedResolver(file: string): Address | null {
  if (!existsSync(file)) return null
  const { resolver } = JSON.parse(readFileSync(file, 'utf8')) as { resolver?: { address?: unknown } }
  const address = resolver?.address
  if (typeof address === 'string' && isAddress(address, { strict: false })) return address.toLowerCase() as Address
  throw new Error(`${file} does not say resolver.address: the installation is broken`)
}
