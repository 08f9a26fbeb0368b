import { serve } from '@hono/node-server'
import { Hono } from 'hono'

// The ceiling: one hono route on Node.js that returns a constant. Argument: {size}, bytes of the answer. Prints {url}.
const { size }: { size: number } = JSON.parse(process.argv[2] ?? '{}')
const body = JSON.stringify({ data: `0x${'0'.repeat(Math.max(0, size - 13))}` })
const headers = { 'content-type': 'application/json', 'access-control-allow-origin': '*' }
const app = new Hono().get('/ccip/:chainId/:resolver/:sender/:data', (context) => context.body(body, 200, headers))
serve({ fetch: app.fetch, port: 0, hostname: '127.0.0.1' }, ({ port }) => {
  process.stdout.write(`${JSON.stringify({ url: `http://127.0.0.1:${port}` })}\n`)
})
