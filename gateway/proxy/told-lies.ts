import type { Digest } from '../oci/digest.ts'
import type { Refusal } from '../tags/refusal.ts'

/** Who sent wrong bytes for one content a short while ago: it is not asked for it again, and the refusal is the answer where nobody else is left. */
export type ToldLies = { find(from: string): Refusal | undefined; note(from: string, refusal: Refusal): void }

/** The lies of all content. */
export type LieMemory = { about(ensName: string, digest: Digest): ToldLies }

const rememberedMs = 60_000
const maxLies = 1_000

/** Nobody has lied yet. `clock` in milliseconds. */
export function createLieMemory(clock: () => number): LieMemory {
  const lies = new Map<string, { refusal: Refusal; until: number }>()
  return {
    about(ensName, digest) {
      const keyOf = (from: string) => `${ensName} ${digest} ${from}`
      return {
        find(from) {
          const lie = lies.get(keyOf(from))
          return lie && lie.until > clock() ? lie.refusal : undefined
        },
        note(from, refusal) {
          lies.delete(keyOf(from))
          lies.set(keyOf(from), { refusal, until: clock() + rememberedMs })
          const [oldest] = lies.keys()
          if (lies.size > maxLies && oldest !== undefined) lies.delete(oldest)
        },
      }
    },
  }
}
