import type { Address, Hex } from 'viem'
import { addressOf, alice } from './accounts.ts'
import type { Entry } from './merkle.ts'

/** The flat chain of a case (docs/vectors.md). */
export type Chain = {
  chainId: number
  resolver: Address
  blockTime: number
  wrapper: Address
  owners: { name: string; owner: Address }[]
  resolvers: { name: string; resolver: Address }[]
  wrapped: { name: string; owner: Address }[]
  expiries: { name: string; expiresAt: number }[]
  epochs: { name: string; epoch: number }[]
  policies: Policy[]
  floors: Floor[]
  revoked: { owner: Address; name: string; key: Address }[]
  gateways?: { owner: Address; name: string; urls: string[] }[]
  code: { address: Address; returns: Hex | null }[]
}
export type Policy = {
  owner: Address
  name: string
  publishers: Address[]
  threshold: number
  timestamper: Address | null
  maxAge: number
}
export type Floor = {
  owner: Address
  name: string
  epoch: number
  minVersion: number
  anchorVersion: number
  anchorHash: Hex | null
}
export type Memory = {
  owner: Address
  epoch: number
  version: number
  hash: Hex
  entries: ({ tag: string } & Entry)[]
}

export const resolver = addressOf('resolver')
export const otherResolver = addressOf('another resolver')
export const wrapper = addressOf('wrapper')
export const chainId = 31337
export const now = 1_800_000_000
export const day = 86_400
export const grace = 90 * day
export const noOne: Address = `0x${'00'.repeat(20)}`

/** Alice owns the second-level name, its resolver is ours, it expires in a year; nothing else is set up. */
export function chainFor(labels: readonly string[]): Chain {
  const name = labels.slice(-2).join('.')
  return {
    chainId,
    resolver,
    blockTime: now,
    wrapper,
    owners: name === '' ? [] : [{ name, owner: alice.address }],
    resolvers: name === '' ? [] : [{ name, resolver }],
    wrapped: [],
    expiries: labels.at(-1) === 'eth' ? [{ name, expiresAt: now + 365 * day }] : [],
    epochs: [],
    policies: [],
    floors: [],
    revoked: [],
    code: [],
  }
}

export function policyOf(publishers: readonly { address: Address }[], more: Partial<Policy> = {}): Policy {
  const addresses = publishers.map(({ address }) => address)
  const none = { timestamper: null, maxAge: 0 }
  return { owner: alice.address, name: 'acme.eth', publishers: addresses, threshold: 1, ...none, ...more }
}

export function floorOf(more: Partial<Floor>): Floor {
  const none = { minVersion: 0, anchorVersion: 0, anchorHash: null }
  return { owner: alice.address, name: 'acme.eth', epoch: 0, ...none, ...more }
}
