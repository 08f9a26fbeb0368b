import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'

/** One question of a JSON-RPC request. */
export type RpcQuestion = { id: number; method: string; params?: unknown[] }

type RpcAnswer = { id: number; result?: unknown }

/** An endpoint in front of another one, which answers with what `change` makes of each result: with an error where that is one. */
export async function startRpcProxy(target: string, change: (question: RpcQuestion, result: unknown) => unknown) {
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk as Buffer)
    const body = Buffer.concat(chunks)
    const questions = [JSON.parse(body.toString())].flat() as RpcQuestion[]
    const headers = { 'content-type': 'application/json' }
    const answer = await (await fetch(target, { method: 'POST', headers, body })).json()
    const changed = [answer].flat().map((each: RpcAnswer) => {
      const question = questions.find(({ id }) => id === each.id)
      if (question === undefined || each.result === undefined) return each
      const result = change(question, each.result)
      if (!(result instanceof Error)) return { ...each, result }
      return { jsonrpc: '2.0', id: each.id, error: { code: -32005, message: result.message } }
    })
    response.writeHead(200, headers).end(JSON.stringify(Array.isArray(answer) ? changed : changed[0]))
  })
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening))
  const { port } = server.address() as AddressInfo
  const close = () => new Promise<void>((closed) => server.close(() => closed()).closeAllConnections())
  return { url: `http://127.0.0.1:${port}`, close }
}
