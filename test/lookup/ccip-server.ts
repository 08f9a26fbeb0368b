import { Server } from '@chainlink/ccip-read-server'
import type { Hex } from 'viem'
import type { Deps } from '../../gateway/deps.ts'
import { type ProvenLookup, proveLookup } from '../../gateway/routes/lookup.ts'

/** What the contract's callback decodes (protocol 4). */
const abi = [
  `function resolve(bytes name, bytes data) view returns (
    tuple(address owner, uint64 epoch, uint64 version, bytes32 previous, bytes32 root, uint64 count, bytes32 delegations, uint64 issuedAt, uint64 expiresAt) list,
    tuple(address signer, bytes signature)[] signatures,
    tuple(uint64 issuedAt, uint64 expiresAt, bytes signature) timestamp,
    tuple(bytes key, bytes nextKey, bytes value, bytes32[] path)[] proofs)`.replaceAll(/\s+/g, ' '),
]

/** The reference server of ERC-3668 over the function that our own route answers from; it has a decoder and an encoder of its own. */
export function createCcipServer(deps: Deps): Server {
  const server = new Server()
  server.add(abi, [
    {
      type: 'resolve',
      func: async (_, { data }) => valuesOf(await proveLookup(deps, String(data).toLowerCase() as Hex)),
    },
  ])
  return server
}

/** Its encoder takes no bigint. */
function valuesOf({ standing, proofs }: ProvenLookup): unknown[] {
  const { list, signatures, timestamp } = standing.sent
  const { owner, epoch, version, previous, root, count, delegations, issuedAt, expiresAt } = list
  const header = [owner, epoch, version, previous, root, count, delegations, issuedAt, expiresAt]
  const stamp = timestamp ? [timestamp.issuedAt, timestamp.expiresAt, timestamp.signature] : [0, 0, '0x']
  return [
    header.map(numeric),
    signatures.map(({ signer, signature }) => [signer, signature]),
    stamp.map(numeric),
    proofs.map(({ key, nextKey, value, path }) => [key, nextKey, value, path]),
  ]
}

function numeric<Value>(value: Value): Value | string {
  return typeof value === 'bigint' ? value.toString() : value
}
