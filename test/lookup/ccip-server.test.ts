import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { testDomain } from '../fixtures.ts'
import { createCcipServer } from './ccip-server.ts'
import { openMemoryRegistry } from './memory-registry.ts'
import { knownBodies, knownCalls, openKnownList } from './same-bytes.ts'

describe('ERC-3668: @chainlink/ccip-read-server over our resolve function answers byte for byte as our handler', () => {
  let registry: Awaited<ReturnType<typeof openKnownList>>
  let bodies: string[]
  let url: string
  let close: () => void

  beforeAll(async () => {
    registry = await openKnownList(openMemoryRegistry)
    bodies = await knownBodies(registry)
    const listening = createCcipServer(registry.deps).makeApp('/ccip/').listen(0, '127.0.0.1')
    await new Promise((resolve) => listening.once('listening', resolve))
    url = `http://127.0.0.1:${(listening.address() as AddressInfo).port}/ccip/`
    close = () => listening.close()
  })
  afterAll(() => close())

  test.each(knownCalls.map(([what, callData], position) => [what, callData, position] as const))(
    '%s',
    async (_, callData, position) => {
      const { status, body } = await createCcipServer(registry.deps).call({ to: testDomain.resolver, data: callData })
      expect([status, JSON.stringify(body)]).toEqual([200, bodies[position]])
      const got = await fetch(`${url}${testDomain.resolver}/${callData}.json`)
      expect([got.status, await got.text()]).toEqual([200, bodies[position]])
      const headers = { 'content-type': 'application/json' }
      const sent = JSON.stringify({ sender: testDomain.resolver, data: callData })
      const posted = await fetch(url, { method: 'POST', headers, body: sent })
      expect([posted.status, await posted.text()]).toEqual([200, bodies[position]])
    },
  )
})
