import { expect, test } from 'vitest'
import { gatewayFlags, isLoopbackHost, readConfig, settingsFromEnvironment } from '../../gateway/config.ts'

const address = `0x${'ab'.repeat(20)}`
const environment = {
  MOORING_RPC: 'http://127.0.0.1:8545/,https://rpc.example',
  MOORING_CHAIN_ID: '31337',
  MOORING_ENS_REGISTRY: `0x${'AB'.repeat(20)}`,
  MOORING_RESOLVER: address,
}

function configOf(more: Record<string, string | undefined> = {}) {
  return readConfig(settingsFromEnvironment(gatewayFlags, { ...environment, ...more }))
}

test('the environment alone makes a configuration, with defaults and lower-case addresses', () => {
  expect(configOf()).toEqual({
    port: 5050,
    host: '127.0.0.1',
    dataDir: './mooring-data',
    rpcUrls: ['http://127.0.0.1:8545', 'https://rpc.example'],
    chainId: 31337,
    ensRegistry: address,
    resolver: address,
    publisherKeyFile: null,
    insecureNoAuth: false,
    publicUrl: null,
    logins: null,
    features: { catalog: false, sparseIndexes: false, crossOriginReads: false },
    requestsPerMinute: 0,
    clientAddressHeader: null,
    maxBodyBytes: null,
  })
})

test('mainnet and Sepolia have a known ENS registry, other chains need one', () => {
  for (const MOORING_CHAIN_ID of ['1', '11155111']) {
    const { ensRegistry } = configOf({ MOORING_CHAIN_ID, MOORING_ENS_REGISTRY: undefined })
    expect(ensRegistry).toBe('0x00000000000c2e074ec69a0dfb2997ba6c7d2e1e')
  }
  expect(() => configOf({ MOORING_ENS_REGISTRY: undefined })).toThrow('MOORING_ENS_REGISTRY')
})

test('a host beyond loopback needs --insecure-no-auth', () => {
  expect(configOf({ MOORING_HOST: '::1' }).host).toBe('::1')
  expect(() => configOf({ MOORING_HOST: '192.168.0.7' })).toThrow('MOORING_HOST: saw "192.168.0.7"')
  const open = { MOORING_HOST: '192.168.0.7', MOORING_INSECURE_NO_AUTH: 'true' }
  expect(configOf(open)).toMatchObject({ host: '192.168.0.7', insecureNoAuth: true })
})

test('with logins it needs none, but says where clients reach it', () => {
  const open = { MOORING_HOST: '0.0.0.0', MOORING_AUTH: 'token' }
  expect(() => configOf(open)).toThrow('--public-url (MOORING_PUBLIC_URL): saw nothing')
  const config = configOf({ ...open, MOORING_PUBLIC_URL: 'https://Reg.example:443/' })
  expect(config).toMatchObject({ publicUrl: 'https://reg.example', logins: { htpasswdFile: null, tokenKeyFiles: [] } })
  expect(
    configOf({ MOORING_AUTH: 'token', MOORING_TOKEN_KEY_FILE: 'new,old', MOORING_HTPASSWD: 'users' }).logins,
  ).toEqual({
    htpasswdFile: 'users',
    tokenKeyFiles: ['new', 'old'],
  })
  expect(() => configOf({ ...open, MOORING_AUTH: 'none' })).toThrow('MOORING_HOST')
  expect(() => configOf({ MOORING_AUTH: 'basic' })).toThrow('MOORING_AUTH: saw "basic", wanted none or token')
  expect(() => configOf({ MOORING_HTPASSWD: 'users' })).toThrow('MOORING_HTPASSWD: saw "users", wanted --auth token')
})

test('passwords go to the public URL: https, or http on loopback, and a host alone', () => {
  const publicUrlOf = (MOORING_PUBLIC_URL: string) => configOf({ MOORING_PUBLIC_URL }).publicUrl
  const good = ['https://reg.example', 'http://localhost:5050', 'http://127.0.0.1:5050/', 'https://[::1]:8443']
  expect(good.map(publicUrlOf)).toEqual(good.map((url) => url.replace(/\/$/, '')))
  const bad = [
    'http://reg.example',
    'https://reg.example/v2',
    'https://a:b@reg.example',
    'https://reg.example/?',
    'reg.example',
  ]
  for (const url of [...bad, 'https://reg.example#', 'ftp://reg.example']) {
    expect(() => publicUrlOf(url), url).toThrow('MOORING_PUBLIC_URL: saw')
  }
})

test('what looks like loopback and is not', () => {
  expect(['localhost', '127.0.0.1', '127.8.9.1', '::1', '[::1]'].filter(isLoopbackHost)).toHaveLength(5)
  const others = ['0.0.0.0', '::', '127.0.0.1.example', 'localhost.example', '10.0.0.1', '2130706433', '']
  expect(others.filter(isLoopbackHost)).toEqual([])
})

test('what a gateway does only where it is told to, by flag or environment', () => {
  const all = { MOORING_CATALOG: 'true', MOORING_SPARSE_INDEXES: 'yes', MOORING_CROSS_ORIGIN_READS: '1' }
  expect(configOf(all).features).toEqual({ catalog: true, sparseIndexes: true, crossOriginReads: true })
  expect(() => configOf({ MOORING_CATALOG: 'some' })).toThrow('MOORING_CATALOG: saw "some"')
})

test('requests per minute: none counted on loopback, 3000 beyond it, and what is asked for everywhere', () => {
  const open = { MOORING_HOST: '0.0.0.0', MOORING_INSECURE_NO_AUTH: 'true' }
  expect(configOf(open).requestsPerMinute).toBe(3000)
  expect(configOf({ ...open, MOORING_RATE_LIMIT: '0' }).requestsPerMinute).toBe(0)
  expect(configOf({ MOORING_RATE_LIMIT: '90' }).requestsPerMinute).toBe(90)
  expect(() => configOf({ MOORING_RATE_LIMIT: '-1' })).toThrow('MOORING_RATE_LIMIT: saw "-1"')
})

test('the client address header is the name of a header', () => {
  expect(configOf({ MOORING_CLIENT_ADDRESS_HEADER: 'X-Forwarded-For' }).clientAddressHeader).toBe('x-forwarded-for')
  expect(() => configOf({ MOORING_CLIENT_ADDRESS_HEADER: 'a b' })).toThrow('MOORING_CLIENT_ADDRESS_HEADER: saw "a b"')
})

test('the longest body that the host in front lets through holds a manifest at least', () => {
  expect(configOf({ MOORING_MAX_BODY_BYTES: '100000000' }).maxBodyBytes).toBe(100_000_000)
  expect(() => configOf({ MOORING_MAX_BODY_BYTES: '4194303' })).toThrow('MOORING_MAX_BODY_BYTES: saw "4194303"')
})
