import { createHash } from 'node:crypto'
import { repositoryOf } from '../../gateway/ens/name.ts'
import { type Chain, makeFolder, startGateway } from '../lab.ts'
import { publishList } from '../lists.ts'
import { createRow, median, type Row } from '../row.ts'

const manifestType = 'application/vnd.oci.image.manifest.v1+json'

/** Milliseconds until the 201 of a push of one new tag, into lists of growing size on the real stores, taken in turns. */
export async function measurePublish(chain: Chain, sizes: readonly number[], runs: number): Promise<Row[]> {
  const { ready, stop } = await startGateway(chain, makeFolder())
  const lists: { size: number; repository: string; times: number[] }[] = []
  for (const size of sizes) {
    const ensName = `publish${size}.demo.eth`
    await publishList(ready.gateway, chain, ensName, size)
    lists.push({ size, repository: `${ready.gateway}/v2/${repositoryOf(ensName)}`, times: [] })
    await pushBlob(lists.at(-1)?.repository ?? '', emptyConfig)
  }
  for (let run = -3; run < runs; run += 1) {
    for (const { repository, times } of lists) {
      const milliseconds = await pushTag(repository, run + 3)
      if (run >= 0) times.push(milliseconds)
    }
  }
  await stop()
  const smallest = lists[0]
  return lists.map(({ size, times }) => {
    const peers = smallest && size > smallest.size ? { [`${smallest.size} tags`]: median(smallest.times) } : {}
    return createRow(`publish one tag into ${size} tags`, 'ms', runs, median(times), peers)
  })
}

const emptyConfig = Buffer.from('{}')

async function pushBlob(repository: string, bytes: Uint8Array): Promise<void> {
  const url = `${repository}/blobs/uploads/?digest=${sha256(bytes)}`
  const response = await fetch(url, { method: 'POST', body: bytes as BufferSource })
  if (response.status === 201) return
  const location = new URL(response.headers.get('location') ?? '', url)
  location.searchParams.set('digest', sha256(bytes))
  const closed = await fetch(location, { method: 'PUT', body: bytes as BufferSource })
  if (closed.status !== 201) throw new Error(`PUT ${location}: ${closed.status} ${await closed.text()}`)
}

async function pushTag(repository: string, run: number): Promise<number> {
  const config = {
    mediaType: 'application/vnd.oci.empty.v1+json',
    digest: sha256(emptyConfig),
    size: emptyConfig.length,
  }
  const annotations = { run: String(run) }
  const manifest = {
    schemaVersion: 2,
    mediaType: manifestType,
    artifactType: 'application/vnd.example',
    config,
    layers: [config],
    annotations,
  }
  const begin = performance.now()
  const response = await fetch(`${repository}/manifests/new-${run}`, {
    method: 'PUT',
    body: JSON.stringify(manifest),
    headers: { 'content-type': manifestType },
  })
  await response.arrayBuffer()
  if (response.status !== 201) throw new Error(`PUT ${repository}/manifests/new-${run}: ${response.status}`)
  return performance.now() - begin
}

function sha256(bytes: Uint8Array): string {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`
}
