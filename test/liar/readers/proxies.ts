import { type RunningProxy, startMooringProxy } from '../../e2e/proxied.ts'
import type { Scene } from '../lie.ts'
import type { LiarWorld } from '../world.ts'
import { type Finding, refused } from './reader.ts'

/** Short enough that a gateway that hangs costs little, long enough for a busy machine. */
export const gatewayTimeoutMs = 4000

/** `mooring proxy` twice over one memory: one that was never lied to, and one that pulls what is told. */
export type Proxies = {
  /** `127.0.0.1:port` of the proxy of a session. */
  hostOf(session: 'twin' | 'lie'): string
  /** Why a client got nothing: the error name that the proxy of that session noted since `from`, undefined for none. */
  noted(scene: Scene, session: 'twin' | 'lie', from: number): string | undefined
  /** How much was noted up to now. */
  mark(session: 'twin' | 'lie'): number
  close(): Promise<void>
}

/** Starts both, asking the gateways that the chain names. @param state the folder of their memory, below the world's */
export async function startProxies(world: LiarWorld, state: string): Promise<Proxies> {
  const flags = ['--timeout-ms', `${gatewayTimeoutMs}`]
  const start = () => startMooringProxy(world, [], state, flags)
  const running: Record<'twin' | 'lie', RunningProxy> = { twin: await start(), lie: await start() }
  return {
    hostOf: (session) => running[session].url.replace('http://', ''),
    noted: (scene, session, from) => reasonIn(running[session].notes.slice(from), scene),
    mark: (session) => running[session].notes.length,
    close: async () => void (await Promise.all([running.twin.stop(), running.lie.stop()])),
  }
}

type Note = { event: string; path?: string; digest?: string; reason?: string }

/** The last word about this name, or about a digest of its image, which is nobody else's. */
function reasonIn(notes: readonly string[], { repository, image }: Scene): string | undefined {
  const digests = Object.values(image).map(({ digest }): string => digest)
  const parsed = notes.flatMap((line) => (line.startsWith('{') ? [JSON.parse(line) as Note] : []))
  const refusals = parsed.filter(({ event, path }) => event === 'refused' && path?.startsWith(`/v2/${repository}/`))
  const rejected = parsed.filter(({ event, digest }) => event === 'source rejected' && digests.includes(digest ?? ''))
  const last = refusals.at(-1) ?? rejected.at(-1)
  return last && (last.reason ?? 'GatewayUnavailable')
}

/** What a client's failure was: refused under the name that the proxy noted, or a "no such tag". */
export function failureOf(noted: string | undefined, said: string): Finding | 'no such tag' {
  if (noted !== undefined) return refused(noted, said)
  if (/manifest unknown|MANIFEST_UNKNOWN|not found/i.test(said)) return 'no such tag'
  return refused('no reason', said)
}
