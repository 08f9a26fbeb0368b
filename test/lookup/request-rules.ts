import { concat, encodeAbiParameters, type Hex, padHex, stringToHex } from 'viem'
import { expect, test } from 'vitest'
import { encodeGetter, encodeLookup, encodeTagLookup } from '../../gateway/ens/lookup.ts'
import { testDomain } from '../fixtures.ts'
import { type OpenRegistry, pushImage, type Registry } from '../registry/client.ts'
import { ask, lookupPath, messageOf, post, resolveCall, responseOf } from './client.ts'

const good = encodeTagLookup('acme.eth', 'v1', 'text')
const { chainId, resolver } = testDomain

/** `resolve(bytes,bytes)` around any bytes for the name. */
function resolveBytes(name: Hex, inner: Hex): Hex {
  return concat(['0x9061b923', encodeAbiParameters([{ type: 'bytes' }, { type: 'bytes' }], [name, inner])])
}

const tagCall = encodeGetter('acme.eth', 'oci-tag[v1]', 'text')
const keyCall = (key: string) => resolveCall('acme.eth', encodeGetter('acme.eth', key, 'text'))

/** callData with one fault each, and the error name it is told with. */
const badCallData: readonly [fault: string, callData: string, reason: string][] = [
  ['empty', '0x', 'BadResponse'],
  ['not hex', '0xzz', 'BadResponse'],
  ['half a byte', `${good}0`, 'BadResponse'],
  ['no 0x', good.slice(2), 'BadResponse'],
  ['another function', `0x59d1d43c${good.slice(10)}`, 'BadResponse'],
  ['truncated', good.slice(0, -64), 'BadResponse'],
  ['over 16 KiB', `0x9061b923${'00'.repeat(16 * 1024 - 3)}`, 'BadResponse'],
  ['an offset beyond the data', `0x9061b923${'ff'.repeat(64)}`, 'BadResponse'],
  [
    '33 calls',
    encodeLookup(
      'acme.eth',
      Array.from({ length: 33 }, () => tagCall),
    ),
    'BadResponse',
  ],
  ['a node of another name', resolveCall('acme.eth', encodeGetter('other.eth', 'oci-tag[v1]', 'text')), 'NodeMismatch'],
  ['a tag outside the grammar', keyCall('oci-tag[a/b]'), 'InvalidTag'],
  ['a tag of 129 bytes', keyCall(`oci-tag[${'a'.repeat(129)}]`), 'InvalidTag'],
  ['an oci-tag key without its end', keyCall('oci-tag[v1'), 'InvalidTag'],
  ['a name that does not end', resolveBytes('0x0461636d65036574', tagCall), 'InvalidName'],
  ['bytes behind the name', resolveBytes('0x0461636d650365746800ff', tagCall), 'InvalidName'],
  ['a dot inside a label', resolveBytes(`0x08${stringToHex('acme.eth').slice(2)}00`, tagCall), 'InvalidName'],
  ['a compression pointer', resolveBytes('0x0461636d65c00000', tagCall), 'InvalidName'],
  ['an upper-case name', resolveCall('ACME.eth', encodeGetter('ACME.eth', 'oci-tag[v1]', 'text')), 'InvalidName'],
  ['a top-level domain', resolveCall('eth', encodeGetter('eth', 'oci-tag[v1]', 'text')), 'InvalidName'],
]

/** Statuses and bodies of what is refused, beside what is accepted. */
export function requestRules(open: OpenRegistry): void {
  const openPushed = async (): Promise<Registry> => {
    const registry = await open()
    await pushImage(registry, 'acme.eth', 'v1')
    responseOf(await ask(registry, lookupPath(good)))
    return registry
  }

  test('protocol 4: bad callData is 400 with the error name, by GET and POST', async () => {
    const registry = await openPushed()
    for (const [fault, callData, reason] of badCallData) {
      const message = messageOf(await ask(registry, lookupPath(callData)), 400)
      expect([fault, message]).toEqual([fault, expect.stringMatching(new RegExp(`^refused: ${reason}: `))])
      expect(messageOf(await post(registry, callData as Hex), 400)).toBe(message)
    }
  })

  test('protocol 1: a tag of 128 bytes and a name of ten labels are looked up', async () => {
    const registry = await open()
    const tag = `${'a'.repeat(127)}-`
    await pushImage(registry, 'acme.eth/a/b/c/d/e/f/g/h', tag)
    responseOf(await ask(registry, lookupPath(encodeTagLookup('h.g.f.e.d.c.b.a.acme.eth', tag, 'data'))))
  })

  test('protocol 4: another chain or resolver is 404', async () => {
    const registry = await openPushed()
    const paths = [
      `/ccip/1/${resolver}/${resolver}/${good}.json`,
      `/ccip/0${chainId}/${resolver}/${resolver}/${good}.json`,
      `/ccip/${chainId}/${padHex('0x1', { size: 20 })}/${resolver}/${good}.json`,
      `/ccip/${chainId}/${resolver.slice(0, -2)}/${resolver}/${good}.json`,
    ]
    const message = `chain and resolver in the path are not served here, only chain ${chainId}, resolver ${resolver}`
    for (const path of paths) expect(messageOf(await ask(registry, path), 404)).toBe(message)
    const elsewhere = { method: 'POST', body: JSON.stringify({ data: good, sender: resolver }) }
    expect(messageOf(await ask(registry, `/ccip/1/${resolver}/${resolver}`, elsewhere), 404)).toBe(message)
  })

  test('a resolver in mixed case is served', async () => {
    const registry = await openPushed()
    const mixed = `0x${resolver.slice(2).toUpperCase()}`
    responseOf(await ask(registry, `/ccip/${chainId}/${mixed}/${mixed}/${good}.json`))
  })

  test('a sender that is no address is 400, a path that is none of ours 404', async () => {
    const registry = await openPushed()
    const message = messageOf(await ask(registry, `/ccip/${chainId}/${resolver}/0x12/${good}.json`), 400)
    expect(message).toBe('sender is not an address')
    expect(messageOf(await ask(registry, `/ccip/${chainId}/${resolver}/${resolver}/${good}`), 400)).toContain('.json')
    messageOf(await ask(registry, `/ccip/${chainId}`), 404)
  })

  test('ERC-3668 POST: a body that is not {"data","sender"} is 400', async () => {
    const registry = await openPushed()
    const path = `/ccip/${chainId}/${resolver}/${resolver}`
    const sendBody = (body: string) => ask(registry, path, { method: 'POST', body })
    responseOf(await sendBody(`{"data":"${good}"}`))
    const bodies = [
      '',
      '{',
      '[]',
      'null',
      `"${good}"`,
      '{"sender":"0x"}',
      '{"data":5}',
      `{"data":"${good}","data":"0x"}`,
    ]
    for (const body of bodies) messageOf(await sendBody(body), 400)
    const huge = await sendBody(`{"data":"0x${'00'.repeat(40_000)}"}`)
    expect(messageOf(huge, 400)).toContain('longer than 16384 bytes')
  })

  test('browsers may ask from anywhere: OPTIONS allows GET and POST with a content type', async () => {
    const { status, headers, text } = await ask(await open(), lookupPath(good), { method: 'OPTIONS' })
    expect([status, text]).toEqual([204, ''])
    expect(headers.get('access-control-allow-methods')).toBe('GET, POST, OPTIONS')
    expect(headers.get('access-control-allow-headers')).toBe('Content-Type')
  })
}
