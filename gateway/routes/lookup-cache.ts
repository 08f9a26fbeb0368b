import type { ListLine } from '../store/tag-list-store.ts'
import type { StandingList } from './standing-list.ts'

/** One answer, ready to send, and what it was made from. */
export type LookupAnswer = { line: ListLine; standing: StandingList; body: string }

/** Answers by the path of a GET, or by the callData of a POST. */
export type LookupCache = {
  get(key: string): LookupAnswer | undefined
  set(key: string, answer: LookupAnswer): void
}

/** Longer ones are multicalls: rare, and large enough to push everything else out. */
const maxKeyChars = 2 + 2 * 2048

/**
 * A bounded cache: when it is full the answers not asked for since they last came up go first (one pass gives each a second chance,
 * so a hit costs one write and no reordering).
 */
export function createLookupCache(maxAnswers: number, maxBytes: number): LookupCache {
  const answers = new Map<string, LookupAnswer & { isAsked: boolean }>()
  let bytes = 0
  const remove = (key: string) => {
    const known = answers.get(key)
    if (!known) return
    bytes -= sizeOf(key, known)
    answers.delete(key)
  }
  const makeRoom = () => {
    for (const [key, answer] of answers) {
      if (answers.size <= maxAnswers && bytes <= maxBytes) return
      answers.delete(key)
      if (answer.isAsked) answers.set(key, { ...answer, isAsked: false })
      else bytes -= sizeOf(key, answer)
    }
  }
  return {
    get(key) {
      const answer = answers.get(key)
      if (answer) answer.isAsked = true
      return answer
    },
    set(key, answer) {
      remove(key)
      if (key.length > maxKeyChars) return
      answers.set(key, { ...answer, isAsked: false })
      bytes += sizeOf(key, answer)
      makeRoom()
    },
  }
}

function sizeOf(key: string, { body }: LookupAnswer): number {
  return key.length + body.length
}
