import type { Address, Hex } from 'viem'
import { accountOf, addressOf } from '../ens/vector-cases/accounts.ts'
import { magic } from '../ens/vector-cases/signature-forms.ts'
import type { FlatChain } from '../flat-chain.ts'
import type { Random } from './random.ts'

/**
 * Who may sign: a key, a contract (ERC-1271), or a key whose account took code (EIP-7702). `code` is what stands at the address, as
 * the flat chain writes it; undefined for none.
 */
export type Party = {
  address: Address
  code: FlatChain['code'][number] | undefined
  /** A signature that counts by protocol 2.3. */
  sign(hash: Hex, random: Random): Promise<Hex>
}

const keyCount = 16
const contractCount = 8

const keys = Array.from({ length: keyCount }, (_, i) => accountOf(`fuzz key ${i}`))
const contracts = Array.from({ length: contractCount }, (_, i) => addressOf(`fuzz contract ${i}`))
/** What code at a key's address answers: its lists stay valid whatever it is. */
const delegateAnswers: readonly (Hex | null)[] = [null, '0x', '0x01', magic, `0x${'ff'.repeat(32)}`]

/** Distinct parties in ascending order of their addresses. */
export function chooseParties(random: Random, count: number): Party[] {
  const chosen = random.shuffled([...keys, ...contracts]).slice(0, count)
  return ascending(chosen.map((each) => (typeof each === 'string' ? contractParty(each) : keyParty(each, random))))
}

/** In the order that signatures and publishers stand in. */
export function ascending<Item extends { address: Address }>(items: readonly Item[]): Item[] {
  return items.toSorted((a, b) => (a.address < b.address ? -1 : 1))
}

function keyParty({ address, sign }: ReturnType<typeof accountOf>, random: Random): Party {
  const hasCode = random.chance(0.15)
  const returns = random.pick(delegateAnswers)
  const approvesAll = hasCode && returns === magic && random.chance(0.5)
  return {
    address,
    code: hasCode ? { address, returns } : undefined,
    sign: async (hash, more) => (approvesAll ? more.bytes(more.pick([0, 64, 65, 66])) : sign(hash)),
  }
}

/** A wallet that approves everything: its signature may be anything of at most 8,192 bytes. */
function contractParty(address: Address): Party {
  return {
    address,
    code: { address, returns: magic },
    sign: async (_, random) => random.bytes(random.pick([0, 1, 32, 64, 65, 66, 130, random.chance(0.02) ? 8192 : 200])),
  }
}
