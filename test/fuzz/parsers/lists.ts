import { nodeOf } from '../../../gateway/ens/name.ts'
import { OciError } from '../../../gateway/oci/error.ts'
import { entryToJson, parseListAnswer, parseListUpload } from '../../../gateway/tags/json.ts'
import { NO_DELEGATIONS, ZERO_HASH } from '../../../gateway/tags/list.ts'
import { Refusal } from '../../../gateway/tags/refusal.ts'
import { buildWellFormedTree } from '../../../gateway/tags/tree.ts'
import { addressOf, testKeys } from '../../keys.ts'
import { entryOf } from '../../publish/repository.ts'
import { bytesOf, type FuzzedParser, jsonBytes } from './parser.ts'

const owner = addressOf(testKeys.owner)

const list = {
  ...{ name: 'web.acme.eth', node: nodeOf('web.acme.eth'), owner, epoch: 0, version: 3, previous: ZERO_HASH },
  ...{ root: `0x${'12'.repeat(32)}`, count: 3, delegations: NO_DELEGATIONS, issuedAt: 1, expiresAt: 2 },
}
const signatures = [{ signer: owner, signature: `0x${'34'.repeat(65)}` }]
const entry = (seed: number) => entryToJson(entryOf(seed, { updatedVersion: 1 + (seed % 3) }))
const entriesOf = (count: number) => Array.from({ length: count }, (_, at) => ({ tag: `v${at}`, ...entry(at) }))
const changesOf = (count: number) =>
  Array.from({ length: count }, (_, at) => ({ tag: `v${at}`, entry: at % 4 === 3 ? null : entry(at) }))

/** Runs to the end, as a gateway does in slices. */
function finish<Value>(steps: Generator<void, Value>): Value {
  for (;;) {
    const step = steps.next()
    if (step.done) return step.value
  }
}

/** Of the readers; and of the tree that is built from what they read. */
const isDocumented = (error: unknown) => error instanceof OciError || error instanceof Refusal

/** The body of `PUT _mooring/list` (protocol 5), and the tree of its slots. */
export const listUpload: FuzzedParser = {
  name: 'list upload',
  structure: 'json',
  seeds: [
    { list, signatures, entries: entriesOf(3) },
    { list, signatures, changes: changesOf(4) },
    { list, signatures: [], entries: [] },
  ].map(jsonBytes),
  parse(input) {
    const upload = finish(parseListUpload(input))
    return 'slots' in upload ? finish(buildWellFormedTree(upload.slots, upload.list.version)) : upload
  },
  isDocumented,
  shapes: {
    entries: (n) => jsonBytes({ list, signatures, entries: entriesOf(n * 4) }),
    'entries in the order of no tree': (n) => jsonBytes({ list, signatures, entries: entriesOf(n * 4).toReversed() }),
    changes: (n) => jsonBytes({ list, signatures, changes: changesOf(n * 4) }),
    'white space': (n) => bytesOf(`${' '.repeat(n * 256)}${JSON.stringify({ list, signatures, changes: [] })}`),
  },
}

/** The answer of `GET _mooring/list` (protocol 5). */
export const listAnswer: FuzzedParser = {
  name: 'list answer',
  structure: 'json',
  seeds: [
    { list, hash: `0x${'56'.repeat(32)}`, signatures, timestamp: null, entries: entriesOf(3) },
    {
      ...{ list, hash: `0x${'56'.repeat(32)}`, signatures, entries: [] },
      timestamp: { issuedAt: 1, expiresAt: 2, signature: '0x' },
    },
  ].map(jsonBytes),
  parse: (input) => finish(parseListAnswer(input)),
  isDocumented,
  shapes: {
    entries: (n) =>
      jsonBytes({ list, hash: `0x${'56'.repeat(32)}`, signatures, timestamp: null, entries: entriesOf(n * 4) }),
  },
}
