import { readFileSync } from 'node:fs'
import { connect, type Socket } from 'node:net'

// A small HTTP/1.1 client in a process of its own: keep-alive sockets, requests built beforehand, as little parsing as will do.
// Argument: {url, pathsFile, connections, seconds} sends random ones for a time; without `seconds` each path once, in random order.
// Prints {requestsPerSecond}.
type Order = {
  url: string
  pathsFile: string
  connections: number
  seconds?: number
  method?: 'GET' | 'HEAD'
  accept?: string
}

const order: Order = JSON.parse(process.argv[2] ?? '{}')
const { method = 'GET', accept = '*/*' } = order
const { hostname, port } = new URL(order.url)
const requests = readFileSync(order.pathsFile, 'utf8')
  .trimEnd()
  .split('\n')
  .map((path) =>
    Buffer.from(`${method} ${path} HTTP/1.1\r\nHost: ${hostname}:${port}\r\nAccept: ${accept}\r\n\r\n`, 'latin1'),
  )

let done = 0
const begin = process.hrtime.bigint()
const end = order.seconds === undefined ? undefined : begin + BigInt(order.seconds * 1e9)

function* inRandomOrder<T>(items: T[]): Generator<T> {
  for (let left = items.length; left > 0; left -= 1) {
    const at = Math.floor(Math.random() * left)
    const item = items[at] as T
    items[at] = items[left - 1] as T
    yield item
  }
}

const once = inRandomOrder([...requests])

function nextRequest(): Buffer | undefined {
  if (end === undefined) return once.next().value ?? undefined
  return process.hrtime.bigint() < end ? requests[Math.floor(Math.random() * requests.length)] : undefined
}

/** Bytes of the whole answer at the start of what was received; undefined while it is not there yet. */
function answerLength(received: Buffer): number | undefined {
  const headEnd = received.indexOf('\r\n\r\n')
  if (headEnd < 0) return undefined
  const head = received.toString('latin1', 0, headEnd)
  const length = /\r\ncontent-length: (\d+)/i.exec(head)?.[1]
  if (!head.startsWith('HTTP/1.1 200 ') || length === undefined) throw new Error(`unexpected answer: ${head}`)
  const whole = headEnd + 4 + (method === 'HEAD' ? 0 : Number(length))
  return received.length < whole ? undefined : whole
}

function work(socket: Socket): Promise<void> {
  return new Promise((resolve, reject) => {
    let received: Buffer = Buffer.alloc(0)
    const send = (): void => {
      const request = nextRequest()
      if (request) socket.write(request)
      else socket.end(resolve)
    }
    socket.once('error', reject)
    socket.once('connect', send)
    socket.on('data', (bytes: Buffer) => {
      received = received.length === 0 ? bytes : Buffer.concat([received, bytes])
      const length = answerLength(received)
      if (length === undefined) return
      received = received.subarray(length)
      done += 1
      send()
    })
  })
}

await Promise.all(Array.from({ length: order.connections }, () => work(connect(Number(port), hostname).setNoDelay())))
const elapsedSeconds = Number(process.hrtime.bigint() - begin) / 1e9
process.stdout.write(`${JSON.stringify({ requestsPerSecond: done / elapsedSeconds })}\n`)
