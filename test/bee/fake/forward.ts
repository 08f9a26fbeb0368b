import type { IncomingMessage } from 'node:http'
import { request as openRequest } from 'node:http'
import { buffer } from 'node:stream/consumers'
import { type Answer, titleCase } from './answer.ts'

/** Asks a real node the same; its answer is whole before any fault is put into it. */
export function forward(beeUrl: string, asked: IncomingMessage): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const { method, headers, url = '/' } = asked
    const target = new URL(url, beeUrl)
    const sent = openRequest(target, { method, headers: { ...headers, host: target.host }, agent: false }, (answer) => {
      buffer(answer).then((body) => resolve(answerOf(answer, body)), reject)
    })
    sent.on('error', reject)
    asked.pipe(sent)
  })
}

const hopByHop = /^(?:connection|keep-alive|transfer-encoding|date)$/

function answerOf({ statusCode = 502, headers }: IncomingMessage, body: Buffer): Answer {
  const kept: Record<string, string> = {}
  for (const [name, value] of Object.entries(headers)) if (!hopByHop.test(name)) kept[titleCase(name)] = String(value)
  const from = Number(/^bytes (\d+)-/.exec(headers['content-range'] ?? '')?.[1] ?? 0)
  return { status: statusCode, headers: { ...kept, 'Content-Length': String(body.byteLength) }, body: [body], from }
}
