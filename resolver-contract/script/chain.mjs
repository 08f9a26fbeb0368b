// A chain as the vectors write it (flat), put into anvil by state and time overrides: no case needs a transaction.
import { spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import {
  concat,
  encodeAbiParameters,
  encodeDeployData,
  getContractAddress,
  namehash as hashName,
  keccak256,
  labelhash,
  numberToHex,
  pad,
  parseAbiParameters,
  size,
  slice,
} from 'viem'
import { packageRoot } from './forge.mjs'

const require = createRequire(import.meta.url)
const nodes = new Map()

/** Thousands of cases name the same few names, and hashing them is most of what a case costs. */
function namehash(name) {
  if (!nodes.has(name)) nodes.set(name, hashName(name))
  return nodes.get(name)
}

const deployer = '0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266'.toLowerCase()

/** Starts anvil on a free port. @returns {Promise<{ url: string, stop(): void }>} */
export function startAnvil() {
  const platform = process.platform === 'win32' ? 'win32' : process.platform
  const arch = process.arch === 'x64' ? 'amd64' : process.arch
  const binary = require.resolve(`@foundry-rs/anvil-${platform}-${arch}/bin/anvil${platform === 'win32' ? '.exe' : ''}`)
  const child = spawn(
    binary,
    ['--port', '0', '--host', '127.0.0.1', '--disable-code-size-limit', '--no-request-size-limit'],
    {
      stdio: ['ignore', 'pipe', 'inherit'],
    },
  )
  const stop = () => child.kill('SIGKILL')
  return new Promise((resolve, reject) => {
    let said = ''
    child.on('error', reject)
    child.on('exit', () => reject(new Error(`anvil ended: ${said.slice(-500)}`)))
    child.stdout.on('data', (text) => {
      said += text
      const port = /Listening on 127\.0\.0\.1:(\d+)/.exec(said)?.[1]
      if (port) resolve({ url: `http://127.0.0.1:${port}`, stop })
    })
  })
}

/** Sends many requests as one JSON-RPC batch. @returns one `{result}` or `{error}` each, in order */
export async function rpcBatch(url, requests) {
  const body = requests.map(({ method, params }, id) => ({ jsonrpc: '2.0', id, method, params }))
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  })
  const answers = await response.json()
  if (!Array.isArray(answers)) throw new Error(`anvil refused a batch: ${JSON.stringify(answers).slice(0, 300)}`)
  return answers.sort((a, b) => a.id - b.id)
}

/** One request. @throws when anvil refuses it */
export async function rpc(url, method, params) {
  const [answer] = await rpcBatch(url, [{ method, params }])
  if (answer.error) throw new Error(`${method}: ${answer.error.message}`)
  return answer.result
}

export function artifact(contract) {
  const path = join(packageRoot, `resolver-contract/out/${contract}.sol/${contract}.json`)
  const { abi, bytecode, storageLayout } = JSON.parse(readFileSync(path, 'utf8'))
  return { abi, bytecode: bytecode.object, storageLayout }
}

function published(packageName, contract) {
  return require(`@ensdomains/${packageName}/build/contracts/${contract}.json`)
}

/**
 * The contracts that cases run against; code is taken from real deployments, so that immutables are set by constructors.
 * @returns {{ registry, registrar, codeFor(wrapper) }} `codeFor` gives the code of wrapper and resolver for a wrapper's address
 */
export async function deployContracts(url) {
  const deploy = async ({ abi, bytecode }, args = []) => {
    const nonce = BigInt(await rpc(url, 'eth_getTransactionCount', [deployer, 'latest']))
    const data = encodeDeployData({ abi, bytecode, args })
    const hash = await rpc(url, 'eth_sendTransaction', [{ from: deployer, data, gas: '0x1c9c380' }])
    let receipt = null
    while (receipt === null) receipt = await rpc(url, 'eth_getTransactionReceipt', [hash])
    if (receipt.status !== '0x1') throw new Error('a contract was not deployed')
    return getContractAddress({ from: deployer, nonce }).toLowerCase()
  }
  const codeAt = (address) => rpc(url, 'eth_getCode', [address, 'latest'])
  const registry = await deploy(published('ens', 'ENSRegistry'))
  const publicResolver = await deploy(published('resolver', 'PublicResolver'), [registry])
  const registrar = await deploy(artifact('TestRegistrar'), [registry])
  const wrapperCode = await codeAt(await deploy(artifact('TestNameWrapper'), [registry]))
  const harnessCode = await codeAt(await deploy(artifact('FormatHarness')))
  const resolverCodes = new Map()
  async function codeFor(wrapper) {
    if (!resolverCodes.has(wrapper)) {
      const ownership = await deploy(artifact('EnsOwnership'), [registry, wrapper, registrar])
      const resolver = await deploy(artifact('MooringResolver'), [ownership, publicResolver, []])
      resolverCodes.set(wrapper, await codeAt(resolver))
    }
    return { wrapper: wrapperCode, resolver: resolverCodes.get(wrapper) }
  }
  return { registry, registrar, harnessCode, codeFor }
}

/** State overrides that make anvil's chain the one of a case. */
export function overridesOf(chain, contracts, code) {
  const resolver = artifactLayout('MooringResolver')
  const entries = [
    [contracts.registry, { stateDiff: registryState(chain) }],
    [contracts.registrar, { stateDiff: registrarState(chain) }],
    [chain.wrapper, { code: code.wrapper, stateDiff: wrapperState(chain) }],
    [chain.resolver, { code: code.resolver, stateDiff: resolverState(chain, resolver) }],
    ...chain.code.map(({ address, returns }) => [address, { code: returning(returns) }]),
  ]
  return Object.fromEntries(entries)
}

const layouts = new Map()

/** A contract's storage layout as the compiler wrote it, read once. */
function artifactLayout(contract) {
  if (!layouts.has(contract)) layouts.set(contract, artifact(contract).storageLayout)
  return layouts.get(contract)
}

/** Code that answers every call with the same bytes, or reverts for null. */
export function returning(bytes) {
  if (bytes === null) return '0x5f5ffd'
  const length = numberToHex(size(bytes), { size: 2 })
  return concat(['0x61', length, '0x600c', '0x5f39', '0x61', length, '0x5ff3', bytes])
}

/** ENSRegistry: mapping(node => {owner; resolver and ttl}) at slot 0. */
function registryState(chain) {
  const state = {}
  for (const { name, owner } of chain.owners) state[mapped(0n, [namehash(name)])] = pad(owner)
  for (const { name, resolver } of chain.resolvers) state[plus(mapped(0n, [namehash(name)]), 1n)] = pad(resolver)
  return state
}

/** The registrar knows second-level names of .eth and nothing else. */
function registrarState(chain) {
  const slot = slotOf(artifactLayout('TestRegistrar'), '_expiries')
  const known = chain.expiries.filter(({ name }) => /^[^.]+\.eth$/.test(name))
  return Object.fromEntries(
    known.map(({ name, expiresAt }) => [mapped(slot, [labelhash(name.slice(0, -4))]), word(expiresAt)]),
  )
}

function wrapperState(chain) {
  const layout = artifactLayout('TestNameWrapper')
  const state = {}
  for (const { name, owner } of chain.wrapped) {
    Object.assign(state, packed(layout, 'Token', mapped(slotOf(layout, '_tokens'), [namehash(name)]), { owner }))
  }
  return state
}

function resolverState(chain, layout) {
  const at = (label, keys) => mapped(slotOf(layout, label), keys)
  const state = {}
  const nodes = new Map()
  const nodeState = (name) => {
    if (!nodes.has(name)) nodes.set(name, { epoch: 0, hasFloor: 0, hasPolicy: 0 })
    return nodes.get(name)
  }
  for (const { name, epoch } of chain.epochs) nodeState(name).epoch = epoch
  for (const { owner, name, epoch, minVersion, anchorVersion, anchorHash } of chain.floors) {
    nodeState(name).hasFloor = 1
    const values = { minVersion, anchorVersion: anchorVersion ?? 0, anchorHash: anchorHash ?? word(0) }
    Object.assign(state, packed(layout, 'Floor', at('_floors', [pad(owner), namehash(name), word(epoch)]), values))
  }
  const policies = new Map()
  const policyOf = (owner, name) => {
    nodeState(name).hasPolicy = 1
    const slot = at('_policies', [pad(owner), namehash(name)])
    if (!policies.has(slot)) policies.set(slot, {})
    return policies.get(slot)
  }
  for (const { owner, name, publishers, threshold, timestamper, maxAge } of chain.policies) {
    const values = { publisherCount: publishers.length, threshold, timestamper: timestamper ?? word(0), maxAge }
    Object.assign(policyOf(owner, name), values)
    const first = at('_publishers', [pad(owner), namehash(name)])
    publishers.forEach((publisher, position) => {
      state[plus(first, BigInt(position))] = pad(publisher)
    })
  }
  for (const { owner, name, key } of chain.revoked) {
    policyOf(owner, name).hasRevocations = 1
    state[at('_revoked', [pad(owner), namehash(name), pad(key)])] = word(1)
  }
  for (const [name, values] of nodes)
    Object.assign(state, packed(layout, 'NodeState', at('_nodes', [namehash(name)]), values))
  for (const [slot, values] of policies) Object.assign(state, packed(layout, 'StoredPolicy', slot, values))
  for (const { owner, name, resolver } of chain.fallbacks ?? []) {
    state[at('_fallbacks', [pad(owner), namehash(name)])] = pad(resolver)
  }
  for (const { owner, name, urls } of chain.gateways ?? []) {
    const encoded = encodeAbiParameters(parseAbiParameters('string[]'), [urls])
    Object.assign(state, longBytes(at('_gateways', [pad(owner), namehash(name)]), encoded))
  }
  return state
}

const word = (value) => (typeof value === 'string' ? pad(value) : numberToHex(BigInt(value), { size: 32 }))
const plus = (slot, offset) => word((BigInt(slot) + offset) % (1n << 256n))

/** Slot of a (nested) mapping's value. */
function mapped(slot, keys) {
  return keys.reduce((base, key) => keccak256(concat([key, base])), word(slot))
}

function slotOf(layout, label) {
  const variable = layout.storage.find((item) => item.label === label)
  if (!variable) throw new Error(`no storage variable ${label}`)
  return BigInt(variable.slot)
}

/** A struct's fields, packed as the compiler packs them. */
function packed(layout, structName, slot, values) {
  const [, type] = Object.entries(layout.types).find(([, { label }]) => label.endsWith(`.${structName}`)) ?? []
  if (!type) throw new Error(`no struct ${structName}`)
  const words = new Map()
  for (const [label, value] of Object.entries(values)) {
    const member = type.members.find((item) => item.label === label)
    if (!member) throw new Error(`no field ${structName}.${label}`)
    const before = words.get(member.slot) ?? 0n
    words.set(member.slot, before | (BigInt(value) << BigInt(8 * member.offset)))
  }
  return Object.fromEntries([...words].map(([position, value]) => [plus(slot, BigInt(position)), word(value)]))
}

/** A `bytes` of 32 bytes or more: twice its length and one, and the content from the slot's hash on. */
function longBytes(slot, bytes) {
  const state = { [slot]: word(2 * size(bytes) + 1) }
  for (let start = 0; start < size(bytes); start += 32) {
    state[plus(keccak256(slot), BigInt(start / 32))] = pad(slice(bytes, start, start + 32), { dir: 'right' })
  }
  return state
}
