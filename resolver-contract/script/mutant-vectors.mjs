// The vectors on one chain, asked again and again: a word behind every call says which mutant is on.
import { deployContracts, rpc, startAnvil } from './chain.mjs'
import { outcomeOf, vectorCases } from './vectors.mjs'

const batchLength = 50
/** Longer code is one of the contracts, and stands on the chain; shorter is a signer's, and comes with its case. */
const longCode = 10_000

/**
 * `firstFailure(pattern, number)` runs the cases whose title matches before all others and gives the first that does not hold,
 * undefined when all do.
 */
export async function openVectors(folder) {
  const anvil = await startAnvil()
  try {
    const cases = await prepareCases(anvil.url, vectorCases(folder))
    return { firstFailure: (pattern, number) => firstFailure(anvil.url, cases, pattern, number), stop: anvil.stop }
  } catch (error) {
    anvil.stop()
    throw error
  }
}

async function prepareCases(url, cases) {
  const contracts = await deployContracts(url)
  const placed = new Map()
  const prepared = []
  for (const { title, chainId, call, judge } of cases) {
    const [{ to, data }, ...rest] = await call(contracts)
    for (const [address, override] of Object.entries(rest[1])) await placeCode(url, placed, address, override)
    prepared.push({ title, chainId, judge, to, data, rest: JSON.stringify(rest).slice(1, -1) })
  }
  return prepared
}

/** The first long code of an address goes on the chain; where it is that one a case need not bring it. */
async function placeCode(url, placed, address, override) {
  if (override.code === undefined || override.code.length < longCode) return
  if (!placed.has(address)) {
    placed.set(address, override.code)
    await rpc(url, 'anvil_setCode', [address, override.code])
  }
  if (placed.get(address) === override.code) delete override.code
}

async function firstFailure(url, cases, pattern, number) {
  const likely = cases.filter(({ title }) => pattern.test(title))
  const word = number.toString(16).padStart(64, '0')
  for (const some of [...batchesOf(likely), ...batchesOf(cases.filter((one) => !likely.includes(one)))]) {
    await rpc(url, 'anvil_setChainId', [some[0].chainId])
    const answers = await askAll(url, some, word)
    for (const [position, { title, judge }] of some.entries()) {
      const problem = judge(outcomeOf(answers[position]))
      if (problem) return `${title}: ${problem}`
    }
  }
  return undefined
}

/** Of one chain each. */
function batchesOf(cases) {
  const batches = []
  for (const chainId of new Set(cases.map((one) => one.chainId))) {
    const same = cases.filter((one) => one.chainId === chainId)
    for (let start = 0; start < same.length; start += batchLength) batches.push(same.slice(start, start + batchLength))
  }
  return batches
}

async function askAll(url, some, word) {
  const requests = some.map(
    ({ to, data, rest }, id) =>
      `{"jsonrpc":"2.0","id":${id},"method":"eth_call","params":[{"to":"${to}","data":"${data}${word}"},${rest}]}`,
  )
  const headers = { 'content-type': 'application/json' }
  const response = await fetch(url, { method: 'POST', headers, body: `[${requests.join(',')}]` })
  const answers = await response.json()
  return answers.sort((a, b) => a.id - b.id)
}
