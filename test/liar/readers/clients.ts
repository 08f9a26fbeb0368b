import { mkdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { bindProgram, debianHint, goToolHint, type Program, whyMissing } from '../../interop/run.ts'
import type { LiarWorld } from '../world.ts'
import { failureOf, type Proxies, startProxies } from './proxies.ts'
import { type Finding, honestDigest, judge, judgeTags, type Question, type Reader } from './reader.ts'
import { turn } from './turns.ts'

/** A client that a machine may have. */
export type InstalledClient = {
  name: string
  /** Why it is not here, and how to get it. */
  whyNot(): string | undefined
  open(world: LiarWorld): Promise<Reader & { close(): Promise<void> }>
}

/** How a program is told to do what readers do; folders are its own. Pulled images are OCI layouts. */
type Commands = {
  pull(image: string, folder: string): readonly string[]
  tags(repository: string): readonly string[]
}

const programs: Readonly<Record<string, { hint: string; commands: Commands }>> = {
  crane: {
    hint: goToolHint,
    commands: {
      pull: (image, folder) => ['pull', '--format=oci', image, folder],
      tags: (repository) => ['ls', repository],
    },
  },
  skopeo: {
    hint: debianHint('skopeo'),
    commands: {
      pull: (image, folder) => ['copy', '--all', '--src-tls-verify=false', `docker://${image}`, `oci:${folder}:1`],
      tags: (repository) => ['list-tags', '--tls-verify=false', `docker://${repository}`],
    },
  },
  oras: {
    hint: goToolHint,
    commands: {
      pull: (image, folder) => ['copy', '--from-plain-http', '--to-oci-layout', image, `${folder}:1`],
      tags: (repository) => ['repo', 'tags', '--plain-http', repository],
    },
  },
}

/** crane, skopeo and oras: each pulls an image into a folder, where every byte of it is compared. */
export const commandClients: readonly InstalledClient[] = Object.entries(programs).map(
  ([name, { hint, commands }]) => ({
    name,
    whyNot: () => whyMissing(name, hint),
    open: async (world) => {
      const home = join(world.folder, `${name}-home`)
      mkdirSync(home)
      const proxies = await startProxies(world, name)
      const run = bindProgram(name, home)
      const ask: Reader['ask'] = (question, session) => read({ world, proxies, run, commands }, question, session)
      return { name, column: 'proxy', kinds: ['pull', 'tags'], ask, close: proxies.close }
    },
  }),
)

type Session = { world: LiarWorld; proxies: Proxies; run: Program; commands: Commands }

let folders = 0

async function read(
  { world, proxies, run, commands }: Session,
  question: Question,
  session: 'twin' | 'lie',
): Promise<Finding> {
  const { scene, tag, kind } = question
  const repository = `${proxies.hostOf(session)}/${scene.repository}`
  const folder = join(world.folder, `pulled-${folders++}`)
  const mark = proxies.mark(session)
  try {
    const isUnavailable = () => proxies.noted(scene, session, mark) === 'GatewayUnavailable'
    const end = (args: readonly string[]) => turn(() => endsSoon(isUnavailable, (signal) => run(args, { signal })))
    if (kind === 'tags') return tagsIn(await end(commands.tags(repository)))
    await end(commands.pull(`${repository}:${tag}`, folder))
    return judge(question, rootOf(question, folder))
  } catch (error) {
    const failure = failureOf(proxies.noted(scene, session, mark), String(error))
    return failure === 'no such tag' ? judge(question, null) : failure
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

/** crane and oras ask again and again after a 503, for half a minute and more. They get the time for a second try. */
const secondTryMs = 2500

/** Ends a program some time after the proxy said that nobody answers. */
async function endsSoon<Result>(isUnavailable: () => boolean, work: (signal: AbortSignal) => Promise<Result>) {
  const stop = new AbortController()
  let last: NodeJS.Timeout | undefined
  const watch = setInterval(() => {
    if (isUnavailable()) last ??= setTimeout(() => stop.abort(), secondTryMs)
  }, 200)
  try {
    return await work(stop.signal)
  } finally {
    clearInterval(watch)
    clearTimeout(last)
  }
}

function tagsIn(said: string): Finding {
  const tags = said.startsWith('{') ? (JSON.parse(said) as { Tags: string[] }).Tags : said.trim().split('\n')
  return judgeTags(tags)
}

/** The digest of a pulled image all of whose parts have the honest bytes; else a word for the part that has not. */
function rootOf(question: Question, folder: string): string {
  const { image } = question.scene
  const { manifests } = JSON.parse(readFileSync(join(folder, 'index.json'), 'utf8')) as {
    manifests: [{ digest: string }]
  }
  const parts = Object.values(image)
  const pulled = honestDigest(question) === image.imageIndex.digest ? parts : parts.slice(1)
  for (const { digest, bytes } of pulled) {
    const path = join(folder, 'blobs', digest.replace(':', '/'))
    if (!readFileSync(path).equals(bytes)) return `other bytes for ${digest}`
  }
  return manifests[0].digest
}
