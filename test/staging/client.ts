import type { Hex } from 'viem'
import { expect } from 'vitest'
import type { Caller } from '../../gateway/access.ts'
import { readTagStates } from '../../gateway/staging.ts'
import type { StagedChange } from '../../gateway/store/staged-tags.ts'
import type { TagEntry } from '../../gateway/tags/entry.ts'
import { swarmReferenceOf, testDomain } from '../fixtures.ts'
import { type AuthoredList, author, changesUpload } from '../publish/author.ts'
import { put } from '../publish/client.ts'
import { type Answer, type OpenRegistry, type PushedManifest, type Registry, send } from '../registry/client.ts'

export const acme = 'acme.eth'
export const warning = '299 - "staged: not published until signed"'
export const operator: Caller = { kind: 'operator' }
export const pathOf = (tagOrDigest: string) => `/v2/${acme}/manifests/${tagOrDigest}`

/** A gateway without a key. */
export const openRelay = (open: OpenRegistry, options: Parameters<OpenRegistry>[0] = {}) =>
  open({ signerKey: null, ...options })

export type StagedAnswer = { name: string; base: Hex | null; changes: StagedChange[] }

/** What is staged, as who may push is told. */
export async function readStaged(registry: Registry, repository = acme): Promise<StagedAnswer> {
  const answer = await send(registry, 'GET', `/v2/${repository}/_mooring/staged`)
  expect([answer.status, answer.headers.get('cache-control')]).toEqual([200, 'no-store'])
  return JSON.parse(answer.text)
}

/** The staged tags with the digest each is to have; null for one that is to go. */
export async function stagedDigests(registry: Registry): Promise<Record<string, string | null>> {
  const { changes } = await readStaged(registry)
  return Object.fromEntries(changes.map(({ tag, entry }) => [tag, entry?.digest ?? null]))
}

/** Everything that the store has, also what readers leave out. */
export async function storedTags({ deps }: Registry): Promise<string[]> {
  const { owner, epoch } = await deps.chain.readAuthority(acme)
  const line = { ...testDomain, ensName: acme, owner: owner!, epoch }
  return [...(await readTagStates(deps, line)).staged.keys()]
}

/** The entry that a push of this image makes. */
export function entryFor({ digest, size, mediaType, text }: PushedManifest, flags = 0): TagEntry {
  return { digest, size, mediaType, swarmReference: swarmReferenceOf(text), updatedVersion: 0, flags }
}

/** Publishes changes as a publisher does: a list signed elsewhere comes in by PUT. */
export async function publish(
  registry: Registry,
  before: AuthoredList | undefined,
  changes: Record<string, TagEntry | null>,
): Promise<AuthoredList> {
  const changed = Object.entries(changes).map(([tag, entry]) => ({ tag, entry }))
  const list = await author(before, changed)
  expect((await put(registry, await changesUpload(list))).status).toBe(201)
  return list
}

/** Status and Warning of an answer. */
export function statusOf({ status, headers }: Answer): [number, string | null] {
  return [status, headers.get('warning')]
}

/** The digest that a tag has; null for none. */
export async function digestAt(registry: Registry, tag: string): Promise<string | null> {
  const answer = await send(registry, 'HEAD', pathOf(tag))
  expect([200, 404]).toContain(answer.status)
  return answer.headers.get('docker-content-digest')
}
