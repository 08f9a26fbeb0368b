import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest'
import { pushImage } from '../../gateway/cli/demo/push.ts'
import { startWorld } from '../e2e/world.ts'
import { imageThatSays, imageType, indexType, publish, sha256 } from './publication.ts'
import { accepted, refused, type Stage, startStage } from './stage.ts'
import { startToldGateway } from './told-gateway.ts'

let stage: Stage
beforeAll(async () => {
  stage = await startStage()
})
afterAll(() => stage.close())

const [good, evil] = [imageThatSays('good'), imageThatSays('evil')]

/** A name with one tag at a gateway, and a client that has seen nothing. */
async function openScene(tags = { '1.0': good, beta: evil }) {
  const ensName = await stage.openName()
  const honest = await publish(stage.domain, ensName, tags)
  const gateway = await startToldGateway(honest)
  onTestFinished(gateway.close)
  return { ensName, honest, gateway, client: stage.openClient([gateway.url]) }
}

test('A1 arbitrary installation: other bytes than the signed digest are DigestMismatch, whole or in a blob', async () => {
  const { ensName, gateway, client } = await openScene()
  expect((await client.proxy(`${ensName}/manifests/1.0`)).bytes).toEqual(new Uint8Array(good.manifest.bytes))
  const blob = good.blobs[1]!
  expect(await client.proxy(`${ensName}/blobs/${sha256(blob.bytes)}`)).toMatchObject({ status: 200 })
  gateway.lie = (response, path) => {
    if (path.includes('/manifests/')) response.writeHead(200, { 'content-type': imageType }).end(evil.manifest.bytes)
    else if (path.includes('/blobs/')) response.writeHead(200, { 'content-length': '4' }).end(evil.blobs[1]!.bytes)
    return /manifests|blobs/.test(path)
  }
  expect(await client.proxy(`${ensName}/manifests/1.0`)).toMatchObject({ status: 403, reason: 'DigestMismatch' })
  expect(await client.proxy(`${ensName}/blobs/${sha256(blob.bytes)}`)).toMatchObject({
    status: 403,
    reason: 'DigestMismatch',
  })
})

test('A1 arbitrary installation: a list that a stranger signed is NotPublisher', async () => {
  const { ensName, gateway, client } = await openScene()
  expect(await client.ask(ensName, '1.0')).toEqual(accepted)
  gateway.publication = await publish(stage.domain, ensName, { '1.0': evil }, { version: 2n, keys: ['third'] })
  expect(await client.ask(ensName, '1.0')).toEqual(refused('NotPublisher'))
})

test('A1 arbitrary installation: a list without a signature, and one whose signature is of other bytes, are refused', async () => {
  const { ensName, honest, gateway, client } = await openScene()
  expect(await client.ask(ensName, '1.0')).toEqual(accepted)
  gateway.publication = await publish(stage.domain, ensName, { '1.0': evil }, { version: 2n, keys: [] })
  expect(await client.ask(ensName, '1.0')).toEqual(refused('ThresholdNotMet'))
  const { signatures } = honest.signed
  gateway.publication = { ...gateway.publication, signed: { ...gateway.publication.signed, signatures } }
  expect(await client.ask(ensName, '1.0')).toEqual(refused('BadSignature'))
})

test('A1 arbitrary installation: the right proof of another tag is BadProof', async () => {
  const { ensName, gateway, client } = await openScene()
  expect(await client.ask(ensName, '1.0')).toEqual(accepted)
  gateway.proves = 'beta'
  expect(await client.ask(ensName, '1.0')).toEqual(refused('BadProof'))
})

test('A1 arbitrary installation: the right list of another name is refused: its signature is not for this one', async () => {
  const { ensName, gateway, client } = await openScene()
  expect(await client.ask(ensName, '1.0')).toEqual(accepted)
  const second = await openScene({ '1.0': evil, beta: evil })
  gateway.publication = second.honest
  expect(await client.ask(ensName, '1.0')).toEqual(refused('BadSignature'))
  expect(await client.proxy(`${ensName}/tags/list`)).toMatchObject({ status: 403, reason: 'NodeMismatch' })
  gateway.publication = await publish(stage.domain, 'other.eth', { '1.0': evil }, { owner: 'other' })
  expect(await client.ask(ensName, '1.0')).toEqual(refused('OwnerMismatch'))
})

test('A1 arbitrary installation: the right list of another contract or chain is BadSignature', async () => {
  const { ensName, gateway, client } = await openScene()
  expect(await client.ask(ensName, '1.0')).toEqual(accepted)
  for (const elsewhere of [
    { ...stage.domain, chainId: 1 },
    { ...stage.domain, resolver: stage.chain.addresses.ensRegistry },
  ]) {
    gateway.publication = await publish(elsewhere, ensName, { '1.0': good })
    expect(await client.ask(ensName, '1.0')).toEqual(refused('BadSignature'))
  }
})

test('A3 extraneous dependencies: no one follows the urls of a layer, neither the gateway that stores it nor the proxy', async () => {
  let hits = 0
  const trap = createServer((_, response) => {
    hits++
    response.end('evil')
  })
  await new Promise<void>((listening) => trap.listen(0, '127.0.0.1', listening))
  onTestFinished(() => new Promise<void>((closed) => trap.close(() => closed())))
  const url = `http://127.0.0.1:${(trap.address() as AddressInfo).port}/layer`
  const layer = {
    mediaType: 'application/vnd.oci.image.layer.v1.tar',
    digest: sha256(Buffer.from('away')),
    size: 4,
    urls: [url],
  }
  const image = imageThatSays('with urls', { layers: [layer] })
  const { ensName, client } = await openScene({ '1.0': image, beta: good })
  expect(await client.ask(ensName, '1.0')).toEqual(accepted)
  expect((await client.proxy(`${ensName}/blobs/${layer.digest}`)).status).not.toBe(200)
  const world = await startWorld()
  onTestFinished(world.close)
  const digested = { digest: sha256(image.manifest.bytes), bytes: image.manifest.bytes, mediaType: imageType }
  const blobs = image.blobs.map(({ bytes }) => ({ digest: sha256(bytes), bytes }))
  await pushImage(`${world.gateway.url}/v2/acme.eth`, { blobs, manifests: [], imageIndex: digested }, ['urls'])
  expect((await fetch(`${world.gateway.url}/v2/acme.eth/manifests/urls`)).status).toBe(200)
  expect((await fetch(`${world.gateway.url}/v2/acme.eth/blobs/${layer.digest}`)).status).toBe(404)
  expect(hits).toBe(0)
  // The trap does count: whoever asks is seen.
  await fetch(url)
  expect(hits).toBe(1)
})

test('A10 wrong software: an image that a gateway calls an index keeps the type that was signed', async () => {
  const { ensName, gateway, client } = await openScene()
  gateway.lie = (response, path) => {
    if (path.includes('/manifests/')) response.writeHead(200, { 'content-type': indexType }).end(good.manifest.bytes)
    return path.includes('/manifests/')
  }
  const { status, headers } = await client.proxy(`${ensName}/manifests/1.0`)
  expect([status, headers.get('content-type')]).toEqual([200, imageType])
  expect(headers.get('docker-content-digest')).toBe(sha256(good.manifest.bytes))
})

test('A10 wrong software: a manifest that is an image and an index at once is AmbiguousManifest', async () => {
  const plain = await openScene()
  expect((await plain.client.proxy(`${plain.ensName}/manifests/1.0`)).status).toBe(200)
  const { ensName, client } = await openScene({ '1.0': imageThatSays('both', { manifests: [] }), beta: good })
  expect(await client.proxy(`${ensName}/manifests/1.0`)).toMatchObject({ status: 403, reason: 'AmbiguousManifest' })
})
