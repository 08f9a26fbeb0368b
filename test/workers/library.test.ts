import { expect, test } from 'vitest'
import { type Fetch, fetchResponse } from '../../gateway/library/fetch-response.ts'
import { GatewayUnavailable } from '../../gateway/library/gateway-unavailable.ts'

const domain = { chainId: 1, resolver: `0x${'00'.repeat(19)}01` } as const

/** Asks a gateway that gives this answer; the request is one that this runtime takes. */
function ask(answer: Response): Promise<string> {
  const fetch: Fetch = async (url, init) => {
    expect(new Request(url, init).url).toBe(url)
    return answer
  }
  return fetchResponse(fetch, 'https://gateway.example', domain, '0x1234', 1_000)
}

test('the library asks gateways from a Worker, too, and follows no redirect there', async () => {
  expect(await ask(Response.json({ data: '0x12' }))).toBe('0x12')
  const redirect = new Response(null, { status: 302, headers: { location: 'https://elsewhere.example' } })
  await expect(ask(redirect)).rejects.toThrow(GatewayUnavailable)
})
