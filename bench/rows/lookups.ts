import { encodeTagLookup, gatewayUrlTemplates } from '../../gateway/ens/lookup.ts'
import { type Chain, cores, makeFolder, type Running, startGateway, startScript } from '../lab.ts'
import { publishList } from '../lists.ts'
import { measureOnce, measureRandom, type Paths, writePaths } from '../load/load.ts'
import { createRow, median, type Row } from '../row.ts'
import { tagAt } from '../tags.ts'

const tags = 10_000
const absentTags = Math.round(tags / 9)
const ensName = 'lookups.demo.eth'
const signingPeer = '@chainlink/ccip-read-server'
const barePeer = 'bare hono route'

/** Lookups per second on one core: ours warm and cold, a server that signs each answer, a route that returns a constant. */
export async function measureLookups(chain: Chain, runs: number, seconds: number): Promise<Row[]> {
  const dataDir = makeFolder()
  const callDatas = Array.from({ length: tags + absentTags }, (_, at) => encodeTagLookup(ensName, tagAt(at), 'text'))
  const { get } = gatewayUrlTemplates('', chain.chainId, chain.resolver)
  const paths = writePaths(callDatas.map((data) => get.replace('{sender}', chain.resolver).replace('{data}', data)))
  const signingPaths = writePaths(callDatas.map((data) => `/${chain.resolver}/${data}.json`))

  const cold = await measureCold(chain, dataDir, paths, runs)
  const ours = await startGateway(chain, dataDir)
  const signing = await startPeer('./peers/ccip-read-server.ts', {
    tags,
    key: chain.publisherKey,
    resolver: chain.resolver,
  })
  const bare = await startPeer('./peers/bare-route.ts', {
    size: await answerSize(ours.ready.gateway, get, chain, callDatas),
  })
  await measureOnce(ours.ready.gateway, paths)

  const rates = { ours: [] as number[], signing: [] as number[], bare: [] as number[] }
  for (let run = 0; run < runs; run += 1) {
    rates.ours.push(await measureRandom(ours.ready.gateway, paths, seconds))
    rates.signing.push(await measureRandom(signing.ready.url, signingPaths, seconds))
    rates.bare.push(await measureRandom(bare.ready.url, paths, seconds))
  }
  await Promise.all([ours.stop(), signing.stop(), bare.stop()])
  const peers = { [signingPeer]: median(rates.signing), [barePeer]: median(rates.bare) }
  return [
    createRow('lookups, warm', 'lookups/s', runs, median(rates.ours), peers),
    createRow('lookups, cold', 'lookups/s', runs, median(cold), peers),
  ]
}

/** Each answer asked for once, from a gateway that was just started; the list is published before the first. */
async function measureCold(chain: Chain, dataDir: string, paths: Paths, runs: number): Promise<number[]> {
  const rates: number[] = []
  for (let run = 0; run < runs; run += 1) {
    const gateway = await startGateway(chain, dataDir)
    if (run === 0) await publishList(gateway.ready.gateway, chain, ensName, tags)
    rates.push(await measureOnce(gateway.ready.gateway, paths))
    await gateway.stop()
  }
  return rates
}

function startPeer(path: string, argument: object): Promise<Running<{ url: string }>> {
  return startScript(path, argument, cores?.server)
}

async function answerSize(base: string, get: string, chain: Chain, callDatas: readonly string[]): Promise<number> {
  const path = get.replace('{sender}', chain.resolver).replace('{data}', callDatas[tags / 2] ?? '')
  const response = await fetch(`${base}${path}`)
  if (response.status !== 200) throw new Error(`GET ${path}: ${response.status} ${await response.text()}`)
  return (await response.arrayBuffer()).byteLength
}
