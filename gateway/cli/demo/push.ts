import { fetchBounded, type HttpAnswer, type HttpRequest } from '../client/http.ts'
import type { Blob, DemoImage, Manifest } from './image.ts'

const timeoutMs = 30_000
const maxAnswerBytes = 8 * 1024 * 1024

/**
 * Pushes an image as docker does: each blob by POST, PATCH and PUT unless it is there, the manifests by digest, the index by each tag
 * that is not there yet (what was pushed to a kept folder stays). @throws Error with the registry's own words when it refuses
 */
export async function pushImage(repositoryUrl: string, image: DemoImage, tags: readonly string[]): Promise<void> {
  for (const blob of image.blobs) await pushBlob(repositoryUrl, blob)
  for (const manifest of image.manifests) await putManifest(repositoryUrl, manifest, manifest.digest)
  for (const tag of tags) {
    const head = await send({ url: `${repositoryUrl}/manifests/${tag}`, method: 'HEAD', headers: acceptAny })
    if (head.status !== 200) await putManifest(repositoryUrl, image.imageIndex, tag)
  }
}

const acceptAny = { accept: '*/*' }

/** Makes a new version of the list that changes nothing: removes a tag, when it is there, and puts it back. */
export async function renewTag(repositoryUrl: string, tag: string): Promise<void> {
  const url = `${repositoryUrl}/manifests/${tag}`
  const { status, headers, body } = await send({ url, headers: acceptAny })
  if (status !== 200) return
  await expectStatus(202, { url, method: 'DELETE' })
  const type = headers.get('content-type') ?? ''
  await expectStatus(201, { url, method: 'PUT', headers: { 'content-type': type }, body })
}

async function pushBlob(repositoryUrl: string, { digest, bytes }: Blob): Promise<void> {
  const head = await send({ url: `${repositoryUrl}/blobs/${digest}`, method: 'HEAD' })
  if (head.status === 200) return
  const begun = await expectStatus(202, { url: `${repositoryUrl}/blobs/uploads/`, method: 'POST' })
  const headers = { 'content-type': 'application/octet-stream' }
  const patched = await expectStatus(202, {
    url: locationOf(repositoryUrl, begun),
    method: 'PATCH',
    headers,
    body: bytes,
  })
  const closing = new URL(locationOf(repositoryUrl, patched))
  closing.searchParams.set('digest', digest)
  await expectStatus(201, { url: closing.href, method: 'PUT' })
}

async function putManifest(repositoryUrl: string, manifest: Manifest, tagOrDigest: string): Promise<void> {
  const { mediaType, bytes, digest } = manifest
  const url = `${repositoryUrl}/manifests/${tagOrDigest}`
  const answer = await expectStatus(201, { url, method: 'PUT', headers: { 'content-type': mediaType }, body: bytes })
  const stored = answer.headers.get('docker-content-digest')
  if (stored !== digest) throw new Error(`PUT ${url} answers digest ${stored}, pushed ${digest}`)
}

function locationOf(repositoryUrl: string, answer: HttpAnswer): string {
  const location = answer.headers.get('location')
  if (location === null) throw new Error(`the registry at ${repositoryUrl} sent no Location`)
  return new URL(location, repositoryUrl).href
}

type Sending = Omit<HttpRequest, 'reach' | 'timeoutMs'>

async function expectStatus(status: number, request: Sending): Promise<HttpAnswer> {
  const answer = await send(request)
  if (answer.status === status) return answer
  const words = new TextDecoder().decode(answer.body).slice(0, 500)
  throw new Error(`${request.method} ${request.url} answers ${answer.status}, wanted ${status}: ${words}`)
}

function send(request: Sending): Promise<HttpAnswer> {
  return fetchBounded({ ...request, reach: 'given', timeoutMs }, maxAnswerBytes)
}
