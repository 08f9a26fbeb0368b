import { createHash } from 'node:crypto'
import { createWriteStream, rmSync } from 'node:fs'
import { Agent, type IncomingMessage, request } from 'node:http'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { makeFolder } from '../lab.ts'

type Descriptor = { digest: string; size: number }

/** As clients fetch layers of one image: docker three at once. */
const parallel = 3
const manifestType = 'application/vnd.oci.image.manifest.v1+json'

/**
 * Pulls an image as clients do: the manifest by its tag, then config and layers, each hashed while it goes to a file of its own.
 * @returns seconds from the first request to the last byte on disk
 * @throws when a byte is wrong or missing
 */
export async function pullImage(registryUrl: string, repository: string, tag: string): Promise<number> {
  const folder = makeFolder()
  const agent = new Agent({ keepAlive: true })
  const base = `${registryUrl}/v2/${repository}`
  const begun = performance.now()
  const pieces: Buffer[] = []
  for await (const piece of await get(agent, `${base}/manifests/${tag}`)) pieces.push(piece as Buffer)
  const { config, layers } = JSON.parse(Buffer.concat(pieces).toString()) as Record<string, Descriptor & Descriptor[]>
  const wanted: Descriptor[] = [config as Descriptor, ...(layers as Descriptor[])]
  const takeAll = async () => {
    for (let next = wanted.shift(); next; next = wanted.shift()) await takeBlob(agent, base, next, folder)
  }
  await Promise.all(Array.from({ length: parallel }, takeAll))
  agent.destroy()
  const seconds = (performance.now() - begun) / 1000
  // Gone before the system writes them to a disk, which would slow the pulls after this one.
  rmSync(folder, { recursive: true })
  return seconds
}

async function takeBlob(agent: Agent, base: string, { digest, size }: Descriptor, folder: string): Promise<void> {
  const hash = createHash('sha256')
  let received = 0
  await pipeline(
    await get(agent, `${base}/blobs/${digest}`),
    async function* (body: AsyncIterable<Buffer>) {
      for await (const piece of body) {
        hash.update(piece)
        received += piece.length
        yield piece
      }
    },
    createWriteStream(join(folder, digest.slice('sha256:'.length))),
  )
  const seen = `sha256:${hash.digest('hex')}`
  if (received !== size || seen !== digest) throw new Error(`${base}: ${received} bytes of ${seen} for ${digest}`)
}

function get(agent: Agent, url: string): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const sent = request(url, { agent, headers: { accept: manifestType } }, (response) => {
      if (response.statusCode === 200) resolve(response)
      else reject(new Error(`GET ${url} answers ${response.statusCode}`))
    })
    sent.once('error', reject)
    sent.end()
  })
}
