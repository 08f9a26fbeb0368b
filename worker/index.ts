import { DurableObject } from 'cloudflare:workers'

/** One per repository: where its writes take turns. */
export class Repository extends DurableObject {}

export default {
  async fetch(): Promise<Response> {
    return new Response(null, { status: 503 })
  },
}
