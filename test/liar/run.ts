import type { Column, Ending, Lie, Scene, Told } from './lie.ts'
import type { Finding, Reader } from './readers/reader.ts'
import { type LiarWorld, openScene } from './world.ts'

/** What one reader made of one lie and of its twin. */
export type Scored = {
  reader: string
  column: Column
  wanted: Ending
  twin: Finding
  told: Finding
  isTwinRight: boolean
  isLieRight: boolean
}

/** Tells the twin to every reader whom the lie concerns, does what happens between, and tells the lie to the same readers. */
export async function playLie(world: LiarWorld, lie: Lie, readers: readonly Reader[], now: bigint): Promise<Scored[]> {
  const scene = await openScene(world, lie, now)
  const concerned = readers.filter((reader) => isConcerned(lie, reader))
  tell(scene, (await lie.twin?.(scene)) ?? {})
  const twins = await Promise.all(concerned.map((reader) => read(scene, lie, reader, 'twin')))
  await lie.meanwhile?.(scene)
  tell(scene, await lie.tell(scene))
  const found = await Promise.all(concerned.map((reader) => read(scene, lie, reader, 'lie')))
  const lies = playOf(scene).lies
  if (lies < concerned.length) throw new Error(`${lies} lies were told to ${concerned.length} readers`)
  return concerned.map((reader, position) => score(lie, reader, twins[position], found[position]))
}

function isConcerned({ expected, asks = 'pull', byHttpAlone }: Lie, { name, column, kinds }: Reader): boolean {
  const isLeftOut = byHttpAlone === true && column === 'proxy' && name !== 'http'
  return expected[column] !== undefined && kinds.includes(asks) && !isLeftOut
}

function playOf({ world, ensName }: Scene) {
  const play = world.liar.plays.get(ensName)
  if (play === undefined) throw new Error(`${ensName} is not played`)
  return play
}

function tell(scene: Scene, told: Told): void {
  Object.assign(playOf(scene), { told, lies: 0 })
}

async function read(scene: Scene, lie: Lie, reader: Reader, session: 'twin' | 'lie'): Promise<Finding> {
  const { asks: kind = 'pull', tag = 'latest', after } = lie
  try {
    if (session === 'lie' && after !== undefined) {
      const first = await reader.ask({ scene, kind, tag: after }, session)
      if (first.status !== 'honest') return first
    }
    return await reader.ask({ scene, kind, tag }, session)
  } catch (error) {
    return {
      status: 'refused',
      error: 'an error of the reader',
      said: error instanceof Error ? `${error.stack}` : `${error}`,
    }
  }
}

function score(lie: Lie, { name, column }: Reader, twin?: Finding, told?: Finding): Scored {
  const wanted = lie.expected[column]
  if (twin === undefined || told === undefined || wanted === undefined) throw new Error(`${name} was not asked`)
  const isLieRight = wanted === 'honest' ? told.status === 'honest' : told.status === 'refused' && told.error === wanted
  return { reader: name, column, wanted, twin, told, isTwinRight: twin.status === 'honest', isLieRight }
}
