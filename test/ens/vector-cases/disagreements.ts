import { concat, type Hex, keccak256 } from 'viem'
import { type Case, refuse } from './cases.ts'
import { resolver } from './flat.ts'
import { namehash, textOf } from './request.ts'
import type { Scenario } from './scenario.ts'

/** What contract and verifier once judged differently, found by `npm run fuzz`: each row says who was wrong. */
export async function pastDisagreements(): Promise<Case[]> {
  const cases = await Promise.all([notUtf8(), notUtf8AndUnowned(), rootResolver()])
  return cases.flat()
}

const strangeLabel: Hex = '0xc328'
const strangeWire = concat(['0x02', strangeLabel, '0x0365746800'])

/** The verifier said InvalidName before it looked at the calls. */
function notUtf8() {
  const plain: Scenario = { calls: [textOf('oci-version')] }
  const name = 'label that is not UTF-8, and a call about another name'
  return refuse(1, 'NodeMismatch', name, { ...plain, wire: strangeWire }, plain)
}

/** The verifier said InvalidName; a name whose list only is asked needs no text. */
function notUtf8AndUnowned() {
  const node = keccak256(concat([namehash(['eth']), keccak256(strangeLabel)]))
  const below: Scenario = {
    chain: (chain) => {
      chain.resolvers = [{ name: 'eth', resolver }]
      chain.expiries = []
    },
  }
  const faulty = { ...below, calls: [{ ...textOf('oci-version'), node }], wire: strangeWire }
  return refuse(2, 'NoOwner', 'label that is not UTF-8 has no owner', faulty, {
    calls: [textOf('oci-version')],
  })
}

/** The verifier took a resolver of the root for one on the path, and said NoOwner. */
function rootResolver() {
  const calls = [textOf('oci-version')]
  const chain: Scenario['chain'] = ({ resolvers }) => {
    resolvers.push({ name: '', resolver })
  }
  return refuse(2, 'UnreachableName', 'root whose resolver is ours', { labels: [], calls, chain }, { calls, chain })
}
