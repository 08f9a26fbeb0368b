/** Answers that are given again for a short while. Questions with one key at the same time are one question. */
export type ShortMemory<Answer> = { answer(key: string, ask: () => Promise<Answer>): Promise<Answer> }

type Kept<Answer> = { answer: Promise<Answer>; askedAt: number; isPending: boolean }

/** Answers kept at once; the one kept longest goes first. */
const maxAnswers = 10_000

/**
 * Keeps an answer for `ttlMs` from before it was asked for, by `clock` (milliseconds); with 0 only those who wait for it share it. A
 * failure is given to those who wait, and not kept.
 */
export function createShortMemory<Answer>(ttlMs: number, clock: () => number): ShortMemory<Answer> {
  const answers = new Map<string, Kept<Answer>>()
  const isFresh = ({ askedAt }: Kept<Answer>) => clock() >= askedAt && clock() - askedAt < ttlMs
  const forget = (key: string, kept: Kept<Answer>) => {
    if (answers.get(key) === kept) answers.delete(key)
  }
  return {
    answer(key, ask) {
      const known = answers.get(key)
      if (known && (known.isPending || isFresh(known))) return known.answer
      const kept: Kept<Answer> = { askedAt: clock(), answer: ask(), isPending: true }
      answers.delete(key)
      answers.set(key, kept)
      const [oldest] = answers.keys()
      if (answers.size > maxAnswers && oldest !== undefined) answers.delete(oldest)
      kept.answer.then(
        () => {
          kept.isPending = false
          if (!isFresh(kept)) forget(key, kept)
        },
        () => forget(key, kept),
      )
      return kept.answer
    },
  }
}
