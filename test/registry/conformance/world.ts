import { expect } from 'vitest'
import type { DigestAlgorithm } from '../../../gateway/oci/digest.ts'
import { addressOf, testKeys } from '../../fixtures.ts'
import { type Answer, errorOf, type OpenRegistry, type Registry, type RegistryOptions, send } from '../client.ts'

/** The repositories that the official suite is run against. */
export const repository = 'myapp.eth'
export const otherRepository = 'other.eth/web'

/** One registry on which a group of the suite runs, and the hash that it runs with. */
export type Conformance = { registry: Registry; algorithm: DigestAlgorithm }

/** One group of the suite, as a rule of ours. */
export type Group = (world: Conformance) => Promise<void>

/** A fresh registry in which both repositories may be pushed to. */
export async function openConformance(
  open: OpenRegistry,
  algorithm: DigestAlgorithm,
  options: RegistryOptions = {},
): Promise<Conformance> {
  const owned = { owner: addressOf(testKeys.owner) }
  const registry = await open({ ...options, names: { 'myapp.eth': owned, 'other.eth': owned } })
  return { registry, algorithm }
}

/** A path below the first repository. */
export function at(path: string): string {
  return `/v2/${repository}/${path}`
}

/** HEAD and GET of content: the same headers, the digest and length of these bytes, and the bytes. */
export async function expectContent({ registry }: Conformance, path: string, bytes: Uint8Array): Promise<Answer> {
  const head = await send(registry, 'HEAD', path)
  const get = await send(registry, 'GET', path)
  expect([path, head.status, get.status]).toEqual([path, 200, 200])
  expect([...head.headers]).toEqual([...get.headers])
  expect(get.headers.get('content-length')).toBe(String(bytes.byteLength))
  expect(Buffer.compare(get.bytes, bytes)).toBe(0)
  return get
}

/** DELETE is 202, and HEAD is 404 at once. */
export async function expectDeleted({ registry }: Conformance, path: string): Promise<void> {
  const deleted = await send(registry, 'DELETE', path)
  const head = await send(registry, 'HEAD', path)
  expect([path, deleted.status, head.status]).toEqual([path, 202, 404])
}

/** GET is 404 with this code, and HEAD is 404. */
export async function expectMissing({ registry }: Conformance, path: string, code: string): Promise<void> {
  errorOf(await send(registry, 'GET', path), 404, code)
  expect((await send(registry, 'HEAD', path)).status).toBe(404)
}
