import type { Column, QuestionKind, Scene } from '../lie.ts'

/** What is asked of a reader. `tag` matters to a pull alone. */
export type Question = { scene: Scene; kind: QuestionKind; tag: string }

/**
 * What came of it. `accepted` is what must never be: content, or the statement that there is no such tag, other than the honest one.
 * `honest` may be that the tag is absent.
 */
export type Finding =
  | { status: 'honest' }
  | { status: 'refused'; error: string; said: string }
  | { status: 'accepted'; what: string }

/** One client. The twin and the lie are asked in two sessions that share what the client remembers. */
export type Reader = {
  name: string
  column: Column
  kinds: readonly QuestionKind[]
  ask(question: Question, session: 'twin' | 'lie'): Promise<Finding>
}

/** A tag of the honest list: its digest, or null where the list proves it absent. */
export function honestDigest({ scene, tag }: Question): string | null {
  const { imageIndex, manifest } = scene.image
  if (tag === 'latest') return imageIndex.digest
  return tag === 'nope' || tag === 'gone' ? null : manifest.digest
}

/** What a digest or an absence is worth; `found` null for "no such tag". */
export function judge(question: Question, found: string | null): Finding {
  const honest = honestDigest(question)
  if (found === honest) return { status: 'honest' }
  return { status: 'accepted', what: `${found ?? 'no such tag'} instead of ${honest ?? 'no such tag'}` }
}

/** A refusal under an error name. */
export function refused(error: string, said: string): Finding {
  return { status: 'refused', error, said }
}

/** Tags as somebody lists them: the honest list has five that can be pulled. */
export function judgeTags(tags: readonly string[]): Finding {
  const honest = ['1.0', 'k0', 'latest', 'pinned', 'zz']
  return `${[...tags].sort()}` === `${honest}` ? { status: 'honest' } : { status: 'accepted', what: `tags ${tags}` }
}
