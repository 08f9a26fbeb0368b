import type { Hex } from 'viem'
import { expect } from 'vitest'
import type { Caller } from '../../gateway/access.ts'
import { createApp } from '../../gateway/app.ts'
import type { Features } from '../../gateway/features.ts'
import type { Limits } from '../../gateway/limits.ts'
import { type Digest, type DigestAlgorithm, digestOf } from '../../gateway/oci/digest.ts'
import { ociErrorCodes } from '../../gateway/oci/error.ts'
import { createTestDeps, createTestSigner, type TestDeps, type TestName } from '../fixtures.ts'

/** A registry that a rule drives: only `fetch` is HTTP's, the rest is what the rule may turn. */
export type Registry = { fetch(request: Request): Promise<Response>; deps: TestDeps }

export type RegistryOptions = {
  /** The gateway's publisher key; null is a relay gateway. Absent: the owner of acme.eth and other.eth. */
  signerKey?: Hex | null
  limits?: Partial<Limits>
  features?: Partial<Features>
  names?: Readonly<Record<string, TestName>>
}

/** Opens a registry over fresh stores. */
export type OpenRegistry = (options?: RegistryOptions) => Promise<Registry>

/** A registry over the given stores. */
export function registryOver(
  stores: Parameters<typeof createTestDeps>[0],
  { signerKey, limits = {}, features = {}, names }: RegistryOptions = {},
): Registry {
  const signer = signerKey === null ? null : createTestSigner(signerKey)
  const deps = createTestDeps(stores, { signer, limits, features, ...(names && { names }) })
  return { ...createApp(deps), deps }
}

/** Another gateway over the same stores, chain and clock, with another key or none. */
export function anotherGateway({ deps }: Registry, signerKey: Hex | null): Registry {
  const others = { ...deps, signer: signerKey === null ? null : createTestSigner(signerKey) }
  return { ...createApp(others), deps: others }
}

/** The same gateway as this caller sees it, whatever they send. */
export function seenBy({ deps }: Registry, caller: Caller): Registry {
  const others = { ...deps, access: { identify: async () => caller } }
  return { ...createApp(others), deps: others }
}

/** A relay gateway over the same stores, as everybody sees it who sends no token. */
export function publicGateway(registry: Registry): Registry {
  return seenBy(anotherGateway(registry, null), { kind: 'anonymous' })
}

export type Answer = { status: number; headers: Headers; bytes: Uint8Array; text: string }

type Sent = { headers?: Record<string, string>; body?: string | Uint8Array | ReadableStream<Uint8Array> }

/** Sends one request and checks what holds for every answer of the registry API. */
export async function send(registry: Registry, method: string, path: string, sent: Sent = {}): Promise<Answer> {
  const init = { method, ...sent, duplex: 'half' } as RequestInit
  const response = await registry.fetch(new Request(`http://gateway.test${path}`, init))
  const bytes = new Uint8Array(await response.arrayBuffer())
  const answer = { status: response.status, headers: response.headers, bytes, text: new TextDecoder().decode(bytes) }
  checkAnswer(method, answer)
  return answer
}

function checkAnswer(method: string, { status, headers, bytes, text }: Answer): void {
  expect(headers.get('docker-distribution-api-version')).toBe('registry/2.0')
  expect(headers.get('content-encoding')).toBeNull()
  const length = headers.get('content-length')
  if (status === 204 || status === 304) expect([length, bytes.byteLength]).toEqual([null, 0])
  else if (method === 'HEAD') expect([length, bytes.byteLength]).toEqual([expect.stringMatching(/^\d+$/), 0])
  else expect(length).toBe(String(bytes.byteLength))
  if (status >= 400 && method !== 'HEAD') checkErrorBody(status, headers, text)
}

/** The 14 codes of the specification; `UNKNOWN` with 5xx and nowhere else. */
function checkErrorBody(status: number, headers: Headers, text: string): void {
  expect(headers.get('content-type')).toBe('application/json')
  const { errors, ...rest } = JSON.parse(text)
  expect(rest).toEqual({})
  expect(errors.length).toBeGreaterThan(0)
  for (const item of errors) {
    expect(ociErrorCodes).toContain(item.code)
    expect([status, item.code === 'UNKNOWN']).toEqual([status, status >= 500])
    expect(item.message).toMatch(/^[^\n]+$/)
  }
}

export type ErrorItem = { code: string; message: string; detail?: unknown }

/** The items of an error answer with this status, all of this code. */
export function errorsOf(answer: Answer, status: number, code: string): ErrorItem[] {
  expect([answer.status, answer.text]).toEqual([status, expect.stringContaining(code)])
  const { errors } = JSON.parse(answer.text) as { errors: ErrorItem[] }
  expect(errors.map((item) => item.code)).toEqual(errors.map(() => code))
  return errors
}

/** The one message of an error answer with this status and code. */
export function errorOf(answer: Answer, status: number, code: string): string {
  const [only, ...more] = errorsOf(answer, status, code)
  expect(more).toEqual([])
  return only?.message ?? ''
}

export function bytesOf(text: string): Uint8Array<ArrayBuffer> {
  return new Uint8Array(new TextEncoder().encode(text))
}

/** Bytes that are the same in every run and not all alike. */
export function blobOf(size: number, seed = 1): Uint8Array<ArrayBuffer> {
  return Uint8Array.from({ length: size }, (_, index) => (index * 31 + seed * 17 + (index >> 8)) & 0xff)
}

/** A body of unknown length, in pieces. */
export function streamOf(...pieces: Uint8Array[]): ReadableStream<Uint8Array> {
  return new ReadableStream({
    pull(controller) {
      const piece = pieces.shift()
      if (piece) controller.enqueue(piece)
      else controller.close()
    },
  })
}

/** Pushes a blob in one POST (end-4b) and returns its digest. */
export async function pushBlob(
  registry: Registry,
  repository: string,
  bytes: Uint8Array,
  algorithm: DigestAlgorithm = 'sha256',
): Promise<Digest> {
  const digest = await digestOf(algorithm, bytes)
  const answer = await send(registry, 'POST', `/v2/${repository}/blobs/uploads/?digest=${digest}`, { body: bytes })
  expect([answer.status, answer.text]).toEqual([201, ''])
  return digest
}

/** Begins an upload (end-4a) and returns its location. */
export async function beginUpload(registry: Registry, repository: string): Promise<string> {
  const answer = await send(registry, 'POST', `/v2/${repository}/blobs/uploads/`)
  expect(answer.status).toBe(202)
  return answer.headers.get('location') ?? ''
}

export const imageType = 'application/vnd.oci.image.manifest.v1+json'
export const indexType = 'application/vnd.oci.image.index.v1+json'
export const configType = 'application/vnd.oci.image.config.v1+json'
export const layerType = 'application/vnd.oci.image.layer.v1.tar+gzip'

export type PushedManifest = { digest: Digest; text: string; size: number; mediaType: string }

export async function describeManifest(manifest: object, mediaType = imageType): Promise<PushedManifest> {
  const text = JSON.stringify(manifest, null, 2)
  const bytes = bytesOf(text)
  return { digest: await digestOf('sha256', bytes), text, size: bytes.byteLength, mediaType }
}

/** A small image whose blobs are in the repository already. `more` are further members of its manifest. */
export async function makeImage(registry: Registry, repository: string, seed = 1, more: object = {}) {
  const config = bytesOf(`{"seed":${seed}}`)
  const layer = blobOf(300, seed)
  return describeManifest({
    schemaVersion: 2,
    mediaType: imageType,
    config: { mediaType: configType, digest: await pushBlob(registry, repository, config), size: config.byteLength },
    layers: [{ mediaType: layerType, digest: await pushBlob(registry, repository, layer), size: layer.byteLength }],
    ...more,
  })
}

/** PUTs a manifest under a tag or digest (end-7). */
export function putManifest(
  registry: Registry,
  repository: string,
  tagOrDigest: string,
  { text, mediaType }: Pick<PushedManifest, 'text' | 'mediaType'>,
): Promise<Answer> {
  const path = `/v2/${repository}/manifests/${tagOrDigest}`
  return send(registry, 'PUT', path, { headers: { 'content-type': mediaType }, body: bytesOf(text) })
}

/** Pushes a small image under a tag. */
export async function pushImage(registry: Registry, repository: string, tag: string, seed = 1, more: object = {}) {
  const image = await makeImage(registry, repository, seed, more)
  const answer = await putManifest(registry, repository, tag, image)
  expect([answer.status, answer.text]).toEqual([201, ''])
  return image
}

export async function readTags(registry: Registry, repository: string, query = ''): Promise<string[]> {
  const answer = await send(registry, 'GET', `/v2/${repository}/tags/list${query}`)
  expect([answer.status, answer.headers.get('content-type')]).toEqual([200, 'application/json'])
  const { name, tags, ...rest } = JSON.parse(answer.text)
  expect([name, rest]).toEqual([repository, {}])
  return tags
}
