import { lookup as lookupBySystem } from 'node:dns/promises'
import { isIP, type LookupFunction } from 'node:net'
import { HttpFailure, shortUrl } from './http-failure.ts'
import { kindOfAddress } from './public-address.ts'

/**
 * Where a request may go, by who chose its URL. `given`: this user did, so anywhere. `public`: somebody else did (the chain, a resolver,
 * an answer), so https to addresses of the Internet only, or a name on chain could make this machine ask its own network.
 * `public or loopback`: the same, and this very machine, http included: for who asks a chain that is on this machine.
 */
export type Reach = 'given' | 'public' | 'public or loopback'

/** The addresses of a host name. @throws when there are none */
export type Resolve = (hostname: string) => Promise<readonly { address: string; family: number }[]>

/** As the operating system finds them. */
export const resolveBySystem: Resolve = (hostname) => lookupBySystem(hostname, { all: true })

/** @throws HttpFailure for a URL that must not be asked, whatever its host's addresses are */
export function checkUrl(url: string, reach: Reach): URL {
  const target = URL.canParse(url) ? new URL(url) : undefined
  if (target === undefined) throw new HttpFailure(`${shortUrl(url)} is no URL`)
  if (target.username !== '' || target.password !== '') {
    throw new HttpFailure(`${target.origin} is not asked: its URL has a user or a password in it`)
  }
  const { protocol } = target
  const isLocal = isLocalName(target.hostname)
  const takesHttp = reach === 'given' || (reach === 'public or loopback' && isLocal)
  if (protocol !== 'https:' && !(protocol === 'http:' && takesHttp)) {
    throw new HttpFailure(`${shortUrl(url)} is not asked: ${takesHttp ? 'http:// or https://' : 'https://'} is wanted`)
  }
  if (reach === 'public' && isLocal)
    throw new HttpFailure(`${target.origin} is not asked: ${reasonFor('this machine')}`)
  const address = bareHost(target.hostname)
  if (isIP(address) > 0) checkAddress(address, address, reach)
  return target
}

/**
 * How a connection finds the addresses of its host: asked for once, each of them checked, and the connection goes to these and no other,
 * so that no second answer of the DNS can send it elsewhere. One address that must not be reached refuses the host.
 */
export function createCheckedLookup(reach: Reach, resolve: Resolve): LookupFunction {
  const find = async (hostname: string) => {
    const found = await resolve(hostname)
    for (const { address } of found) checkAddress(hostname, address, reach)
    const [first] = found
    if (first === undefined) throw new HttpFailure(`${hostname} has no address`)
    return { found, first }
  }
  return (hostname, { all = false }, done) => {
    const give = ({ found, first }: Awaited<ReturnType<typeof find>>) =>
      all ? done(null, [...found]) : done(null, first.address, first.family)
    find(hostname).then(give, (error: NodeJS.ErrnoException) => done(error, '', 0))
  }
}

function checkAddress(hostname: string, address: string, reach: Reach): void {
  const kind = kindOfAddress(address)
  if (reach === 'given' || kind === 'public' || (kind === 'loopback' && reach === 'public or loopback')) return
  const where = address === hostname ? hostname : `${hostname}, which is at ${address},`
  throw new HttpFailure(`${where} is not asked: ${reasonFor('no public address')}`)
}

function reasonFor(where: string): string {
  return `that is ${where}, and the URL is somebody else's choice; give it by flag where it is yours`
}

/** RFC 6761 section 6.3, and the addresses themselves. */
function isLocalName(hostname: string): boolean {
  const name = hostname.toLowerCase().replace(/\.$/, '')
  return name === 'localhost' || name.endsWith('.localhost') || kindOfAddress(bareHost(name)) === 'loopback'
}

function bareHost(hostname: string): string {
  return hostname.replace(/^\[|\]$/g, '')
}
