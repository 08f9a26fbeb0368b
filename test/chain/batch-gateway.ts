import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import {
  type CcipRequestParameters,
  decodeFunctionData,
  encodeErrorResult,
  encodeFunctionResult,
  type Hex,
  HttpRequestError,
  parseAbi,
} from 'viem'

const batchAbi = parseAbi([
  'struct Query { address sender; string[] urls; bytes data; }',
  'function query(Query[] queries) view returns (bool[] failures, bytes[] responses)',
  'error HttpError(uint16 status, string message)',
])

/** A batch gateway (ENSIP-21) on loopback: it asks the gateways of each query and sends what they said, failures as HttpError. */
export async function startBatchGateway(request: (parameters: CcipRequestParameters) => Promise<Hex>) {
  const server = createServer(async (asked, response) => {
    const chunks: Buffer[] = []
    for await (const chunk of asked) chunks.push(chunk as Buffer)
    const { data } = JSON.parse(Buffer.concat(chunks).toString()) as { data: Hex }
    const { args } = decodeFunctionData({ abi: batchAbi, data })
    const answers = await Promise.all(args[0].map((query) => request(query).catch(httpErrorOf)))
    const failures = answers.map((answer) => typeof answer !== 'string')
    const responses = answers.map((answer) => (typeof answer === 'string' ? answer : answer.failed))
    const result = encodeFunctionResult({ abi: batchAbi, functionName: 'query', result: [failures, responses] })
    response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify({ data: result }))
  })
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening))
  const { port } = server.address() as AddressInfo
  const close = () => new Promise<void>((closed) => server.close(() => closed()).closeAllConnections())
  return { url: `http://127.0.0.1:${port}/{sender}`, close }
}

function httpErrorOf(error: unknown): { failed: Hex } {
  const status = error instanceof HttpRequestError ? (error.status ?? 500) : 500
  return {
    failed: encodeErrorResult({ abi: batchAbi, errorName: 'HttpError', args: [status, `${error}`.slice(0, 80)] }),
  }
}
