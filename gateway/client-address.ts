import type { IncomingMessage } from 'node:http'
import type { Config } from './config.ts'

/** What says who sends a request. */
export type Sender = Pick<IncomingMessage, 'headers' | 'socket'>

/**
 * Who sends a request: the other end of the connection, or what the configured header says. Of a list of addresses the last one counts,
 * which the nearest proxy added; the ones before it are whatever the client wrote.
 */
export function clientReader({ clientAddressHeader = null }: Config): (incoming: Sender) => string {
  return ({ headers, socket }) => {
    const named = clientAddressHeader === null ? undefined : headers[clientAddressHeader]
    const last = (Array.isArray(named) ? named.join(',') : named)?.split(',').at(-1)?.trim()
    return last || (socket.remoteAddress ?? '')
  }
}
