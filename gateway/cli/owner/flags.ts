import type { Flag } from '../../config.ts'
import { connectionFlags } from '../client/connect.ts'
import { jsonFlag } from '../verb.ts'

/** Who signs, and whether anything is sent. */
export const senderFlags: readonly Flag[] = [
  { name: 'key-file', value: 'F', help: 'sign with the private key in F: 0x and 64 hex digits, mode 0600' },
  {
    name: 'rpc-signer',
    value: 'URL',
    help: 'sign with a JSON-RPC signer (hardware wallets through Frame and the like)',
  },
  { name: 'calldata', value: null, help: "send nothing: print the batch for Safe's Transaction Builder" },
  {
    name: 'from',
    value: 'ADDRESS',
    help: 'the account that sends: the Safe for --calldata, one of several of a signer',
  },
  { name: 'dry-run', value: null, help: 'show what would be sent and what it costs; send nothing' },
  { name: 'yes', value: null, help: 'do not ask before sending' },
]

/** What every command takes that writes on chain for a name's owner. */
export const ownerFlags: readonly Flag[] = [
  ...senderFlags,
  { name: 'resolver', value: 'ADDRESS', help: "the Mooring resolver (default: the chain's, as shipped)" },
  ...connectionFlags,
  jsonFlag,
]

/** What every command takes that changes what an owner of a reachable name decided: the resolver is the one that ENS names. */
export const changeFlags: readonly Flag[] = [...senderFlags, ...connectionFlags, jsonFlag]
