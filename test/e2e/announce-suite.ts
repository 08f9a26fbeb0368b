import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { request as ask, createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Hex } from 'viem'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { createFetchBee } from '../../gateway/bee/fetch-bee.ts'
import { buildDemoImage } from '../../gateway/cli/demo/image.ts'
import { pushImage } from '../../gateway/cli/demo/push.ts'
import { startGateway } from '../../gateway/serve.ts'
import type { NodeUnderTest } from '../bee/node-under-test.ts'
import { readAnnounced, sourceOf } from '../swarm/announced.ts'
import { freePort, read, startWorld, type World } from './world.ts'

const root = fileURLToPath(new URL('../../', import.meta.url))

/** A way to a node that counts what goes through, and cuts all of it off when told to. */
async function startGate(target: string) {
  const gate = { url: '', passed: 0, closeAfter: Number.POSITIVE_INFINITY, cut: [] as string[], onClosed: () => {} }
  const server = createServer((request, response) => {
    gate.passed += 1
    const isLast = gate.passed === gate.closeAfter
    if (gate.passed > gate.closeAfter) return void request.socket.destroy()
    const { method, headers, url = '/' } = request
    if (isLast) gate.cut.push(`${method} /${url.split('/')[1]}`)
    const upstream = ask(new URL(url, target), { method, headers }, (answer) => {
      // The node did it, and whoever asked never hears of it.
      if (isLast) {
        answer.resume().on('end', gate.onClosed)
        return
      }
      response.writeHead(answer.statusCode ?? 502, answer.headers)
      answer.pipe(response)
    })
    upstream.on('error', () => response.destroy())
    request.pipe(upstream)
  })
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening))
  gate.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const close = () => new Promise<void>((closed) => void server.close(() => closed()).closeAllConnections())
  return Object.assign(gate, { close })
}

/** What a publishing gateway does with a node by itself, and what is found there when the gateway is gone. */
export function announceSuite(name: string, open: () => Promise<NodeUnderTest>, points: readonly number[]): void {
  describe(name, () => {
    vi.setConfig({ testTimeout: 600_000, hookTimeout: 120_000 })
    let node: NodeUnderTest
    let world: World
    let gate: Awaited<ReturnType<typeof startGate>>
    let child: ChildProcess | undefined
    beforeAll(async () => {
      node = await open()
      world = await startWorld()
      gate = await startGate(node.beeUrl)
    })
    afterAll(async () => {
      child?.kill('SIGKILL')
      await gate.close()
      await world.close()
      await node.stop()
    })

    /** `mooring serve --bee` as a process of its own. */
    const serve = async (dataDir: string): Promise<string> => {
      const { config } = world
      const flags = [
        ...['serve', '--json', '--port', '0', '--data', dataDir, '--rpc', config.rpcUrls[0] as string],
        ...['--chain-id', `${config.chainId}`, '--ens-registry', config.ensRegistry, '--resolver', config.resolver],
        ...['--publisher-key-file', config.publisherKeyFile as string],
        ...['--bee', gate.url, '--postage-batch', node.postageBatchId],
      ]
      child = spawn(process.execPath, ['dist/mooring.js', ...flags], { cwd: root, stdio: ['ignore', 'pipe', 'ignore'] })
      const [line] = await once(child.stdout as NodeJS.ReadableStream, 'data')
      return JSON.parse(String(line)).gateway
    }
    const kill = async () => {
      if (!child || child.exitCode !== null || child.signalCode !== null) return
      child.kill('SIGKILL')
      await once(child, 'exit')
    }

    type Said = {
      swarm: { version: number; payloadReference: Hex; feed: { position: number | null }; error: string | null }
    }
    const statusOf = async (gateway: string): Promise<Said['swarm']> => {
      const { json } = await read(world, 'status', 'acme.eth', '--gateway', gateway)
      return (json as unknown as Said).swarm
    }
    /** Until the version is on Swarm and, where the node takes feeds, in the feed. */
    const untilAnnounced = (gateway: string, version: number) =>
      vi.waitUntil(
        async () => {
          const swarm = await statusOf(gateway)
          const isPointed = node.isDev ? swarm.error?.includes('501') : swarm.feed.position !== null
          return swarm.version === version && isPointed ? swarm : false
        },
        { timeout: 120_000, interval: 50 },
      )
    const bytesAt = async (gateway: string, paths: readonly string[]) => {
      const answers = []
      for (const path of paths) {
        const answer = await fetch(`${gateway}/v2/acme.eth/${path}`, { headers: { accept: '*/*' } })
        answers.push([path, answer.status, Buffer.from(await answer.arrayBuffer()).toString('base64')])
      }
      return answers
    }

    test('kill -9 at any point between the commit of a list and its feed: the feed ends at the newest list, and all is recovered from nothing', async () => {
      const dataDir = join(world.folder, 'killed')
      let killed = 0
      let version = 0
      for (const point of points) {
        gate.closeAfter = Number.POSITIVE_INFINITY
        const gateway = await serve(dataDir)
        // What was cut off last is made good first.
        if (version > 0) await untilAnnounced(gateway, version)
        const down = new Promise<void>((closed) => {
          gate.onClosed = closed
        })
        gate.closeAfter = gate.passed + point
        await pushImage(`${gateway}/v2/acme.eth`, buildDemoImage(`Image ${point}.`), [`at-${point}`])
        version += 1
        const isDone = await Promise.race([down.then(() => false), untilAnnounced(gateway, version).then(() => true)])
        await kill()
        if (!isDone) killed += 1
      }
      gate.closeAfter = Number.POSITIVE_INFINITY
      const gateway = await serve(dataDir)
      const swarm = await untilAnnounced(gateway, version)
      const where = [...new Set(gate.cut)].map((what) => `${gate.cut.filter((cut) => cut === what).length} ${what}`)
      const said = `killed at ${killed} of ${points.length} points between commit and feed (unanswered: ${where.join(', ')})`
      process.stdout.write(`${said}; version ${swarm.version} is announced\n`)
      expect(killed).toBeGreaterThan(points.length / 2)
      const image = buildDemoImage(`Image ${points.at(-1)}.`)
      const contents = [
        ...image.blobs.map(({ digest }) => `blobs/${digest}`),
        ...[...image.manifests, image.imageIndex].map(({ digest }) => `manifests/${digest}`),
      ]
      const paths = ['tags/list', '_mooring/list', ...points.map((point) => `manifests/at-${point}`), ...contents]
      const before = await bytesAt(gateway, paths)
      expect(before.map(([, status]) => status)).toEqual(paths.map(() => 200))
      await kill()
      if (!node.isDev) {
        const announced = await readAnnounced(sourceOf(createFetchBee({ beeUrl: node.beeUrl })))
        const versions = announced.map((update) => Number(update.version))
        expect(versions.at(-1)).toBe(version)
        expect(versions).toEqual([...versions].sort((a, b) => a - b))
      }
      const recovered = join(world.folder, 'recovered')
      const list = node.isDev ? ['--list', swarm.payloadReference] : []
      const { code, json } = await read(
        world,
        'recover',
        'acme.eth',
        '--bee',
        node.beeUrl,
        '--data',
        recovered,
        ...list,
      )
      expect([code, json.version, json.missing]).toEqual([0, version, []])
      const port = await freePort()
      const again = await startGateway(
        { ...world.config, port, dataDir: recovered, publisherKeyFile: null },
        { log: () => {} },
      )
      expect(await bytesAt(again.url, paths)).toEqual(before)
      await again.close()
    })

    test('a recovered gateway with the publisher key goes on in the same feed, and says nothing twice', async ({
      skip,
    }) => {
      skip(node.isDev, 'a development node takes no feed')
      const source = sourceOf(createFetchBee({ beeUrl: node.beeUrl }))
      const before = await readAnnounced(source)
      const gateway = await serve(join(world.folder, 'recovered'))
      await pushImage(`${gateway}/v2/acme.eth`, buildDemoImage('After the recovery.'), ['after'])
      const { version, position } = before.at(-1) ?? { version: 0n, position: -1 }
      await untilAnnounced(gateway, Number(version) + 1)
      await kill()
      const after = await readAnnounced(source)
      expect(after.length).toBe(before.length + 1)
      expect(after.at(-1)).toMatchObject({ version: version + 1n, position: position + 1 })
    })
  })
}
