// Runs test vectors against the real contract: every case of lookup/*.json through the callback, and tree, list and signature files
// through the libraries it is made of.
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import {
  decodeAbiParameters,
  encodeAbiParameters,
  encodeFunctionData,
  numberToHex,
  parseAbiParameters,
  stringToHex,
  toFunctionSelector,
} from 'viem'
import { artifact, deployContracts, overridesOf, returning, rpc, rpcBatch, startAnvil } from './chain.mjs'

const batchLength = 100
const resolverAbi = artifact('MooringResolver').abi
const harnessAbi = artifact('FormatHarness').abi
const errorNames = new Map(
  resolverAbi
    .filter(({ type }) => type === 'error')
    .map(({ name, inputs }) => [toFunctionSelector(`${name}(${inputs.map(({ type }) => type).join(',')})`), name]),
)

/**
 * Runs every case below a folder, with `stopAtFirst` until one fails. @returns {Promise<{ passed: number, failures: string[] }>}
 * @throws when the folder holds no case at all
 */
export async function runVectors(folder, { stopAtFirst = false } = {}) {
  const cases = vectorCases(folder)
  const anvil = await startAnvil()
  try {
    return await runCases(anvil.url, cases, stopAtFirst)
  } finally {
    anvil.stop()
  }
}

/** Every case below a folder: a title, the call that asks it, and what is wrong with an outcome. @throws when there is none */
export function vectorCases(folder) {
  const cases = [...lookupCases(folder), ...formatCases(folder)]
  if (cases.length === 0) throw new Error(`no cases below ${folder}`)
  return cases
}

async function runCases(url, cases, stopAtFirst) {
  const contracts = await deployContracts(url)
  const failures = []
  for (const [chainId, sameChain] of byChainId(cases)) {
    await rpc(url, 'anvil_setChainId', [chainId])
    for (let start = 0; start < sameChain.length; start += batchLength) {
      const some = sameChain.slice(start, start + batchLength)
      const calls = []
      for (const one of some) calls.push({ method: 'eth_call', params: await one.call(contracts) })
      const answers = await rpcBatch(url, calls)
      some.forEach((one, position) => {
        const problem = one.judge(outcomeOf(answers[position]))
        if (problem) failures.push(`${one.title}: ${problem}`)
      })
      if (stopAtFirst && failures.length > 0) return { passed: 0, failures }
    }
  }
  return { passed: cases.length - failures.length, failures }
}

function byChainId(cases) {
  const groups = new Map()
  for (const one of cases) groups.set(one.chainId, [...(groups.get(one.chainId) ?? []), one])
  return groups
}

/** `{ data }` for what a call returned, `{ revert }` for a revert's bytes. Anything else is no outcome of a contract. */
export function outcomeOf({ result, error }) {
  if (result !== undefined) return { data: result }
  const ranInEvm = error.code === 3 || /revert|EVM error/i.test(error.message)
  if (!ranInEvm) throw new Error(`anvil: ${error.message}`)
  return { revert: typeof error.data === 'string' ? error.data : '0x' }
}

function readCases(path) {
  const cases = JSON.parse(readFileSync(path, 'utf8'))
  if (!Array.isArray(cases) || cases.length === 0) throw new Error(`no cases in ${path}`)
  return cases
}

function lookupCases(folder) {
  const lookup = join(folder, 'lookup')
  if (!existsSync(lookup)) return []
  const files = readdirSync(lookup)
    .filter((file) => file.endsWith('.json'))
    .sort()
  return files.flatMap((file) => readCases(join(lookup, file)).map((one) => lookupCase(`lookup/${file}`, one)))
}

function lookupCase(file, { name, chain, request, response, contract: expected }) {
  const extraData = encodeAbiParameters(parseAbiParameters('bytes, address'), [request, chain.resolver])
  const data = encodeFunctionData({ abi: resolverAbi, functionName: 'resolveCallback', args: [response, extraData] })
  return {
    title: `${file} ${name}`,
    chainId: chain.chainId,
    call: async (contracts) => [
      { to: chain.resolver, data },
      'latest',
      overridesOf(chain, contracts, await contracts.codeFor(chain.wrapper)),
      { time: numberToHex(chain.blockTime) },
    ],
    judge: (outcome) => judgeLookup(expected, outcome),
  }
}

function judgeLookup(expected, { data, revert }) {
  if (data !== undefined) {
    const [bytes] = decodeAbiParameters(parseAbiParameters('bytes'), data)
    return bytes === expected.ok ? undefined : `wanted ${JSON.stringify(expected)}, got ok ${bytes}`
  }
  if (expected.revert) return undefined
  const name = errorNames.get(revert.slice(0, 10)) ?? `revert ${revert}`
  return name === expected.error ? undefined : `wanted ${JSON.stringify(expected)}, got ${name}`
}

function formatCases(folder) {
  const readers = { 'tree.json': treeCases, 'list.json': hashCase, 'signature.json': signatureCase }
  return Object.entries(readers).flatMap(([file, read]) => {
    const path = join(folder, file)
    return existsSync(path) ? readCases(path).flatMap((one) => read(file, one)) : []
  })
}

/** A call of the libraries, as if they stood at `address`. */
function harnessCase({
  title,
  chainId = 31337,
  address = `0x${'be'.repeat(20)}`,
  functionName,
  args,
  code = {},
  wanted,
}) {
  const data = encodeFunctionData({ abi: harnessAbi, functionName, args })
  return {
    title,
    chainId,
    call: async ({ harnessCode }) => [{ to: address, data }, 'latest', { ...code, [address]: { code: harnessCode } }],
    judge: ({ data: got = 'a revert' }) => (got === wanted ? undefined : `wanted ${wanted}, got ${got}`),
  }
}

function treeCases(file, { name, count, root, proofs }) {
  return proofs.map(({ tag, present, ...proof }) =>
    harnessCase({
      title: `${file} ${name}: ${tag}`,
      functionName: 'isPresent',
      args: [proof, stringToHex(tag), BigInt(count), root],
      wanted: numberToHex(present ? 1 : 0, { size: 32 }),
    }),
  )
}

function hashCase(file, { name, chainId, resolver, list, timestamp, revocation, structHash, hash }) {
  const call = list
    ? { functionName: 'hashList', args: [list.name, list.node, list] }
    : timestamp
      ? {
          functionName: 'hashTimestamp',
          args: ['node', 'epoch', 'version', 'list', 'issuedAt', 'expiresAt'].map((field) => timestamp[field]),
        }
      : { functionName: 'hashRevocation', args: [revocation.node, revocation.owner, revocation.key] }
  return harnessCase({
    title: `${file} ${name}`,
    chainId,
    address: resolver,
    ...call,
    wanted: encodeAbiParameters(parseAbiParameters('bytes32, bytes32'), [structHash, hash]),
  })
}

function signatureCase(file, { name, signer, hash, signature, code, valid }) {
  return harnessCase({
    title: `${file} ${name}`,
    functionName: 'isSignatureValid',
    args: [signer, hash, signature],
    code: code === null ? {} : { [signer]: { code: returning(code.returns) } },
    wanted: numberToHex(valid ? 1 : 0, { size: 32 }),
  })
}
