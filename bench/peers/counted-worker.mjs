import { privateKeyToAddress, sign } from 'viem/accounts'
import { hashList } from '../../gateway/tags/list.ts'
import { entryOf } from '../../test/publish/repository.ts'
import { countBodies, countDatabase } from '../../test/workers/counted-bindings.ts'
import { longListTag, openLongList } from '../../test/workers/long-list.ts'
import { contentOf } from '../../worker/deps.ts'
import worker, { Repository as PlainRepository } from '../../worker/index.ts'

// The Worker as it is deployed, over bindings that count, and under /bench/ what they counted. One isolate, so one count of all.

let counted

function count(env) {
  if (counted) return counted
  const { database, counts } = countDatabase(env.DB)
  const { bucket, counts: bodies } = countBodies(env.BLOBS)
  counted = { counts, bodies, buffers: contentOf(bucket).buffers, env: { ...env, DB: database, BLOBS: bucket } }
  return counted
}

export class Repository extends PlainRepository {
  constructor(state, env) {
    super(state, count(env).env)
  }
}

/** Reads an answer here, where it shows how much of it is on the way at a time. */
async function pull(url, context) {
  const { env, bodies } = counted
  // What an assembly of parts read was not on its way to a client.
  Object.assign(bodies, { sentBytes: 0, takenBytes: 0, mostHeldBytes: 0 })
  const { status, body } = await worker.fetch(new Request(url), env, context)
  for await (const bytes of body) bodies.takenBytes += bytes.byteLength
  return { status, bytes: bodies.takenBytes, mostHeldBytes: bodies.mostHeldBytes }
}

/** Puts a list of so many tags into the database, then publishes an addition and a change of one tag; what each of them took. */
async function publish(url, { ensName, tags, publisherKey, domain }, context) {
  const { env, counts } = counted
  const signer = {
    address: privateKeyToAddress(publisherKey).toLowerCase(),
    signList: (of, list) => sign({ hash: hashList(of, list), privateKey: publisherKey, to: 'hex' }),
  }
  const list = await openLongList({ database: env.DB, domain, ensName, signer }, tags)
  const taken = []
  for (const tag of [`${longListTag(tags / 2)}-added`, longListTag(tags / 2), longListTag(tags / 2)]) {
    const entry = taken.length === 2 ? null : entryOf(7)
    const body = await list.change({ tag, entry })
    const before = { ...counts }
    const response = await worker.fetch(new Request(url, { method: 'PUT', body }), env, context)
    if (response.status !== 201) throw new Error(`PUT ${url}: ${response.status} ${await response.text()}`)
    taken.push({
      rowsWritten: counts.rowsWritten - before.rowsWritten,
      roundTrips: counts.roundTrips - before.roundTrips,
    })
  }
  return taken
}

export default {
  async fetch(request, env, context) {
    const { counts, buffers, env: own } = count(env)
    const url = new URL(request.url)
    const [, first, what, ...rest] = url.pathname.split('/')
    if (first !== 'bench') return worker.fetch(request, own, context)
    const path = new URL(`/${rest.join('/')}`, url)
    if (what === 'pull') return Response.json(await pull(path, context))
    if (what === 'publish') return Response.json(await publish(path, await request.json(), context))
    return Response.json({ ...counts, mostHeldBytes: buffers.mostHeldBytes })
  },
  scheduled: worker.scheduled,
}
