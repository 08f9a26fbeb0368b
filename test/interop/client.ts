import type { Lab } from './lab.ts'

/** The columns of the table. */
export const operations = [
  'push',
  'pull by tag',
  'pull by digest',
  'index',
  'artifact',
  'delete',
  'name as host',
  'signatures',
] as const

/** The columns of the table about the verifying proxy, with the settings that `mooring proxy install` writes. */
export const proxyOperations = ['name as host', 'lies refused', 'silence refused', 'uninstall'] as const

export type ProxyOperation = (typeof proxyOperations)[number]

export type Operation = (typeof operations)[number]

/** The columns of the table about a gateway without a key: what is pushed is staged, or published by digest beside it. */
export const relayOperations = ['push by digest', ...operations] as const

/**
 * A check that throws when the operation does not work and may say what the client cannot do of it, or the fact about the client why
 * there is nothing to check.
 */
export type Cell = (() => Promise<void>) | (() => Promise<string>) | string

/** Facts that hold for several clients. */
export const facts = {
  noArtifacts: 'pulls and pushes images; it has no command for artifacts',
  artifactsUnchecked: 'newer than what Debian 12 has: its commands for artifacts are not checked here',
  noDelete: 'removes images from its own store; it has no command that deletes from a registry',
  noReferrers: 'copies the image it is asked for and follows no referrers',
  noMirrors: 'dials the first part of an image reference, and sends only the rest',
  classicMirrors: 'the classic store reads no hosts.toml, and its registry mirrors are for docker.io only',
  pushesTags: 'pushes under tags only',
  pullsByName: 'pulls; a push goes to the first part of the image reference, whatever the settings say',
} as const

/** A client that is installed and ready, with a cell for every operation. */
export type Client = {
  /** As the client says it. */
  version: string
  cells: Record<Operation, Cell>
  /** What a client that pushes by digest puts there is published under the tag `digest` without sending it again. */
  pushByDigest?: Cell
  /** Of a row whose client takes an ENS name as the host of an image. */
  throughProxy?: Record<ProxyOperation, Cell>
  /** Ends what was started for it; its folders go with the lab. */
  stop?(): Promise<void>
}

/** A row of the table. */
export type Row = {
  name: string
  /** Long to install: in the table with `--all`, which installs it, or when it is there already. */
  slow?: true
  /** Its client takes an ENS name as the host of an image; `only`: it is for the table about that alone. */
  takesHosts?: true | 'only'
  /** Puts a slow client where it is looked for. @throws saying what could not be had */
  install?(): Promise<void>
  /** Why it cannot run here, and how to get it; undefined when it can. */
  whyNot(): string | undefined
  start(lab: Lab): Promise<Client>
}

/** The cells of a client that is in another table only. */
export function nothingBut(reason: string): Client['cells'] {
  return Object.fromEntries(operations.map((operation) => [operation, reason])) as Client['cells']
}
