import { repositoryOf } from '../../ens/name.ts'

/** What the last lines of the demo need to know. */
export type NextLines = {
  gateway: string | null
  rpc: string | null
  ensRegistry: string | null
  universalResolver: string | null
  names: readonly string[]
  /** The Bee node that has it all, too; null for none. */
  bee: string | null
}

/** The lines to try while the demo runs. */
export function renderNextLines(world: NextLines): string {
  const [ensName = 'demo.eth'] = world.names
  const image = `localhost:${new URL(world.gateway ?? 'http://localhost:5050').port}/${repositoryOf(ensName)}`
  const ens = `--rpc ${world.rpc} --ens-registry ${world.ensRegistry} --universal-resolver ${world.universalResolver}`
  return [
    '',
    'Every step held. Try next:',
    '',
    `  docker run --rm ${image}:latest`,
    `  docker tag ${image}:latest ${image}:mine && docker push ${image}:mine`,
    `  npx mooring resolve ${ensName}:latest ${ens}`,
    `  npx mooring verify ${ensName}:latest ${ens}`,
    `  npx mooring tags ${ensName} ${ens}`,
    ...(world.bee === null ? [] : [`  npx mooring status ${ensName} ${ens}`]),
  ].join('\n')
}
