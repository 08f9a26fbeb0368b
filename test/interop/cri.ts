import { connect } from 'node:http2'
import { createConnection } from 'node:net'

/** Calls of the Container Runtime Interface (`runtime.v1.ImageService`) that name one image, as a kubelet makes them. */
export type ImageCall = 'PullImage' | 'RemoveImage'

/** Makes one over the runtime's socket. @throws with its `grpc-message` */
export function callImageService(socket: string, call: ImageCall, image: string): Promise<void> {
  const session = connect('http://localhost', { createConnection: () => createConnection(socket) })
  const stream = session.request({
    ':method': 'POST',
    ':path': `/runtime.v1.ImageService/${call}`,
    'content-type': 'application/grpc',
    te: 'trailers',
  })
  // Both requests begin with `ImageSpec image = 1`, and that with `string image = 1`.
  const message = field(1, field(1, Buffer.from(image)))
  const length = Buffer.alloc(5)
  length.writeUInt32BE(message.length, 1)
  const answered = new Promise<void>((resolve, reject) => {
    let said = new Map<string, unknown>()
    // A refusal at once comes with the headers, any other after the body.
    for (const event of ['response', 'trailers'] as const) {
      stream.on(event, (headers) => {
        said = new Map([...said, ...Object.entries(headers)])
      })
    }
    session.once('error', reject)
    stream.once('error', reject)
    stream.once('end', () => {
      if (said.get('grpc-status') === '0') resolve()
      else reject(new Error(`${call} ${image}: ${decodeURIComponent(`${said.get('grpc-message')}`)}`))
    })
    stream.resume()
  })
  stream.end(Buffer.concat([length, message]))
  return answered.finally(() => session.close())
}

/** A length-delimited field of less than 128 bytes (Protocol Buffers "Encoding"). */
function field(number: number, bytes: Buffer): Buffer {
  if (bytes.length > 127) throw new Error(`${bytes.length} bytes: a longer length is not written here`)
  return Buffer.concat([Buffer.from([(number << 3) | 2, bytes.length]), bytes])
}
