import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { type Hex, zeroAddress } from 'viem'
import { networkFlag, networkName } from '../../gateway/cli/client/network.ts'
import { wantsJson } from '../../gateway/cli/client/session.ts'
import { type CommandWorld, runToEnd } from '../../gateway/cli/ending.ts'
import { parseCommandLine } from '../../gateway/cli/flags.ts'
import { renderVerbHelp } from '../../gateway/cli/help.ts'
import { deploymentFile, deploymentsFolder } from '../../gateway/cli/owner/deployments.ts'
import { senderFlags } from '../../gateway/cli/owner/flags.ts'
import { readGatewayUrls } from '../../gateway/cli/owner/gateway-urls.ts'
import { openSender, TransactionRefused } from '../../gateway/cli/owner/sender.ts'
import { type Settlement, sayingOf, settle } from '../../gateway/cli/owner/settle.ts'
import { exitCodes, jsonFlag, type Verb, type VerbContext } from '../../gateway/cli/verb.ts'
import { ConfigError, readSwitch, readText } from '../../gateway/config.ts'
import {
  checkProxy,
  type DeployChain,
  type DeployGround,
  findContract,
  openDeployChain,
  readGround,
} from './deploy-chain.ts'
import { create2CallData, create2Proxy, type PlannedContract, planDeployment, salt } from './deployment.ts'

/** `npm run deploy:contract --` */
const deployContract: Verb = {
  name: 'deploy:contract',
  usage: '--network mainnet|sepolia|URL [flags]',
  summary:
    'Deploy the resolver contract and its ownership adapter through CREATE2: the same arguments, the same address.',
  notes: [
    'Shows arguments and addresses before anything is sent. What is there already is compared and not sent again.',
  ],
  flags: [
    networkFlag,
    { name: 'rpc', value: 'URL', repeatable: true, help: 'JSON-RPC endpoint of the network' },
    { name: 'ens-registry', value: 'ADDRESS', help: "ENS registry (default: the chain's)" },
    { name: 'name-wrapper', value: 'ADDRESS', help: "NameWrapper (default: the chain's, none on other chains)" },
    {
      name: 'fallback',
      value: 'ADDRESS',
      help: "resolver of all other records (default: the chain's public resolver)",
    },
    { name: 'gateway-url', value: 'URL', repeatable: true, help: 'gateways of names that name none (default: none)' },
    {
      name: 'out',
      value: 'DIR',
      help: 'write the deployment here (default: deployments/, for mainnet and Sepolia only)',
    },
    ...senderFlags,
    jsonFlag,
  ],
  run: runDeploy,
}

/** Runs the script's command line to its end and resolves to the exit code; never rejects. */
export function deployCommand(args: readonly string[], world: CommandWorld): Promise<number> {
  return runToEnd('deploy:contract', args, world, async (printing) => {
    const { positionals, settings, help } = parseCommandLine(deployContract.flags, args, world.environment)
    if (help) {
      printing.print(renderVerbHelp(deployContract).replace('mooring deploy:contract', 'npm run deploy:contract --'))
      return exitCodes.done
    }
    if (positionals.length > 0) throw new ConfigError('deploy:contract', positionals.join(' '), 'flags only')
    return deployContract.run({ ...printing, positionals, settings })
  })
}

/** A planned contract, and whether it is there. */
type FoundContract = PlannedContract & { isThere: boolean; codeHash: Hex }

async function runDeploy(context: VerbContext): Promise<number> {
  const chain = await openDeployChain(context.settings)
  const ground = await readGround(context.settings, chain)
  await checkProxy(chain)
  const planned = planDeployment({ ...ground, defaultGateways: readGatewayUrls(context.settings) })
  const found = await Promise.all(
    [planned.ownership, planned.resolver].map(async (contract) => {
      return { ...contract, ...(await findContract(chain, contract)) }
    }),
  )
  const say = sayingOf(context)
  say(`${networkName(chain.chainId)}, through ${create2Proxy} with salt ${salt}`)
  for (const contract of found) for (const line of describe(contract)) say(line)
  const settlement = await sendMissing(context, chain, found)
  const deployment = deploymentOf(chain, ground, found, settlement)
  const isComplete = found.every(({ isThere }) => isThere) || settlement.receipts.length > 0
  const file = isComplete ? writeDeployment(context, chain, deployment) : null
  if (file !== null) say(`written to ${file}`)
  const { transactions, safeBatch } = settlement
  const alreadyDeployed = transactions.length === 0
  const report = { ok: true, ...deployment, alreadyDeployed, transactions, safeBatch, file }
  if (wantsJson(context)) context.print(JSON.stringify(report))
  return exitCodes.done
}

/** @throws TransactionRefused also when what was deployed is not what was expected */
async function sendMissing(
  context: VerbContext,
  chain: DeployChain,
  found: readonly FoundContract[],
): Promise<Settlement> {
  const missing = found.filter(({ isThere }) => !isThere)
  if (missing.length === 0) {
    sayingOf(context)('nothing to do: both contracts are deployed, with the code that was expected')
    return { transactions: [], receipts: [], safeBatch: null }
  }
  // Anybody may deploy, so a dry run can be estimated for nobody in particular.
  const anybody = readSwitch(context.settings, 'dry-run') ? zeroAddress : undefined
  const sender = await openSender(context.settings, chain, anybody)
  const settlement = await settle(
    context,
    sender,
    missing.map(({ name, address, creationCode }) => {
      return { to: create2Proxy, data: create2CallData(creationCode), summary: `deploy ${name} to ${address}` }
    }),
  )
  if (settlement.receipts.length === 0) return settlement
  for (const contract of missing) {
    const { isThere } = await findContract(chain, contract)
    if (!isThere)
      throw new TransactionRefused(
        null,
        `there is no code at ${contract.address}, though its transaction is in a block`,
      )
  }
  return settlement
}

function describe({ name, address, args, constructorArguments, isThere }: FoundContract): string[] {
  return [
    `  ${name} ${address}${isThere ? ', deployed already' : ''}`,
    ...Object.entries(args).map(([arg, value]) => `    ${arg} ${[value].flat().join(' ') || 'none'}`),
    `    constructor arguments, ABI-encoded: ${constructorArguments}`,
  ]
}

function deploymentOf(
  { chainId }: DeployChain,
  { contracts }: DeployGround,
  found: readonly FoundContract[],
  { receipts }: Settlement,
) {
  const missing = found.filter(({ isThere }) => !isThere)
  const written = (contract: FoundContract) => {
    const receipt = receipts[missing.indexOf(contract)]
    const { address, args, constructorArguments, codeHash } = contract
    const block = receipt === undefined ? null : Number(receipt.blockNumber)
    return { address, args, constructorArguments, codeHash, transaction: receipt?.hash ?? null, block }
  }
  const [ownership, resolver] = found.map(written)
  return { chainId, network: networkName(chainId), proxy: create2Proxy, salt, ens: contracts, ownership, resolver }
}

/** Where it was written; null when nothing was to be. A file about the same contracts stays: it knows their transactions. */
function writeDeployment(
  context: VerbContext,
  { chainId, isPublic }: DeployChain,
  deployment: ReturnType<typeof deploymentOf>,
): string | null {
  const folder = readText(context.settings, 'out') ?? (isPublic ? deploymentsFolder() : null)
  if (folder === null) return null
  const file = deploymentFile(chainId, folder)
  const before = existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as typeof deployment) : null
  const isSame = before?.resolver?.address === deployment.resolver?.address
  if (before !== null && isSame && deployment.resolver?.transaction === null) return file
  if (before !== null && !isSame) context.note(`warning: ${file} named another resolver: ${before.resolver?.address}`)
  mkdirSync(dirname(file), { recursive: true })
  writeFileSync(file, `${JSON.stringify(deployment, null, 2)}\n`)
  return file
}
