import { randomBytes } from 'node:crypto'
import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setImmediate } from 'node:timers/promises'
import { getRequestListener, RequestError } from '@hono/node-server'
import { RESPONSE_ALREADY_SENT } from '@hono/node-server/utils/response'
import type { Address, Hex } from 'viem'
import { createApp } from './app.ts'
import { createTokenAccess } from './auth/access.ts'
import { createBodyFloor } from './body-floor.ts'
import { anyChain } from './chain/any-chain.ts'
import { cachedChain } from './chain/cached-chain.ts'
import type { ChainReader } from './chain/chain-reader.ts'
import { NotMooringResolver, readEnsContracts } from './chain/resolver-calls.ts'
import { createRpc } from './chain/rpc.ts'
import { createViemChain } from './chain/viem-chain.ts'
import { clientReader, type Sender } from './client-address.ts'
import { type Config, ConfigError, keyOf } from './config.ts'
import type { Deps, Log } from './deps.ts'
import { registryErrorResponse } from './errors.ts'
import { noFeatures } from './features.ts'
import { createGivingWay, type GivingWay } from './giving-way.ts'
import { watchHeapGrowth } from './heap-growth.ts'
import { sendLargeBody } from './large-body.ts'
import { defaultLimits } from './limits.ts'
import { openNodeDigester } from './node-digest.ts'
import { OciError } from './oci/error.ts'
import { openBees, uploadsTo } from './serve-bees.ts'
import { openCredentials, openLogins } from './serve-logins.ts'
import { announcerTo, readingFrom } from './serve-swarm.ts'
import { createKeySigner, KeyFileError, readKeyFile, type Signer } from './signer.ts'
import { type NodeStores, openNodeStores } from './store/node-stores.ts'
import { openThreadedSwarmHash } from './swarm/node-threads.ts'
import { startSwarmQueue } from './swarm-queue.ts'
import { watchStores } from './swarm-watch.ts'
import { createThrottle } from './throttle.ts'
import { startUpkeep } from './upkeep.ts'

/** A gateway that listens. */
export type Gateway = {
  /** Where it is reached, without trailing slash. */
  url: string
  mode: 'publishing' | 'relay'
  /** Takes no new connection, finishes the requests under way, closes the stores. */
  close(): Promise<void>
}

/** A lookup's path holds callData of up to 16 KiB in hex; what is longer gets an answer too, and not a 431 that no browser may read. */
const maxHeaderBytes = 64 * 1024
const headersTimeoutMs = 10_000
/** How often connections are looked at whose headers are late. */
const headersCheckMs = 2_000
/** A body brings 1 KiB a second at least, looked at once a minute. */
const bodyCheckMs = 60_000
const leastBodyBytesPerCheck = 60 * 1024
/** How long requests under way may take when the gateway closes. */
const closeTimeoutMs = 10_000
const idleCheckMs = 50
/** How long a slice of background work waits for requests to end, and how long it may be. */
const [patienceMs, sliceMs] = [50, 5]

/**
 * Opens the stores, the chain and the key that `config` names and listens. `overrides` replace what the app is given: a clock, limits,
 * a log. @throws ConfigError when the key file, the chain or the port is not what the configuration says
 */
export async function startGateway(config: Config, overrides: Partial<Deps> = {}): Promise<Gateway> {
  const signer = overrides.signer ?? (await openSigner(config))
  if (overrides.chain === undefined) await checkChain(config)
  const log = overrides.log ?? logToStderr
  const hash = await openThreadedSwarmHash({
    onCrash: (error) => log('a hashing thread ended', { error: error.message }),
  })
  const bees = openBees(config)
  const credentials = await openCredentials(config, log)
  const stores = await openStores(config.dataDir)
  const given = { ...createDeps(config, stores, signer), ...overrides, signer }
  const ledger = stores.swarmLedger
  const uploads = uploadsTo(bees, config, given.clock)
  const local = { content: stores.content, ledger, hash, openDigester: openNodeDigester }
  const announcer = announcerTo(uploads, { ...given, ...local, announcements: stores.announcements })
  const onUploaded = () => announcer?.wake()
  const { clock, pause } = given
  const traffic = createGivingWay(patienceMs, sliceMs)
  const queue = startSwarmQueue({ ...given, ...local, pause: traffic.pause, uploads, onUploaded })
  const content = readingFrom(bees, config, given.content, { hash, ledger, clock, pause, noteKept: queue.noteKept })
  const { noteStored } = queue
  const swarm = { hash, ledger, local: given.content, noteStored, postage: uploads?.postage ?? null }
  const watched = announcer ? watchStores(given, announcer.note) : given
  const logins =
    credentials &&
    openLogins(config, credentials, { ...given, store: stores.logins, url: () => urlOf(config.host, server) })
  const coming = logins && { logins, access: createTokenAccess(logins) }
  const deps: Deps = { ...watched, ...coming, content, swarm: { ...swarm, ...(announcer && { announcer }) } }
  const server = createServer(serverOptions, listenerOf(deps, clientReader(config)))
  watchTraffic(server, traffic)
  watchBodies(server)
  const upkeep = startUpkeep({ ...deps, pause: traffic.pause }, config.collection?.intervalSeconds ?? null)
  try {
    await listen(server, config)
  } catch (error) {
    await Promise.all([upkeep.stop(), queue.stop(), announcer?.stop()])
    await hash.close()
    await stores.close()
    throw error
  }
  return {
    url: urlOf(config.host, server),
    mode: signer === null ? 'relay' : 'publishing',
    async close() {
      await Promise.all([closeServer(server), upkeep.stop()])
      await Promise.all([queue.stop(), announcer?.stop()])
      await hash.close()
      await stores.close()
    },
  }
}

/**
 * A push of many gigabytes is one request, so a request has no time limit; its headers have. Node itself answers a TLS ClientHello on
 * this plain port, which docker, skopeo and podman send first, with an HTTP 400: nothing here listens to `clientError`.
 */
const serverOptions = {
  requestTimeout: 0,
  headersTimeout: headersTimeoutMs,
  connectionsCheckingInterval: headersCheckMs,
  keepAliveTimeout: 65_000,
  maxHeaderSize: maxHeaderBytes,
}

function createDeps(config: Config, stores: NodeStores, signer: Signer | null): Omit<Deps, 'swarm'> {
  const { chainId, ensRegistry, resolver } = config
  const clock = () => BigInt(Math.floor(Date.now() / 1000))
  const readers = config.rpcUrls.map((rpcUrl) => createViemChain({ rpcUrl, chainId, ensRegistry, resolver }))
  return {
    chain: cachedChain(firstThatAnswers(readers), defaultLimits.authorityTtlSeconds, clock),
    content: stores.content,
    catalog: stores.catalog,
    lists: stores.lists,
    staged: stores.staged,
    pushPermissions: stores.pushPermissions,
    signer,
    access: null,
    clock,
    randomId: () => randomBytes(16).toString('hex'),
    bodyOfLength: (body) => body,
    pause: () => setImmediate(),
    limits: { ...defaultLimits, ...config.collection?.limits, maxBodyBytes: config.maxBodyBytes ?? null },
    features: { ...noFeatures, ...config.features },
    throttle: config.requestsPerMinute ? createThrottle(config.requestsPerMinute, clock) : null,
    log: logToStderr,
  }
}

/** The gateway asks one endpoint, and the next only when that one cannot be asked: agreement is the verifiers' business. */
function firstThatAnswers([first, ...others]: readonly ChainReader[]): ChainReader {
  if (first === undefined) throw new ConfigError(keyOf('rpc'), null, 'the URL of a JSON-RPC endpoint')
  return anyChain(first, ...others)
}

const logToStderr: Log = (event, fields) => {
  process.stderr.write(`${JSON.stringify({ time: new Date().toISOString(), event, ...fields })}\n`)
}

async function openSigner(config: Config): Promise<Signer | null> {
  if (config.publisherKeyFile === null) return null
  try {
    return createKeySigner(await readKeyFile(config.publisherKeyFile))
  } catch (error) {
    if (!(error instanceof KeyFileError)) throw error
    throw new ConfigError(keyOf('publisher-key-file'), config.publisherKeyFile, `a usable key file: ${error.message}`)
  }
}

/** A folder that is not there, not ours or held by another gateway. */
function openStores(dataDir: string): Promise<NodeStores> {
  return openNodeStores(dataDir).catch((error: Error) => {
    throw new ConfigError(keyOf('data'), dataDir, `a folder of this gateway alone: ${error.message}`)
  })
}

/** Every endpoint must be of the configured chain, and the contract there a Mooring resolver over the configured ENS registry. */
async function checkChain(config: Config): Promise<void> {
  for (const url of config.rpcUrls) {
    const rpc = createRpc(url)
    const chainId = await rpc.chainId()
    if (chainId !== config.chainId) {
      throw new ConfigError(keyOf('chain-id'), `${config.chainId}`, `${chainId}, the chain of ${url}`)
    }
    const block = await rpc.latestBlock()
    const call = (to: Address, callData: Hex) => rpc.call(to, callData, block.number)
    const { ensRegistry } = await readEnsContracts(call, config.resolver).catch((error: unknown) => {
      if (!(error instanceof NotMooringResolver)) throw error
      throw new ConfigError(keyOf('resolver'), config.resolver, `a Mooring resolver on chain ${chainId}`)
    })
    if (ensRegistry === config.ensRegistry) continue
    throw new ConfigError(keyOf('ens-registry'), config.ensRegistry, `${ensRegistry}, which the resolver asks`)
  }
}

/** Background work waits for requests, and garbage does not while somebody sends a whole list. */
function watchTraffic(server: Server, traffic: GivingWay): void {
  const heap = watchHeapGrowth()
  server.on('request', ({ method, url = '' }: IncomingMessage, outgoing: ServerResponse) => {
    outgoing.once('close', traffic.enter())
    if (method === 'PUT' && url.endsWith('/_mooring/list')) outgoing.once('close', heap.enter())
  })
  server.once('close', heap.stop)
}

function watchBodies(server: Server): void {
  const floor = createBodyFloor(leastBodyBytesPerCheck)
  server.on('request', (incoming: IncomingMessage) => {
    if (!('content-length' in incoming.headers || 'transfer-encoding' in incoming.headers)) return
    floor.watch(incoming)
    incoming.once('close', () => floor.forget(incoming))
  })
  const checks = setInterval(() => floor.check(), bodyCheckMs).unref()
  server.once('close', () => clearInterval(checks))
}

/** A request that breaks off in the middle is nobody's crash: the response is given up. */
function listenerOf(
  deps: Deps,
  clientOf: (incoming: Sender) => string,
): (incoming: IncomingMessage, outgoing: ServerResponse) => void {
  const app = createApp(deps)
  const listener = getRequestListener(
    async (request, { incoming, outgoing }) => {
      const response = await app.fetch(request, { target: incoming.url, client: clientOf(incoming) })
      const isSent = isBlob(request) && (await sendLargeBody(response, outgoing as ServerResponse))
      return isSent ? RESPONSE_ALREADY_SENT : response
    },
    // HTTP/1.0, which health checks speak, has no Host; of HTTP/1.1 without one nothing comes as far as this.
    { hostname: 'localhost', errorHandler: (error) => answerUnread(error, deps.log) },
  )
  return (incoming, outgoing) => {
    listener(incoming, outgoing).catch((error: unknown) => {
      deps.log('connection failed', { error: error instanceof Error ? error.message : String(error) })
      outgoing.destroy()
    })
  }
}

/** What may have a body that is worth a look; all others go out as they are. */
function isBlob({ method, url }: Request): boolean {
  return method === 'GET' && url.includes('/blobs/')
}

/** Requests of which no URL can be made (a backslash in the path, a Host header that is none) come here and not to the app. */
function answerUnread(error: unknown, log: Log): Response {
  const isUnreadable = error instanceof RequestError
  const refused = new OciError('NAME_INVALID', 'request target and Host header make no URL that could be looked up')
  return registryErrorResponse(isUnreadable ? refused : error, log, new Request('http://unread/'))
}

function listen(server: Server, { port, host }: Config): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EADDRINUSE')
        reject(new ConfigError(keyOf('port'), `${port}`, `a free port: ${port} is taken on ${host}`))
      else if (error.code === 'EACCES')
        reject(new ConfigError(keyOf('port'), `${port}`, 'a port that this user may open'))
      else reject(new ConfigError(keyOf('host'), host, `an address of this machine (${error.code ?? error.message})`))
    })
    server.listen(port, host, () => resolve())
  })
}

function urlOf(host: string, server: Server): string {
  const { port } = server.address() as AddressInfo
  const named = host === '0.0.0.0' ? '127.0.0.1' : host === '::' ? '::1' : host
  return `http://${named.includes(':') ? `[${named}]` : named}:${port}`
}

/** A connection whose last request ends while the server closes would be kept open for the next one: idle ones are ended as they come. */
function closeServer(server: Server): Promise<void> {
  return new Promise((resolve) => {
    const idle = setInterval(() => server.closeIdleConnections(), idleCheckMs)
    const patience = setTimeout(() => server.closeAllConnections(), closeTimeoutMs)
    server.close(() => {
      clearInterval(idle)
      clearTimeout(patience)
      resolve()
    })
  })
}
