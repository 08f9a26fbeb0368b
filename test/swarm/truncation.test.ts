import { createServer, get } from 'node:http'
import type { AddressInfo } from 'node:net'
import { getRequestListener } from '@hono/node-server'
import { expect, onTestFinished, test } from 'vitest'
import { createFetchBee } from '../../gateway/bee/fetch-bee.ts'
import type { Damage } from '../bee/fake/faults.ts'
import { startFakeBee } from '../bee/fake-bee.ts'
import { gatewayOver, large } from '../bee/fault-suite.ts'
import { digestOf } from '../store/fixtures.ts'

/** What a client on a socket gets: `isComplete` is HTTP's word for a body that came to its announced end. */
function download(url: string): Promise<{ status: number; length: string; bytes: number; isComplete: boolean }> {
  return new Promise((resolve, reject) => {
    get(url, { agent: false }, (answer) => {
      let bytes = 0
      answer.on('data', (chunk: Buffer) => {
        bytes += chunk.byteLength
      })
      answer.on('error', () => undefined)
      answer.on('close', () => {
        const { statusCode: status = 0, headers, complete: isComplete } = answer
        resolve({ status, length: headers['content-length'] ?? 'none', bytes, isComplete })
      })
    }).on('error', reject)
  })
}

const ways: readonly [how: string, damage: Damage][] = [
  ['with a Content-Length', { kind: 'cut', afterBytes: 2_600_000, framing: 'length' }],
  ['chunked', { kind: 'cut', afterBytes: 2_600_000, framing: 'chunked' }],
  ['chunked and properly ended', { kind: 'cut', afterBytes: 2_600_000, framing: 'clean' }],
  ['with a flipped bit in its last byte', { kind: 'flip', at: -1 }],
]

test.each(ways)(
  'hard tests 2 and 3: upstream dies at 50 %% %s: the transfer is an incomplete one',
  async (_how, damage) => {
    const node = await startFakeBee()
    const bee = createFetchBee({ beeUrl: node.beeUrl, idleTimeoutMs: 20_000 })
    await bee.writeBytes(large, large.byteLength, { postageBatchId: `0x${node.buyBatch()}` })
    const gateway = await gatewayOver([bee])
    const server = createServer(
      getRequestListener((request) => gateway.fetch(request), { overrideGlobalObjects: false }),
    )
    await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening))
    onTestFinished(async () => {
      server.closeAllConnections()
      server.close()
      await node.stop()
    })
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/v2/acme.eth/blobs/${digestOf(large)}`
    const heal = node.inject({ on: /^GET \/bytes/, times: 1, damage })
    // The root chunk is looked at before.
    const later = node.inject({ on: /^GET \/(?:bytes|chunks)/, after: 1, damage: { kind: 'reset' } })
    const broken = await download(url)
    expect([broken.status, broken.length, broken.isComplete]).toEqual([200, String(large.byteLength), false])
    expect(broken.bytes).toBeLessThanOrEqual(large.byteLength - 65_536)
    heal()
    later()
    gateway.clock.advance(5)
    expect(await gateway.local(large)).toBeUndefined()
    const whole = await download(url)
    const size = large.byteLength
    expect(whole).toEqual({ status: 200, length: String(size), bytes: size, isComplete: true })
  },
)
