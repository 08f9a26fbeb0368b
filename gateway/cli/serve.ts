import { collectionFlags, readCollectionConfig } from '../collection-config.ts'
import { gatewayFlags, readConfig, readSwitch } from '../config.ts'
import { startGateway } from '../serve.ts'
import { readSwarmConfig, swarmFlags } from '../swarm-config.ts'
import { exitCodes, jsonFlag, type Verb } from './verb.ts'

/** `mooring serve` */
export const serve: Verb = {
  name: 'serve',
  usage: '--rpc URL --chain-id N --resolver ADDRESS [flags]',
  summary: 'Run a gateway: the registry API and the ENS lookups over stores in a folder.',
  notes: [
    'With a publisher key a push of a tag signs a new list; without one the gateway relays lists signed elsewhere.',
    'Beyond loopback it refuses to start without --auth token or --insecure-no-auth: whoever reaches it could push.',
  ],
  flags: [...gatewayFlags, ...collectionFlags, ...swarmFlags, jsonFlag],
  run: async (context) => {
    const gateway = await startGateway({
      ...readConfig(context.settings),
      collection: readCollectionConfig(context.settings),
      swarm: readSwarmConfig(context.settings),
    })
    const stopped = context.waitForStop()
    const { url, mode } = gateway
    context.print(
      readSwitch(context.settings, 'json')
        ? JSON.stringify({ ready: true, gateway: url, mode })
        : `${mode} gateway on ${url}`,
    )
    await stopped
    await gateway.close()
    return exitCodes.done
  },
}
