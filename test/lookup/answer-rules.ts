import { expect, test } from 'vitest'
import { decodeResponse, encodeGetter, encodeLookup, encodeTagLookup, parseLookup } from '../../gateway/ens/lookup.ts'
import { nodeOf } from '../../gateway/ens/name.ts'
import { publishTags } from '../../gateway/publisher.ts'
import { FLAG_IMMUTABLE, FLAG_TOMBSTONE } from '../../gateway/tags/entry.ts'
import { openedRepository } from '../publish/repository.ts'
import { type OpenRegistry, pushImage } from '../registry/client.ts'
import { ask, lookUp, lookUpTag, lookupPath, otherSender, post, responseOf } from './client.ts'

/** What good answers hold: each passes the verifier. */
export function answerRules(open: OpenRegistry): void {
  test('protocol 4: text and data of a present tag prove its digest', async () => {
    const registry = await open()
    const { digest, size } = await pushImage(registry, 'acme.eth', 'v1')
    for (const getter of ['text', 'data'] as const) {
      const { entries, signed } = await lookUp(registry, encodeTagLookup('acme.eth', 'v1', getter))
      expect(entries).toMatchObject([{ digest, size }])
      expect(signed.list).toMatchObject({ name: 'acme.eth', version: 1n })
    }
  })

  test('protocol 2.1: tags before, between and after those of the list are proven absent, tombstones read as absent', async () => {
    const registry = await open()
    await pushImage(registry, 'acme.eth', 'b')
    const { digest } = await pushImage(registry, 'acme.eth', 'd')
    const repository = await openedRepository(registry, 'acme.eth')
    await publishTags(registry.deps, repository, async ({ entryOf }) => {
      const entry = await entryOf('b')
      return [{ tag: 'b', entry: entry ? { ...entry, flags: FLAG_IMMUTABLE | FLAG_TOMBSTONE } : null }]
    })
    expect((await lookUpTag(registry, 'acme.eth', 'd')).digest).toBe(digest)
    for (const tag of ['A', 'a', 'b', 'c', 'dd', 'e', 'D']) {
      expect([tag, (await lookUpTag(registry, 'acme.eth', tag)).digest]).toEqual([tag, undefined])
    }
  })

  test('protocol 3: an unregistered subname is a repository of its own under the same owner', async () => {
    const registry = await open()
    const { digest } = await pushImage(registry, 'acme.eth/web', 'v1')
    expect((await lookUpTag(registry, 'web.acme.eth', 'v1')).digest).toBe(digest)
  })

  test('protocol 4: one multicall has one proof per oci-tag call, in call order', async () => {
    const registry = await open()
    const { digest } = await pushImage(registry, 'acme.eth', 'v1')
    const calls = [
      encodeGetter('acme.eth', 'oci-tag[none]', 'text'),
      encodeGetter('acme.eth', 'avatar', 'text'),
      encodeGetter('acme.eth', 'oci-version', 'text'),
      encodeGetter('acme.eth', 'oci-tag[v1]', 'data'),
    ]
    const callData = encodeLookup('acme.eth', calls)
    const response = responseOf(await ask(registry, lookupPath(callData)))
    const { proofs } = decodeResponse(response, parseLookup(callData))
    expect(proofs.map(({ key }) => key)).toEqual(['0x', `0x01${Buffer.from('v1').toString('hex')}`])
    const only = encodeLookup('acme.eth', [calls[0]!, calls[3]!])
    expect((await lookUp(registry, only)).entries).toMatchObject([undefined, { digest }])
  })

  test('protocol 4: oci-version and oci-root come from the header, without a proof', async () => {
    const registry = await open()
    await pushImage(registry, 'acme.eth', 'v1')
    for (const key of ['oci-version', 'oci-root']) {
      const { entries, signed } = await lookUp(
        registry,
        encodeLookup('acme.eth', [encodeGetter('acme.eth', key, 'text')]),
      )
      expect([entries, signed.list.node]).toEqual([[], nodeOf('acme.eth')])
    }
  })

  test('ERC-3668: POST answers as GET does, and sender is not looked at', async () => {
    const registry = await open()
    await pushImage(registry, 'acme.eth', 'v1')
    const callData = encodeTagLookup('acme.eth', 'v1', 'text')
    const response = responseOf(await ask(registry, lookupPath(callData)))
    expect(responseOf(await post(registry, callData))).toBe(response)
    expect(responseOf(await post(registry, callData, otherSender))).toBe(response)
    expect(responseOf(await ask(registry, lookupPath(callData, otherSender)))).toBe(response)
    expect(responseOf(await ask(registry, lookupPath(`0x${callData.slice(2).toUpperCase()}`)))).toBe(response)
  })

  test('HEAD answers as GET does, without the body', async () => {
    const registry = await open()
    await pushImage(registry, 'acme.eth', 'v1')
    const url = `http://gateway.test${lookupPath(encodeTagLookup('acme.eth', 'v1', 'text'))}`
    const get = await registry.fetch(new Request(url))
    const head = await registry.fetch(new Request(url, { method: 'HEAD' }))
    expect([head.status, await head.text()]).toEqual([200, ''])
    expect([...head.headers]).toEqual([...get.headers])
  })
}
