import type { Address, Hex } from 'viem'
import { describe, expect, test } from 'vitest'
import { encodeTagKey } from '../../gateway/tags/entry.ts'
import { type EntryJson, type HeaderJson, parseEntryJson } from '../../gateway/tags/json.ts'
import {
  hashList,
  hashRevocation,
  hashTimestamp,
  type ListHeader,
  type RevocationClaim,
  structHashOfList,
  structHashOfRevocation,
  structHashOfTimestamp,
} from '../../gateway/tags/list.ts'
import { isSignatureValid } from '../../gateway/tags/signature.ts'
import {
  applyDelta,
  buildWellFormedTree,
  createMemoryTree,
  planChanges,
  proveKey,
  type Slot,
  type TagChange,
} from '../../gateway/tags/tree.ts'
import { verifyStoredEntry } from '../../gateway/tags/verify.ts'
import { sentinel } from './sample.ts'

/** The cases of one file of docs/vectors.md; null where there is no such file. */
export type ReadVectors = <Case>(file: string) => readonly Case[] | null

/** `tree.json`, `list.json` and `signature.json`, in any runtime. `areOurs`: the cases of this repository, which say all they mean. */
export function formatVectors(read: ReadVectors, { areOurs }: { areOurs: boolean }): void {
  describe('2.1 tree.json', () => eachCase<TreeCase>(read, 'tree.json', (each) => checkTree(each, areOurs)))
  describe('2.2 list.json', () => {
    eachCase<HashCase>(read, 'list.json', (each) => {
      expect(hashesOf(each)).toEqual({ structHash: each.structHash, hash: each.hash })
    })
  })
  describe('2.3 signature.json', () => {
    eachCase<SignatureCase>(read, 'signature.json', async ({ signer, hash, signature, code, valid }) => {
      const askContract = async () => code?.returns ?? undefined
      expect(await isSignatureValid(signer, hash, signature, askContract)).toBe(valid)
    })
  })
}

/** A folder of `lookup/` files alone is enough, and is told. */
function eachCase<Case extends { name: string }>(
  read: ReadVectors,
  file: string,
  check: (each: Case) => Promise<void> | void,
): void {
  const cases = read<Case>(file)
  if (cases === null) {
    test(file, (context) => context.skip(`there is no ${file}`))
    return
  }
  test(`${file} is not empty`, () => expect(cases.length).toBeGreaterThan(0))
  test.each(cases.map((each) => [each.name, each] as const))('%s', async (_, each) => check(each))
}

type Op = { put: [string, EntryJson] } | { delete: string }
type TreeCase = {
  name: string
  ops: Op[]
  slots: Slot[]
  count: number
  root: Hex
  proofs: { tag: string; present: boolean; key: Hex; nextKey: Hex; value: Hex; path: Hex[] }[]
}

function changeOf(op: Op): TagChange {
  return 'put' in op ? { tag: op.put[0], entry: parseEntryJson(op.put[1]) } : { tag: op.delete, entry: null }
}

/** The version of a publish is what its entries carry; removals alone may be of any that is late enough. */
function versionOf(changes: readonly TagChange[]): bigint {
  return BigInt(changes.find(({ entry }) => entry !== null)?.entry?.updatedVersion ?? Number.MAX_SAFE_INTEGER)
}

async function publishAll(publishes: readonly TagChange[][]): Promise<{ slots: Slot[]; root: Hex }> {
  let slots: Slot[] = [sentinel]
  let root = createMemoryTree(slots).root()
  for (const changes of publishes) {
    const delta = await planChanges(createMemoryTree(slots), changes, versionOf(changes))
    slots = applyDelta(slots, delta)
    root = delta.root
  }
  return { slots, root }
}

/**
 * Our own cases say "one publish: ..." where all ops are one; docs/vectors.md leaves it open, so that a case of others may mean either:
 * the slots it states decide.
 */
async function publishAsStated(
  each: TreeCase,
  changes: TagChange[],
  areOurs: boolean,
): Promise<{ slots: Slot[]; root: Hex }> {
  const isOne = each.name.startsWith('one publish: ')
  const built = await publishAll(isOne ? [changes] : changes.map((change) => [change]))
  const isStated = JSON.stringify(built.slots) === JSON.stringify(each.slots)
  return isStated || isOne || areOurs ? built : publishAll([changes])
}

async function checkTree(each: TreeCase, areOurs: boolean): Promise<void> {
  const built = await publishAsStated(each, each.ops.map(changeOf), areOurs)
  expect(built).toEqual({ slots: each.slots, root: each.root })
  expect(built.slots.length).toBe(each.count)
  const newest = BigInt(Number.MAX_SAFE_INTEGER)
  expect(finish(buildWellFormedTree(each.slots, newest)).root).toBe(each.root)
  const tree = createMemoryTree(each.slots)
  for (const { tag, present, ...proof } of each.proofs) {
    expect(await proveKey(tree, encodeTagKey(tag))).toEqual(proof)
    const list = { count: BigInt(each.count), root: each.root, version: newest } as ListHeader
    expect(verifyStoredEntry(list, tag, proof) !== undefined).toBe(present)
  }
}

function finish<T>(steps: Generator<void, T>): T {
  for (;;) {
    const step = steps.next()
    if (step.done) return step.value
  }
}

type TimestampJson = { node: Hex; epoch: number; version: number; list: Hex; issuedAt: number; expiresAt: number }
type HashCase = {
  name: string
  chainId: number
  resolver: Address
  list?: HeaderJson
  timestamp?: TimestampJson
  revocation?: RevocationClaim
  structHash: Hex
  hash: Hex
}

/** Integers of the wire as the interfaces have them. */
function withBigints<T extends object>(json: T): { [Name in keyof T]: T[Name] extends number ? bigint : T[Name] } {
  const members = Object.entries(json).map(([name, value]) => [name, typeof value === 'number' ? BigInt(value) : value])
  return Object.fromEntries(members)
}

function hashesOf({ chainId, resolver, list, timestamp, revocation }: HashCase): { structHash: Hex; hash: Hex } {
  const domain = { chainId, resolver }
  if (list !== undefined) {
    const header = withBigints(list)
    return { structHash: structHashOfList(header), hash: hashList(domain, header) }
  }
  if (timestamp !== undefined) {
    const claim = withBigints(timestamp)
    return { structHash: structHashOfTimestamp(claim), hash: hashTimestamp(domain, claim) }
  }
  return { structHash: structHashOfRevocation(revocation!), hash: hashRevocation(domain, revocation!) }
}

type SignatureCase = {
  name: string
  signer: Address
  hash: Hex
  signature: Hex
  code: { returns: Hex | null } | null
  valid: boolean
}
