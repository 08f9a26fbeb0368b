import { cast } from '../cast.ts'
import type { Answer, Asked, Lie, Told } from '../lie.ts'
import * as bodies from './bodies.ts'
import { redirect } from './elsewhere.ts'

/** The first of two gateways answers in another way; the second is honest. */
function first(about: Asked['kind'], change: (answer: Answer) => Answer): Told {
  return { answer: (answer, { kind, second }) => (kind === about && !second ? change(answer) : answer) }
}

const lie = (name: string, tell: Lie['tell'], contract?: Lie['expected']['contract']): Lie => ({
  ...{ name: `${name}, beside an honest gateway`, clause: '4', beside: true, tell },
  expected: { proxy: 'honest', library: 'honest', ...(contract && { contract }) },
})

/** Who lies or is silent only sends the client on: the honest content comes from the second gateway. */
export const lonelyLies: readonly Lie[] = [
  lie('500', () => first('lookup', bodies.status(500)), 'honest'),
  lie('404', () => first('lookup', bodies.status(404))),
  lie('a web page', () => first('lookup', bodies.page)),
  lie('silence', () => first('lookup', bodies.silent)),
  lie('a redirect', ({ world }) => first('lookup', redirect(`http://127.0.0.1:${world.trap.port}/`))),
  lie('a forged list', async (scene) => ({ firstStatement: await scene.sign({ signers: [cast.stranger] }) })),
  {
    ...lie('a wrong manifest', () => first('manifest', bodies.altered(bodies.lastBit))),
    expected: { proxy: 'honest' },
  },
  { ...lie('a wrong blob', () => first('blob', bodies.altered(bodies.lastBit))), expected: { proxy: 'honest' } },
  { ...lie('no blob', () => first('blob', bodies.status(404))), expected: { proxy: 'honest' } },
  { ...lie('a blob that stops early', () => first('blob', bodies.stalled(100))), expected: { proxy: 'honest' } },
  {
    ...lie('a blob broken off', () => first('blob', bodies.brokenOff(2_000_000))),
    layerBytes: 2_500_000,
    expected: { proxy: 'honest' },
  },
  {
    ...lie('a list with a tag left out', () => first('list', withoutTag)),
    asks: 'tags',
    expected: { proxy: 'honest' },
  },
]

function withoutTag(answer: Answer): Answer {
  return bodies.altered((bytes) =>
    Buffer.from(
      Buffer.from(bytes)
        .toString()
        .replace(/\{"tag":"pinned".*?\},/, ''),
    ),
  )(answer)
}
