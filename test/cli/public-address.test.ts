import { expect, test } from 'vitest'
import { type AddressKind, kindOfAddress } from '../../gateway/cli/client/public-address.ts'

// What must not be reached, and its neighbour on the Internet.
const kinds: readonly [what: string, twin: string, address: string, kind?: AddressKind][] = [
  ['this network', '1.0.0.0', '0.255.255.255'],
  ['a private network of 10/8', '11.0.0.0', '10.255.255.255'],
  ['a carrier’s network', '100.63.255.255', '100.64.0.0'],
  ['the end of a carrier’s network', '100.128.0.0', '100.127.255.255'],
  ['loopback', '126.255.255.255', '127.0.0.1', 'loopback'],
  ['all of loopback', '128.0.0.0', '127.255.255.254', 'loopback'],
  ['a cloud’s metadata at a public address', '168.63.129.17', '168.63.129.16'],
  ['link-local, with metadata services', '169.253.255.255', '169.254.169.254'],
  ['a private network of 172.16/12', '172.15.255.255', '172.16.0.1'],
  ['the end of 172.16/12', '172.32.0.0', '172.31.255.255'],
  ['protocol assignments', '192.0.1.1', '192.0.0.8'],
  ['a private network of 192.168/16', '192.167.255.255', '192.168.1.1'],
  ['benchmarks', '198.20.0.0', '198.19.255.255'],
  ['documentation', '203.0.112.1', '203.0.113.1'],
  ['multicast', '223.255.255.255', '224.0.0.251'],
  ['broadcast', '223.255.255.254', '255.255.255.255'],
  ['IPv6 unspecified', '2600::1', '::'],
  ['IPv6 loopback', '2600::1', '::1', 'loopback'],
  ['IPv6 link-local', '2600::1', 'fe80::1'],
  ['IPv6 link-local with a zone', '2600::1', 'fe80::1%lo'],
  ['IPv6 site-local', '2600::1', 'fec0::1'],
  ['unique local', '2600::1', 'fd00:ec2::254'],
  ['IPv6 multicast', '2600::1', 'ff02::1'],
  ['IPv6 documentation', '2001:4860:4860::8888', '2001:db8::1'],
  ['Teredo', '2001:4860:4860::8888', '2001:0:a9fe:a9fe::1'],
  ['an IPv4-mapped private address', '::ffff:8.8.8.8', '::ffff:10.0.0.1'],
  ['an IPv4-mapped loopback address', '::ffff:8.8.8.8', '::ffff:127.0.0.1'],
  ['an IPv4-mapped address in hex', '::ffff:808:808', '::ffff:a9fe:a9fe'],
  ['an IPv4-compatible address', '2600::1', '::127.0.0.1'],
  ['a private address behind NAT64', '64:ff9b::8.8.8.8', '64:ff9b::169.254.169.254'],
  ['a NAT64 of one’s own', '64:ff9b::8.8.8.8', '64:ff9b:1::8.8.8.8'],
  ['a private address behind 6to4', '2002:808:808::1', '2002:c0a8:101::1'],
  ['what is no address', '8.8.8.8', 'gateway.example'],
]

test.each(kinds)('%s is not public, and %s is', (_what, twin, address, kind = 'special') => {
  expect(kindOfAddress(twin)).toBe('public')
  expect(kindOfAddress(address)).toBe(kind)
})
