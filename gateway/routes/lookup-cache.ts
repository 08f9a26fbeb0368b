import type { Hex } from 'viem'
import type { ListLine } from '../store/tag-list-store.ts'
import type { StandingList } from './standing-list.ts'

/** One answer, ready to send, and what it was made from. */
export type LookupAnswer = { line: ListLine; standing: StandingList; body: string }

/** Answers by callData. */
export type LookupCache = {
  get(callData: string): LookupAnswer | undefined
  set(callData: Hex, answer: LookupAnswer): void
}

/** Longer ones are multicalls: rare, and large enough to push everything else out. */
const maxCallDataChars = 2 + 2 * 2048

/**
 * A bounded cache: when it is full the answers not asked for since they last came up go first (one pass gives each a second chance,
 * so a hit costs one write and no reordering).
 */
export function createLookupCache(maxAnswers: number, maxBytes: number): LookupCache {
  const answers = new Map<string, LookupAnswer & { isAsked: boolean }>()
  let bytes = 0
  const remove = (callData: string) => {
    const known = answers.get(callData)
    if (!known) return
    bytes -= sizeOf(callData, known)
    answers.delete(callData)
  }
  const makeRoom = () => {
    for (const [callData, answer] of answers) {
      if (answers.size <= maxAnswers && bytes <= maxBytes) return
      answers.delete(callData)
      if (answer.isAsked) answers.set(callData, { ...answer, isAsked: false })
      else bytes -= sizeOf(callData, answer)
    }
  }
  return {
    get(callData) {
      const answer = answers.get(callData)
      if (answer) answer.isAsked = true
      return answer
    },
    set(callData, answer) {
      remove(callData)
      if (callData.length > maxCallDataChars) return
      answers.set(callData, { ...answer, isAsked: false })
      bytes += sizeOf(callData, answer)
      makeRoom()
    },
  }
}

function sizeOf(callData: string, { body }: LookupAnswer): number {
  return callData.length + body.length
}
