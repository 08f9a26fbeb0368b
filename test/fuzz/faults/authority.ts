import type { Address } from 'viem'
import { graceSeconds, strangers } from '../chain.ts'
import { suffixesOf } from '../names.ts'
import { type Fault, faultsOf, noHash, withNode } from './fault.ts'

const noOne: Address = `0x${'00'.repeat(20)}`

const unreachable = faultsOf('UnreachableName', {
  'another resolver comes first': (draft, random) => {
    if (draft.chain.resolvers.length === 0) return false
    const suffixes = suffixesOf(draft.labels)
    const first = Math.min(...draft.chain.resolvers.map((row) => suffixes.indexOf(row.name)))
    const name = suffixes[random.between(0, first)] as string
    draft.chain.resolvers = draft.chain.resolvers.filter((row) => row.name !== name)
    draft.chain.resolvers.push({ name, resolver: random.pick(strangers) })
    return true
  },
  'no resolver on the path': ({ chain }) => {
    chain.resolvers = []
    return true
  },
  'only resolvers of others': ({ chain }, random) => {
    for (const row of chain.resolvers) row.resolver = random.pick(strangers)
    return true
  },
  'the root, whose resolver is ours': (draft) => {
    if (draft.calls.length === 0 || draft.calls.some(({ tag }) => tag !== undefined)) return false
    draft.labels = []
    for (const call of draft.calls) call.callData = withNode(call.callData, noHash)
    draft.chain.resolvers.push({ name: '', resolver: draft.place.resolver })
    return true
  },
  'a resolver only beside the path': (draft) => {
    draft.chain.resolvers = [{ name: `x.${draft.list.ensName}`, resolver: draft.place.resolver }]
    return true
  },
})

const ownerless = faultsOf('NoOwner', {
  'nobody owns anything': ({ chain }) => {
    chain.owners = []
    return true
  },
  'only the top-level domain is owned': ({ chain, labels }, random) => {
    chain.owners = [{ name: labels.at(-1) as string, owner: random.pick(strangers) }]
    return true
  },
  'owners are nobody': ({ chain }) => {
    for (const row of chain.owners) row.owner = noOne
    return true
  },
  'wrapped and expired in the wrapper': ({ chain }) => {
    for (const row of chain.owners) row.owner = chain.wrapper
    chain.wrapped = []
    return true
  },
  'past expiry and grace': ({ chain }, random) => {
    for (const row of chain.expiries) row.expiresAt = chain.blockTime - graceSeconds - random.pick([1, 2, 86_400])
    return chain.expiries.length > 0
  },
  'never registered': ({ chain }) => {
    for (const row of chain.expiries) row.expiresAt = 0
    return chain.expiries.length > 0
  },
})

const otherOwner = faultsOf('OwnerMismatch', {
  'the name has changed hands': (draft, random) => {
    const isAuthority = ({ name }: { name: string }) => name === draft.authority
    const { owners, wrapped, wrapper } = draft.chain
    for (const row of [...owners, ...wrapped].filter(isAuthority))
      if (row.owner !== wrapper) row.owner = random.pick(strangers)
    return true
  },
  'the name has been registered for itself': (draft, random) => {
    const suffixes = suffixesOf(draft.labels)
    const above = suffixes.indexOf(draft.authority)
    if (above === 0) return false
    draft.chain.owners.push({ name: suffixes[random.between(0, above - 1)] as string, owner: random.pick(strangers) })
    return true
  },
  "the name is no more and its parent is another's": (draft, random) => {
    const parent = draft.authority.split('.').slice(1).join('.')
    if (!parent.includes('.')) return false
    draft.chain.owners = [{ name: parent, owner: random.pick(strangers) }]
    return true
  },
  'the list names another': (draft, random) => {
    draft.header.owner = random.pick([...strangers, noOne, draft.place.resolver])
    return true
  },
})

/** Row 2, and the owner of row 3. */
export const authorityFaults: readonly Fault[] = [...unreachable, ...ownerless, ...otherOwner]
