import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Hex } from 'viem'
import { nodeOf } from '../../gateway/ens/name.ts'
import { decodeTagEntry, decodeTagKey, encodeTagEntry, encodeTagKey, type TagEntry } from '../../gateway/tags/entry.ts'
import { entryToJson } from '../../gateway/tags/json.ts'
import { hashList, type ListDomain, type ListHeader, NO_DELEGATIONS, ZERO_HASH } from '../../gateway/tags/list.ts'
import { applyDelta } from '../../gateway/tags/memory-tree.ts'
import { createMemoryTree, planChanges, SENTINEL, type Slot, type TagChange } from '../../gateway/tags/tree.ts'
import { signedListToJson } from '../../gateway/tags/wire.ts'
import { addressOf, createTestSigner, testKeys } from '../fixtures.ts'

/** A version as `GET _mooring/history` has it. */
export type ToldVersion = {
  list: Record<string, unknown>
  hash: Hex
  signatures: { signer: string; signature: string }[]
  changes: { tag: string; before: unknown; after: unknown }[]
}

/** Versions that a publisher signed, oldest first, and the newest one's slots. */
export type ToldLine = { versions: readonly ToldVersion[]; slots: readonly Slot[] }

/** What is said about one more version; the rest is as a good publisher would do it. */
export type Publishing = {
  keys?: readonly (keyof typeof testKeys)[]
  owner?: keyof typeof testKeys
  /** Seconds from now. */
  issuedAt?: number
  header?: Partial<ListHeader>
}

/** No version yet. */
export const emptyLine: ToldLine = { versions: [], slots: [SENTINEL] }

/** Signs the next version of a line, whatever it does to immutable tags; `null` removes a tag. The line given stays as it is. */
export async function publishNext(
  domain: ListDomain,
  ensName: string,
  line: ToldLine,
  changes: Readonly<Record<string, TagEntry | null>>,
  { keys = ['owner'], owner = 'owner', issuedAt = 0, header = {} }: Publishing = {},
): Promise<ToldLine> {
  const head = line.versions.at(-1)
  const version = BigInt(line.versions.length + 1)
  const wanted: TagChange[] = Object.entries(changes).map(([tag, entry]) => {
    return { tag, entry: entry && { ...entry, updatedVersion: Number(version) } }
  })
  const moved = new Set(wanted.map(({ tag }) => encodeTagKey(tag)))
  const delta = await planChanges(createMemoryTree(line.slots.map((slot) => asMutable(slot, moved))), wanted, version)
  const now = BigInt(Math.floor(Date.now() / 1000) + issuedAt)
  const list: ListHeader = {
    ...{ name: ensName, node: nodeOf(ensName), owner: addressOf(testKeys[owner]), epoch: 0n, version },
    ...{ previous: head?.hash ?? ZERO_HASH, root: delta.root, count: BigInt(delta.count), delegations: NO_DELEGATIONS },
    ...{ issuedAt: now, expiresAt: now + 7200n, ...header },
  }
  const signers = keys.map((key) => createTestSigner(testKeys[key]))
  const ascending = signers.toSorted((one, other) => (one.address < other.address ? -1 : 1))
  const signing = ascending.map(async (signer) => ({
    signer: signer.address,
    signature: await signer.signList(domain, list),
  }))
  const signed = { list, hash: hashList(domain, list), signatures: await Promise.all(signing), timestamp: null }
  const told = wanted.map(({ tag, entry }) => {
    const before = line.slots.find(({ key }) => key === encodeTagKey(tag))
    const beforeJson = before ? entryToJson(decodeTagEntry(before.value, version)) : null
    return { tag, before: beforeJson, after: entry && entryToJson(entry) }
  })
  const next = { ...(signedListToJson(signed) as unknown as ToldVersion), changes: told }
  return { versions: [...line.versions, next], slots: applyDelta(line.slots, delta) }
}

function asMutable(slot: Slot, keys: ReadonlySet<Hex>): Slot {
  if (!keys.has(slot.key)) return slot
  return { ...slot, value: encodeTagEntry({ ...decodeTagEntry(slot.value, 2n ** 53n - 1n), flags: 0 }) }
}

/** The versions that a gateway tells: of what it has, newest first, `history` may leave out and alter. */
export type Teller = { line: ToldLine; history: (versions: readonly ToldVersion[]) => readonly ToldVersion[] }

/** A gateway that has one repository's list and history, and tells them as it is told to. */
export async function startTeller(ensName: string, teller: Teller) {
  const server = createServer((request, response) => {
    const url = new URL(request.url ?? '/', 'http://teller')
    const [, endpoint] = url.pathname.split(`/v2/${ensName}/_mooring/`)
    const value =
      endpoint === 'list'
        ? listOf(teller.line)
        : endpoint === 'history'
          ? { name: ensName, ...historyOf(teller, url) }
          : null
    const body = value ?? { errors: [{ code: 'NAME_UNKNOWN', message: 'nothing here' }] }
    response.writeHead(value === null ? 404 : 200, { 'content-type': 'application/json' }).end(JSON.stringify(body))
  })
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening))
  const { port } = server.address() as AddressInfo
  const close = () => new Promise<void>((closed) => server.close(() => closed()).closeAllConnections())
  return { url: `http://127.0.0.1:${port}`, close }
}

function listOf({ versions, slots }: ToldLine) {
  const head = versions.at(-1)
  if (head === undefined) return null
  const { changes: _, ...signed } = head
  const version = BigInt(versions.length)
  const entries = slots.slice(1).map(({ key, value }) => {
    return { tag: decodeTagKey(key), ...entryToJson(decodeTagEntry(value, version)) }
  })
  return { ...signed, timestamp: null, entries }
}

function historyOf({ line, history }: Teller, url: URL) {
  const told = history(line.versions.toReversed())
  const last = url.searchParams.get('last')
  const start = last === null ? 0 : told.findIndex(({ hash }) => hash === last) + 1
  const lists = last !== null && start === 0 ? [] : told.slice(start, start + Number(url.searchParams.get('n') ?? 100))
  return { lists }
}
