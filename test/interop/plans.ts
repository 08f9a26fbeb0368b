import { type Cell, type Client, facts, operations, proxyOperations, type Row, relayOperations } from './client.ts'
import { type Mooring, startMooring } from './mooring.ts'
import { startWorker } from './worker.ts'

/** A gateway that clients are tried against, and the columns of its table. */
export type Plan = {
  title: string
  start(names: readonly string[]): Promise<Mooring>
  columns: readonly string[]
  /** In the order of the columns. */
  cellsOf(client: Client): readonly Cell[]
  isFor(row: Row): boolean
}

const everything = {
  columns: operations,
  cellsOf: ({ cells }: Client) => operations.map((operation) => cells[operation]),
  isFor: ({ takesHosts }: Row) => takesHosts !== 'only',
}

const onNode: Plan = { title: '`mooring dev` on Node', start: startMooring, ...everything }

const behindProxy: Plan = {
  title: '`mooring proxy` before a gateway that also lies, with the files of `mooring proxy install`',
  start: startMooring,
  columns: proxyOperations,
  cellsOf: ({ throughProxy }) => proxyOperations.map((operation) => throughProxy?.[operation] ?? facts.noMirrors),
  isFor: ({ takesHosts }) => takesHosts !== undefined,
}

const relayWorker: Plan = {
  title: 'the Worker in workerd (D1, R2, Durable Object) as it is deployed: no key, so tags are staged',
  start: (names) => startWorker(names, { more: { MOORING_RATE_LIMIT: '0' } }),
  columns: relayOperations,
  cellsOf: ({ cells, pushByDigest }) => [
    pushByDigest ?? facts.pushesTags,
    ...operations.map((operation) => cells[operation]),
  ],
  isFor: ({ takesHosts }) => takesHosts !== 'only',
}

/** What is tried on Node, and what with `--worker`. */
export const plans = { node: [onNode, behindProxy], worker: [relayWorker] } as const satisfies Record<string, Plan[]>
