import { encodeTagLookup, gatewayUrlTemplates } from '../../gateway/ens/lookup.ts'
import { type Chain, makeFolder, residentMegabytes, startGateway } from '../lab.ts'
import { publishList } from '../lists.ts'
import { measureOnce, writePaths } from '../load/load.ts'
import { createRow, type Row } from '../row.ts'
import { tagAt } from '../tags.ts'

const ensName = 'memory.demo.eth'
const lookups = 20_000

/** Resident memory of a gateway that took in a whole list and answered lookups of it, and of one started on that data. */
export async function measureMemory(chain: Chain, tags: number): Promise<Row[]> {
  const dataDir = makeFolder()
  const positions = Array.from({ length: lookups }, (_, at) => Math.floor((at * tags) / lookups))
  const { get } = gatewayUrlTemplates('', chain.chainId, chain.resolver)
  const callDatas = positions.map((at) => encodeTagLookup(ensName, tagAt(at), 'text'))
  const paths = writePaths(callDatas.map((data) => get.replace('{sender}', chain.resolver).replace('{data}', data)))
  const rows: Row[] = []
  for (const how of ['loaded over HTTP', 'started on it'] as const) {
    const { ready, pid, stop } = await startGateway(chain, dataDir)
    if (how === 'loaded over HTTP') await publishList(ready.gateway, chain, ensName, tags)
    await measureOnce(ready.gateway, paths)
    const { now, peak } = residentMegabytes(pid)
    await stop()
    rows.push(createRow(`resident memory, ${tags} tags ${how}, after ${lookups} lookups`, 'MB', 1, now))
    rows.push(createRow(`resident memory, ${tags} tags ${how}, at the highest`, 'MB', 1, peak))
  }
  return rows
}
