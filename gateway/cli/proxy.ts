import { ConfigError, readInteger, readUrls } from '../config.ts'
import type { Log } from '../deps.ts'
import { keepYoungSmall } from '../heap-growth.ts'
import { createProxyApp } from '../proxy/app.ts'
import { connectionFlags } from './client/connect.ts'
import { bodyPatience } from './client/patience.ts'
import { openClient, wantsJson } from './client/session.ts'
import { listenOnLoopback } from './proxy/listening.ts'
import { createNameReader } from './proxy/served-names.ts'
import { createStanding } from './proxy/standing.ts'
import { createSwarmContent, openSwarm } from './proxy/swarm-source.ts'
import { warmUp } from './proxy/warm-up.ts'
import { installSettings, refuseOtherFlags, settingsFlags, uninstallSettings } from './proxy-settings.ts'
import { exitCodes, jsonFlag, type Verb, type VerbContext } from './verb.ts'

/** Two gateways that hang cost a pull less than what a person takes for broken. */
const defaultTimeoutMs = 4_000

const actions: Readonly<Record<string, (context: VerbContext) => Promise<number>>> = {
  install: installSettings,
  uninstall: uninstallSettings,
}

/** `mooring proxy`, `mooring proxy install`, `mooring proxy uninstall` */
export const proxy: Verb = {
  name: 'proxy',
  usage: '[--port N] | install --name NAME... | uninstall [flags]',
  summary:
    'Serve verified pulls on loopback: docker pull localhost:5055/acme.eth/web:1.2, every answer checked against the chain.',
  notes: [
    'Read-only. What does not verify is 403 DENIED with the error name, a tag that is proven absent 404, and 503 that nobody answered.',
    'With --bee, content that no gateway gives comes from Swarm.',
    'install: with the ENS name as the host of an image, docker pull acme.eth/web:1.2 goes through the proxy. Writes the hosts.toml of docker',
    'and containerd and the registries.conf.d file of podman, for what is on this machine unless flags name it. Exit code 1, and nothing is',
    'written, where another file is in the place of one. uninstall: removes what it wrote; keeps, names and is exit code 1 for what somebody',
    'changed since.',
  ],
  flags: [
    { name: 'port', value: 'N', help: 'port on loopback; 0 takes a free one (default 5055)' },
    ...connectionFlags,
    {
      name: 'timeout-ms',
      value: 'N',
      help: `how long a gateway may take to begin an answer before the next one is asked (default: ${defaultTimeoutMs})`,
    },
    { name: 'bee', value: 'URL', repeatable: true, help: 'a Bee node to read from where no gateway has the content' },
    ...settingsFlags,
    jsonFlag,
  ],
  run: (context) => {
    const [what] = context.positionals
    if (what === undefined) return serveProxy(context)
    const action = Object.hasOwn(actions, what) ? actions[what] : undefined
    if (action === undefined) throw new ConfigError('proxy', what ?? null, 'install, uninstall or flags only')
    return action(context)
  },
}

async function serveProxy(context: VerbContext): Promise<number> {
  refuseOtherFlags(
    context,
    ({ name }) => !settingsFlags.some((flag) => flag.name === name),
    'proxy install or uninstall',
  )
  keepYoungSmall()
  const port = readInteger(context.settings, 'port', 0, 65535, 5055)
  const beeUrls = readUrls(context.settings, 'bee')
  const client = await openClient(context, defaultTimeoutMs)
  const swarm = beeUrls.length > 0 ? await openSwarm(beeUrls) : null
  const reader = createNameReader({
    client,
    standing: createStanding(Date.now),
    patience: { ...bodyPatience, firstByteMs: client.lookupTimeoutMs },
    more: (session) => (swarm === null ? [] : [createSwarmContent(swarm, session, context.note)]),
  })
  const listening = await listenOnLoopback(createProxyApp({ reader, clock: Date.now, log: logOf(context) }), port)
  const stopped = context.waitForStop()
  const { url } = listening
  context.print(wantsJson(context) ? JSON.stringify({ ready: true, proxy: url }) : `verifying proxy on ${url}`)
  const warm = warmUp().catch(() => undefined)
  await stopped
  await warm
  await listening.close()
  return exitCodes.done
}

function logOf({ note }: VerbContext): Log {
  return (event, fields) => note(JSON.stringify({ time: new Date().toISOString(), event, ...fields }))
}
