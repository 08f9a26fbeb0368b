/** An answer kept ready to send; `body` is ASCII or at least short. */
export type KeptAnswer = { body: string }

/** Answers by what was asked: a path, or the callData of a POST. */
export type AnswerCache<Answer extends KeptAnswer> = {
  get(key: string): Answer | undefined
  set(key: string, answer: Answer): void
}

/** Longer keys are multicalls: rare, and large enough to push everything else out. */
const maxKeyChars = 2 + 2 * 2048

/**
 * A bounded cache: when it is full the answers not asked for since they last came up go first (one pass gives each a second chance,
 * so a hit costs one write and no reordering).
 */
export function createAnswerCache<Answer extends KeptAnswer>(
  maxAnswers: number,
  maxChars: number,
): AnswerCache<Answer> {
  const answers = new Map<string, { answer: Answer; isAsked: boolean }>()
  let chars = 0
  const remove = (key: string) => {
    const known = answers.get(key)
    if (!known) return
    chars -= sizeOf(key, known.answer)
    answers.delete(key)
  }
  const makeRoom = () => {
    for (const [key, { answer, isAsked }] of answers) {
      if (answers.size <= maxAnswers && chars <= maxChars) return
      answers.delete(key)
      if (isAsked) answers.set(key, { answer, isAsked: false })
      else chars -= sizeOf(key, answer)
    }
  }
  return {
    get(key) {
      const known = answers.get(key)
      if (known) known.isAsked = true
      return known?.answer
    },
    set(key, answer) {
      remove(key)
      if (key.length > maxKeyChars) return
      answers.set(key, { answer, isAsked: false })
      chars += sizeOf(key, answer)
      makeRoom()
    },
  }
}

function sizeOf(key: string, { body }: KeptAnswer): number {
  return key.length + body.length
}
