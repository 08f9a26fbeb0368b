import { DurableObject } from 'cloudflare:workers'

// A Worker that does nothing, and under /database one question to D1.

export class Repository extends DurableObject {}

export default {
  async fetch(request, env) {
    if (!request.url.includes('/database/')) return new Response('nothing')
    const { results } = await env.DB.prepare('SELECT ?1 AS answer').bind(request.url).all()
    return new Response(JSON.stringify(results))
  },
}
