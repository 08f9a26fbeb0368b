import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type Hex, padHex, size } from 'viem'
import { answerForOtherTag, forgeDigest, type Lie, signAsStranger } from '../../gateway/cli/demo/liar.ts'
import type { ListDomain } from '../../gateway/tags/list.ts'
import { createTestSigner, testKeys } from '../fixtures.ts'

/** A request as a test wants to see it. */
export type SeenRequest = { fault: string; method: string; path: string }

/** Gateways that each have one fault, all on one port: the fault is the first segment of the base URL's path. */
export type FaultyGateways = { url: string; seen: SeenRequest[]; close(): Promise<void> }

/** Row 0 of protocol 3.1: what is behind this is refused, whatever it means. */
const maxResponseBytes = 128 * 1024

type Fault = (response: ServerResponse, callData: Hex, honest: string) => Promise<void> | void

/** How each of them answers; `honest` is the URL of a gateway that does not lie. */
function createFaults(domain: () => ListDomain): Record<string, Fault> {
  const telling = (lie: (honest: string) => Lie): Fault => {
    return async (response, callData, honest) => sendJson(response, 200, { data: await lie(honest)(callData) })
  }
  return {
    forged: telling((honest) => forgeDigest(honest, domain())),
    stranger: telling((honest) => signAsStranger(honest, domain(), createTestSigner(testKeys.third))),
    otherTag: telling((honest) => answerForOtherTag(honest, domain(), 'none')),
    // Bytes that carry no meaning behind an honest answer: only the limit is against them.
    oversized: telling((honest) => async (callData) => {
      const answer = await askHonest(honest, domain(), callData)
      return padHex(answer, { dir: 'right', size: Math.max(size(answer), maxResponseBytes) + 32 })
    }),
    status404: (response) => sendJson(response, 404, { message: 'nothing here' }),
    status500: (response) => sendJson(response, 500, { message: 'broken' }),
    html502: (response) => void response.writeHead(502, { 'content-type': 'text/html' }).end('<html>502</html>'),
    silence: () => {},
  }
}

async function askHonest(honest: string, { chainId, resolver }: ListDomain, callData: Hex): Promise<Hex> {
  const response = await fetch(`${honest}/ccip/${chainId}/${resolver}/${resolver}/${callData}.json`)
  return ((await response.json()) as { data: Hex }).data
}

function sendJson(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
}

/** Starts them; `honest` and `domain` are asked for when the first request comes. */
export async function startFaultyGateways(honest: () => string, domain: () => ListDomain): Promise<FaultyGateways> {
  const faults = createFaults(domain)
  const seen: SeenRequest[] = []
  const server = createServer(async (request, response) => {
    const [, fault = '', ...path] = (request.url ?? '').split('/')
    seen.push({ fault, method: request.method ?? '', path: `/${path.join('/')}` })
    const callData = /^(0x[0-9a-f]*)\.json$/.exec(path.at(-1) ?? '')?.[1] as Hex | undefined
    const answer = faults[fault]
    if (answer !== undefined && callData !== undefined) await answer(response, callData, honest())
    else sendJson(response, 400, { message: `no such fault: ${request.url}` })
  })
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening))
  const { port } = server.address() as AddressInfo
  const close = () => new Promise<void>((closed) => server.close(() => closed()).closeAllConnections())
  return { url: `http://127.0.0.1:${port}`, seen, close }
}
