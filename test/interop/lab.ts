import assert from 'node:assert/strict'
import { readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { hasReferrers, type Registry, startRegistries } from '../../bench/peers/registries.ts'
import {
  type ArtifactLayout,
  type Descriptor,
  type ImageLayout,
  type Layout,
  makeArtifactLayout,
  makeFolder,
  makeImageLayout,
  sha256,
} from './image.ts'
import { type Mooring, startMooring } from './mooring.ts'
import { type Content, hasText, isStaged, pushLayout, readContent, statusOf } from './registry.ts'
import { goToolHint } from './run.ts'
import { startVerifyingProxy, type VerifyingProxy } from './verifying-proxy.ts'

/** What the cells of a client work with: one gateway for all of them, content to pull, and ways to look at what was pushed. */
export type Lab = {
  mooring: Mooring
  /** A fresh folder; it goes away with the lab. */
  newFolder(): string
  /** Content pushed by plain HTTP, for a client to pull. */
  seedImage(repository: string, tag: string): Promise<ImageLayout>
  seedArtifact(repository: string, tag: string, subject?: Descriptor): Promise<ArtifactLayout>
  /** Stock registries to copy to and from, started when they are first asked for. @throws when none has the referrers API */
  stockRegistries(): Promise<readonly StockRegistry[]>
  /** A verifying proxy before the gateway, started when it is first asked for. */
  verifyingProxy(): Promise<VerifyingProxy>
  stop(): Promise<void>
}

/** `host`: the first part of an image reference. */
export type StockRegistry = Registry & { host: string; hasReferrers: boolean }

/** The ENS names of the lab. `acme.eth` is for clients that take it as the host of an image reference. */
export const labNames = ['demo.eth', 'acme.eth'] as const

/** `start`: what starts the gateway with those names. */
export async function startLab(start: (names: readonly string[]) => Promise<Mooring> = startMooring): Promise<Lab> {
  const mooring = await start(labNames)
  const folders: string[] = []
  let stock: Promise<readonly StockRegistry[]> | undefined
  let proxy: Promise<VerifyingProxy> | undefined
  const newFolder = () => {
    const folder = makeFolder()
    folders.push(folder)
    return folder
  }
  const seed = async <T extends Layout>(repository: string, tag: string, layout: T): Promise<T> => {
    if (mooring.publish) await mooring.publish(layout, `${repository}:${tag}`)
    else await pushLayout(mooring.gateway, repository, layout, tag)
    return layout
  }
  return {
    mooring,
    newFolder,
    seedImage: async (repository, tag) =>
      seed(repository, tag, await makeImageLayout(newFolder(), `${repository}:${tag}`)),
    seedArtifact: async (repository, tag, subject) =>
      seed(repository, tag, makeArtifactLayout(newFolder(), `${repository}:${tag}\n`, subject)),
    stockRegistries() {
      stock ??= startStockRegistries()
      return stock
    },
    verifyingProxy() {
      proxy ??= startVerifyingProxy(mooring, newFolder())
      return proxy
    },
    async stop() {
      await (await proxy?.catch(() => undefined))?.stop()
      for (const registry of (await stock?.catch(() => [])) ?? []) await registry.stop()
      await mooring.stop()
      for (const folder of folders) rmSync(folder, { recursive: true, force: true })
    },
  }
}

async function startStockRegistries(): Promise<StockRegistry[]> {
  const started = await startRegistries()
  const registries = started.map((registry) => {
    return { ...registry, host: new URL(registry.url).host, hasReferrers: hasReferrers(registry) }
  })
  if (registries.some(({ hasReferrers }) => hasReferrers)) return registries
  for (const { stop } of started) await stop()
  throw new Error(`olareg is not installed (${goToolHint})`)
}

/**
 * What a client pushed is all there, ENS gives the same digest by contract and verifier, and it is what was to be pushed: the
 * layout byte for byte, or, from clients that build images anew, an image with that text in it. A gateway without a key shows it to
 * who pushed it, and ENS has nothing of it.
 */
export async function expectPushed(
  { mooring }: Lab,
  repository: string,
  tag: string,
  wanted: Layout | { text: string },
): Promise<Content> {
  const content = await readContent(mooring.gateway, repository, tag)
  if ('digests' in wanted) {
    assert.equal(content.digest, wanted.digest)
    assert.deepEqual([...content.blobs.keys()].sort(), [...new Set(wanted.digests)].sort())
  } else assert.ok(hasText(content, wanted.text), `no layer of ${repository}:${tag} has ${wanted.text}`)
  if (mooring.publish && (await isStaged(mooring.gateway, repository, tag))) {
    await expectUnpublished(mooring, `${repository}:${tag}`)
    return content
  }
  const { status, digest, viaEns } = await mooring.resolve(`${repository}:${tag}`)
  assert.deepEqual({ status, digest, viaEns }, { status: 'present', digest: content.digest, viaEns: content.digest })
  return content
}

/** ENS proves that there is no such tag (exit code 3), or that nothing was ever published can be said and no more (4). */
async function expectUnpublished(mooring: Mooring, nameAndTag: string): Promise<void> {
  const refused = await mooring.resolve(nameAndTag).catch((error: Error) => error.message)
  assert.match(String(refused), /: exit (3\n|4\n[\s\S]*no list of)/)
}

/**
 * What a client pushed by digest is all there: published under the tag `digest`, nothing of it is sent again, and it is what ENS names.
 */
export async function expectPushedByDigest(lab: Lab, repository: string, layout: Layout): Promise<void> {
  const { mooring } = lab
  await readContent(mooring.gateway, repository, layout.digest)
  const published = await mooring.publish?.(layout, `${repository}:digest`)
  assert.equal(published?.sent, 0, 'mooring push had to send what the client should have pushed')
  await expectPushed(lab, repository, 'digest', layout)
}

/**
 * A tag that was there is gone: 404 here, and ENS proves that it is absent. `digest`: that manifest is gone too. At a gateway without a key
 * both of that are so once it is signed.
 */
export async function expectDeleted({ mooring }: Lab, repository: string, tag: string, digest?: string): Promise<void> {
  const waits = mooring.publish !== undefined && (await isStaged(mooring.gateway, repository, tag))
  for (const tagOrDigest of [tag, ...(digest && !waits ? [digest] : [])]) {
    assert.equal(
      await statusOf(mooring.gateway, repository, tagOrDigest),
      404,
      `${repository} still has ${tagOrDigest}`,
    )
  }
  if (waits) await mooring.resolve(`${repository}:${tag}`)
  else await mooring.resolveAbsent(`${repository}:${tag}`)
}

/** Every blob and manifest of a layout is in another one on disk, byte for byte. */
export function expectSameLayout(copy: string, layout: Layout): void {
  for (const digest of layout.digests) {
    assert.equal(sha256(readFileSync(join(copy, 'blobs', digest.replace(':', '/')))), digest)
  }
}
