import type { Hex } from 'viem'
import { type Place, places } from '../signed-list.ts'
import { anchorHash, type Fault, faultsOf, floorOf, hashAt, maxUint64, moveTime, noHash, reheaded } from './fault.ts'

const maxVersion = Number.MAX_SAFE_INTEGER
const skew = 300n
const day = 86_400n
const maxLifetime = 400n * day

const binding = [
  ...faultsOf('EpochMismatch', {
    'the name was reset': ({ chain, list, header }, random) => {
      chain.epochs = chain.epochs.filter(({ name }) => name !== list.ensName)
      chain.epochs.push({ name: list.ensName, epoch: Number(header.epoch) + random.between(1, 3) })
      return true
    },
    'the list is of a later epoch': ({ header }, random) => {
      header.epoch += BigInt(random.between(1, 3))
      return true
    },
    'the list is of the greatest epoch': ({ header }) => {
      header.epoch = maxUint64
      return true
    },
  }),
  ...faultsOf('UnsupportedDelegations', {
    'delegations are zero': ({ header }) => {
      header.delegations = noHash
      return true
    },
    'delegations are any hash': ({ header }, random) => {
      header.delegations = random.bytes(32)
      return true
    },
    'one bit of delegations': ({ header }, random) => {
      const last = Number.parseInt(header.delegations.slice(-1), 16) ^ (1 << random.between(0, 3))
      header.delegations = `${header.delegations.slice(0, -1)}${last.toString(16)}` as Hex
      return true
    },
  }),
]

const versions = [
  ...faultsOf('Rollback', {
    'below the floor': (draft, random) => {
      const version = Number(draft.header.version)
      if (version === maxVersion) return false
      floorOf(draft).minVersion = random.pick([version + 1, maxVersion])
      return true
    },
    'version 0': ({ header }) => {
      header.version = 0n
      return true
    },
    'a version of 54 bits': ({ header }, random) => {
      header.version = random.pick([2n ** 53n, 2n ** 53n + 1n, maxUint64])
      return true
    },
  }),
  ...faultsOf('AnchorMismatch', {
    'another list is anchored': (draft, random) => anchorHash(draft, random.bytes(32)),
    'the list has another root than the one anchored': (draft, random) => {
      draft.header.root = random.bytes(32)
      return anchorHash(draft, draft.list.hash)
    },
    'the list follows another than the one anchored': (draft, random) => {
      draft.header.previous = random.bytes(32)
      return anchorHash(draft, draft.list.hash)
    },
    'the anchored list is of another place': (draft) => {
      const hash = hashAt(draft, places.find((each) => each !== draft.list.place) as Place)
      return hash !== undefined && anchorHash(draft, hash)
    },
  }),
]

const times = [
  ...faultsOf('IssuedInFuture', {
    'before it was issued': (draft, random) => {
      moveTime(draft, Number(draft.header.issuedAt - skew) - random.pick([1, 2, 3600]))
      return true
    },
    'issued after the skew': reheaded(({ header, chain }, random) => {
      header.issuedAt = BigInt(chain.blockTime) + skew + BigInt(random.pick([1, 2, 86_400]))
    }),
    'issued at the end of time': reheaded(({ header }) => {
      header.issuedAt = maxUint64
    }),
  }),
  ...faultsOf('Expired', {
    'after it expired': (draft, random) => {
      moveTime(draft, Number(draft.header.expiresAt) + random.pick([0, 1, 86_400]))
      return true
    },
    'expires now': reheaded(({ header, chain }, random) => {
      header.expiresAt = BigInt(chain.blockTime - random.pick([0, 1, 86_400]))
    }),
    'expires never, which is 0': reheaded(({ header }) => {
      header.expiresAt = 0n
    }),
  }),
  ...faultsOf('LifetimeTooLong', {
    'more than 400 days': reheaded(({ header }, random) => {
      header.expiresAt = header.issuedAt + maxLifetime + BigInt(random.pick([1, 2, 86_400]))
    }),
    'until the end of time': reheaded(({ header }) => {
      header.expiresAt = maxUint64
    }),
    'issued long ago': reheaded(({ header, chain }, random) => {
      header.expiresAt = BigInt(chain.blockTime) + 1n
      header.issuedAt = random.pick([0n, 1n, header.expiresAt - maxLifetime - 1n])
    }),
    'ends before it begins, both within the skew': reheaded(({ header, chain }, random) => {
      header.expiresAt = BigInt(chain.blockTime + random.between(1, 300))
      header.issuedAt = header.expiresAt + BigInt(random.between(0, 300 - Number(header.expiresAt) + chain.blockTime))
    }),
  }),
]

/** Rows 3 to 5. */
export const listFaults: readonly Fault[] = [...binding, ...versions, ...times]
