import assert from 'node:assert/strict'
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

const signingWorker: Plan = {
  title: 'the Worker in workerd (D1, R2, Durable Object), with a test signer in the object of a repository',
  start: (names) => startWorker('publishing', names),
  ...everything,
}

const relayWorker: Plan = {
  title: 'the Worker in workerd as it is deployed: no key; tags by `mooring push --key-file`',
  start: (names) => startWorker('deployed', names),
  columns: relayOperations,
  cellsOf: ({ cells, pushByDigest }) => [
    pushByDigest ?? facts.pushesTags,
    cells['pull by tag'],
    cells['pull by digest'],
    refusalOf(cells.push),
  ],
  isFor: ({ pushesFirst, takesHosts }) => !pushesFirst && takesHosts !== 'only',
}

/** What is tried on Node, and what with `--worker`. */
export const plans = { node: [onNode, behindProxy], worker: [relayWorker, signingWorker] } as const satisfies Record<
  string,
  Plan[]
>

/** Content arrives and the tag is denied (403); what the client shows of the answer names the command that signs. */
function refusalOf(push: Cell): Cell {
  if (typeof push === 'string') return push
  return async () => {
    const refused: unknown = await push().catch((error: unknown) => error)
    assert.ok(refused instanceof Error, 'a gateway without a key took a tag')
    assert.match(refused.message, /denied|403 Forbidden|holds no publisher key/i)
    return refused.message.includes('mooring push IMAGE')
      ? 'shows the command that signs'
      : 'hides what the gateway says'
  }
}
