import { BlockList, isIPv4, isIPv6 } from 'node:net'

/** Whom an address reaches. `special` is everything that is neither the Internet nor this very machine. */
export type AddressKind = 'public' | 'loopback' | 'special'

/** IANA IPv4 Special-Purpose Address Registry, multicast (RFC 5771), and the address at which one cloud's machines find their host. */
const specialIPv4 = listOf('ipv4', [
  ['0.0.0.0', 8],
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  ['168.63.129.16', 32],
  ['169.254.0.0', 16],
  ['172.16.0.0', 12],
  ['192.0.0.0', 24],
  ['192.0.2.0', 24],
  ['192.88.99.0', 24],
  ['192.168.0.0', 16],
  ['198.18.0.0', 15],
  ['198.51.100.0', 24],
  ['203.0.113.0', 24],
  ['224.0.0.0', 4],
  ['240.0.0.0', 4],
])

/** RFC 4291 section 2.4: what is given out to the world. The rest is loopback, link-local, unique local, multicast, or nobody's. */
const globalUnicast = listOf('ipv6', [['2000::', 3]])

/** Inside it: protocols (with Teredo), documentation (RFC 3849, RFC 9637). */
const specialIPv6 = listOf('ipv6', [
  ['2001::', 23],
  ['2001:db8::', 32],
  ['3fff::', 20],
])

/** Whom an IP address reaches, IPv6 without brackets; whatever is no address is `special`. */
export function kindOfAddress(address: string): AddressKind {
  if (isIPv4(address)) return kindOfIPv4(address)
  const words = isIPv6(address) ? wordsOf(address) : undefined
  if (words === undefined) return 'special'
  if (words.slice(0, 7).every((word) => word === 0) && words[7] === 1) return 'loopback'
  const embedded = embeddedIPv4(words)
  // This machine has addresses of its own: who writes one as a translated one wants to get round something.
  if (embedded !== undefined) return kindOfIPv4(embedded) === 'public' ? 'public' : 'special'
  return globalUnicast.check(address, 'ipv6') && !specialIPv6.check(address, 'ipv6') ? 'public' : 'special'
}

function kindOfIPv4(address: string): AddressKind {
  if (address.startsWith('127.')) return 'loopback'
  return specialIPv4.check(address, 'ipv4') ? 'special' : 'public'
}

/** Where packets for an IPv6 address end up at an IPv4 one: IPv4-mapped (RFC 4291), NAT64 (RFC 6052), 6to4 (RFC 3056). */
function embeddedIPv4(words: readonly number[]): string | undefined {
  const startsWith = (...start: readonly number[]) => start.every((word, at) => words[at] === word)
  if (startsWith(0, 0, 0, 0, 0, 0xffff) || startsWith(0x64, 0xff9b, 0, 0, 0, 0)) return dotted(words[6], words[7])
  return startsWith(0x2002) ? dotted(words[1], words[2]) : undefined
}

function dotted(high = 0, low = 0): string {
  return [high >> 8, high & 255, low >> 8, low & 255].join('.')
}

/** Its eight words; undefined with a zone, which only a link's own addresses have. */
function wordsOf(address: string): number[] | undefined {
  const url = `http://[${address}]/`
  if (!URL.canParse(url)) return undefined
  const [head = '', tail] = new URL(url).hostname.slice(1, -1).split('::')
  const parse = (text = '') => (text === '' ? [] : text.split(':').map((word) => Number.parseInt(word, 16)))
  const [first, last] = [parse(head), parse(tail)]
  return [...first, ...Array<number>(8 - first.length - last.length).fill(0), ...last]
}

function listOf(family: 'ipv4' | 'ipv6', nets: readonly (readonly [net: string, prefixBits: number])[]): BlockList {
  const list = new BlockList()
  for (const [net, prefixBits] of nets) list.addSubnet(net, prefixBits, family)
  return list
}
